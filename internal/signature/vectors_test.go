package signature_test

import (
	"cmp"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/signature"
	"github.com/everhook/everhook/internal/signature/vectors"
)

// A vector is a delivery that another system has signed.
type vector struct {
	scheme signature.Scheme
	secret string
	header http.Header
	body   string
	sent   time.Time
	// base and target are the parts of its URL, if that is signed.
	base, target string
}

// vectorsOf returns the vectors of the presets, and some of hmac, which were signed with openssl:
//
//	printf '…' | openssl dgst -sha256 -hmac SECRET [-binary | base64]
func vectorsOf(t testing.TB) map[string]vector {
	t.Helper()
	all := map[string]vector{}
	for _, v := range vectors.All {
		header := http.Header{"Content-Type": {cmp.Or(v.Type, "application/json")}}
		for name, value := range v.Header {
			header.Set(name, value)
		}
		base, target := cut(v.URL)
		all[strings.TrimSpace(v.Preset+" "+v.Name)] = vector{scheme: find(t, v.Preset).Scheme, secret: v.Secret,
			header: header, body: v.Body, sent: v.At, base: base, target: target}
	}
	for name, v := range genericVectors(t) {
		all[name] = v
	}
	return all
}

// cut separates the base of a URL from its target.
func cut(url string) (base, target string) {
	scheme, rest, _ := strings.Cut(url, "://")
	if slash := strings.IndexByte(rest, '/'); slash >= 0 {
		return scheme + "://" + rest[:slash], rest[slash:]
	}
	return "", ""
}

func genericVectors(t testing.TB) map[string]vector {
	t.Helper()
	return map[string]vector{
		"hmac as Twitch signs": {
			scheme: generic(t, signature.Scheme{
				Signature: signature.Place{Header: "Twitch-Eventsub-Message-Signature"},
				Methods: []signature.Method{{Prefix: "sha256=", Algorithm: signature.SHA256,
					Encoding: signature.Hex}},
				ID:        signature.Place{Header: "Twitch-Eventsub-Message-Id"},
				Timestamp: signature.Place{Header: "Twitch-Eventsub-Message-Timestamp"}, Tolerance: 10 * time.Minute,
			}, "{id}{timestamp}{body}"),
			secret: "twitch-secret", header: http.Header{
				"Twitch-Eventsub-Message-Signature": {
					"sha256=9f94ca11907d827542f15eb1acfdcac0d961dbc6a41c015ddd1475bb4ef1157e"},
				"Twitch-Eventsub-Message-Id":        {"abc"},
				"Twitch-Eventsub-Message-Timestamp": {"2024-02-03T04:05:06Z"},
			}, body: `{"a":1}`, sent: time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC),
		},
		"hmac as Zendesk signs": {
			scheme: generic(t, signature.Scheme{
				Signature: signature.Place{Header: "X-Zendesk-Webhook-Signature"},
				Methods:   []signature.Method{{Algorithm: signature.SHA256, Encoding: signature.Base64}},
				Timestamp: signature.Place{Header: "X-Zendesk-Webhook-Signature-Timestamp"}, Tolerance: time.Minute,
			}, "{timestamp}{body}"),
			secret: "zendesk-secret", header: http.Header{
				"X-Zendesk-Webhook-Signature":           {"ybdZG5zH0Q0ayIJ3zjvqzP61jOp+oE+uL4iJ1S/Uyp0="},
				"X-Zendesk-Webhook-Signature-Timestamp": {"2024-02-03T04:05:06Z"},
			}, body: `{"a":1}`, sent: time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC),
		},
		"hmac with sha1": {
			scheme: generic(t, signature.Scheme{
				Signature: signature.Place{Header: "X-Sig"},
				Methods:   []signature.Method{{Algorithm: signature.SHA1, Encoding: signature.Hex}}}, "body"),
			secret: "k", header: http.Header{"X-Sig": {"cb00131fcec602a8fc84413a2a70154d8c06a0d2"}}, body: "x",
			sent: receivedAt,
		},
		"hmac with sha512 and base64url": {
			scheme: generic(t, signature.Scheme{
				Signature: signature.Place{Header: "X-Sig"}, Separator: ",",
				Methods: []signature.Method{{Prefix: "s=", Algorithm: signature.SHA512,
					Encoding: signature.Base64URL}}}, "body"),
			secret: "k", header: http.Header{"X-Sig": {
				"s=OPvLCUuZ-ac9hi0MsrAfmIIlnFYvuufz45_gXr8dy3pnWA2Moj3SoN5xDDVj2YgBiuFCTlstLeNN1PTt48f8TA=="}},
			body: "x", sent: receivedAt,
		},
	}
}

func generic(t testing.TB, s signature.Scheme, signed string) signature.Scheme {
	t.Helper()
	template, err := signature.ParseTemplate(signed)
	require.NoError(t, err)
	s.Signed = template
	return s
}

func TestWhatOthersHaveSignedIsVerified(t *testing.T) {
	t.Parallel()
	for name, v := range vectorsOf(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, v.scheme.Verify(v.message(), []string{v.secret}))
		})
	}
}

func (v vector) message() signature.Message {
	m := message(v.header, []byte(v.body))
	m.ReceivedAt, m.Method, m.Base, m.Target = v.sent, http.MethodPost, v.base, v.target
	return m
}
