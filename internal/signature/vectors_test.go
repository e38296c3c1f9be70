package signature_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/signature"
)

// A vector is a delivery that somebody else has signed.
type vector struct {
	scheme signature.Scheme
	secret string
	header http.Header
	body   string
	sent   time.Time
}

// vectors are those that providers have published. Shopify, Linear and Meta publish none; theirs, and those of hmac,
// were signed with openssl:
//
//	printf '…' | openssl dgst -sha256 -hmac SECRET [-binary | base64]
func vectors(t testing.TB) map[string]vector {
	t.Helper()
	preset := func(name string) signature.Scheme { return find(t, name).Scheme }
	return map[string]vector{
		// https://github.com/standard-webhooks/standard-webhooks, the test vectors of the specification.
		"standard-webhooks": {
			preset("standard-webhooks"), standardSecret, http.Header{
				"Webhook-Id": {"msg_p5jXN8AQM9LWM0D4loKWxJek"}, "Webhook-Timestamp": {"1614265330"},
				"Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
			}, `{"test": 2432232314}`, time.Unix(1614265330, 0),
		},
		// https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
		"github": {
			preset("github"), "It's a Secret to Everybody",
			http.Header{"X-Hub-Signature-256": {"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
			"Hello, World!", receivedAt,
		},
		// https://docs.slack.dev/authentication/verifying-requests-from-slack
		"slack": {
			preset("slack"), "8f742231b10e8888abcd99yyyzzz85a5", http.Header{
				"X-Slack-Request-Timestamp": {"1531420618"},
				"X-Slack-Signature":         {"v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
			},
			"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA" +
				"&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J" +
				"%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
			time.Unix(1531420618, 0),
		},
		"shopify": {
			preset("shopify"), "hush-shopify",
			http.Header{"X-Shopify-Hmac-Sha256": {"MWpyKJYabH72qI/yDN6NYmDSsyVHSs+LeGmsMwtGgRo="}},
			`{"id":820982911946154508,"email":"jon@example.com"}`, receivedAt,
		},
		"linear": {
			preset("linear"), "lin_wh_secret",
			http.Header{"Linear-Signature": {"183590c07dec2b12f5222bca65a170e056f00d687785f6c46cb7bfb7cc1973c6"}},
			`{"action":"create","webhookTimestamp":1676056940508}`, time.UnixMilli(1676056940508),
		},
		"meta": {
			preset("meta"), "meta-app-secret",
			http.Header{"X-Hub-Signature-256": {"sha256=c86bf0da4fe2f7064daf6a60655f6eaefc0111fcc737903bbe81e4f96d197116"}},
			`{"object":"page","text":"\u00e4"}`, receivedAt,
		},
		"hmac as Twitch signs": {
			generic(t, signature.Scheme{
				Header: "Twitch-Eventsub-Message-Signature",
				Methods: []signature.Method{{Prefix: "sha256=", Algorithm: signature.SHA256,
					Encoding: signature.Hex}},
				ID:        "Twitch-Eventsub-Message-Id",
				Timestamp: signature.Source{Header: "Twitch-Eventsub-Message-Timestamp"}, Tolerance: 10 * time.Minute,
			}, "{id}{timestamp}{body}"),
			"twitch-secret", http.Header{
				"Twitch-Eventsub-Message-Signature": {"sha256=9f94ca11907d827542f15eb1acfdcac0d961dbc6a41c015ddd1475bb4ef1157e"},
				"Twitch-Eventsub-Message-Id":        {"abc"},
				"Twitch-Eventsub-Message-Timestamp": {"2024-02-03T04:05:06Z"},
			}, `{"a":1}`, time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC),
		},
		"hmac as Zendesk signs": {
			generic(t, signature.Scheme{
				Header:    "X-Zendesk-Webhook-Signature",
				Methods:   []signature.Method{{Algorithm: signature.SHA256, Encoding: signature.Base64}},
				Timestamp: signature.Source{Header: "X-Zendesk-Webhook-Signature-Timestamp"}, Tolerance: time.Minute,
			}, "{timestamp}{body}"),
			"zendesk-secret", http.Header{
				"X-Zendesk-Webhook-Signature":           {"ybdZG5zH0Q0ayIJ3zjvqzP61jOp+oE+uL4iJ1S/Uyp0="},
				"X-Zendesk-Webhook-Signature-Timestamp": {"2024-02-03T04:05:06Z"},
			}, `{"a":1}`, time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC),
		},
		"hmac with sha1": {
			generic(t, signature.Scheme{Header: "X-Sig",
				Methods: []signature.Method{{Algorithm: signature.SHA1, Encoding: signature.Hex}}}, "body"),
			"k", http.Header{"X-Sig": {"cb00131fcec602a8fc84413a2a70154d8c06a0d2"}}, "x", receivedAt,
		},
		"hmac with sha512 and base64url": {
			generic(t, signature.Scheme{Header: "X-Sig", Separator: ",",
				Methods: []signature.Method{{Prefix: "s=", Algorithm: signature.SHA512,
					Encoding: signature.Base64URL}}}, "body"),
			"k", http.Header{"X-Sig": {"s=OPvLCUuZ-ac9hi0MsrAfmIIlnFYvuufz45_gXr8dy3pnWA2Moj3SoN5xDDVj2YgBiuFCTlstLeNN1PTt48f8TA=="}}, "x", receivedAt,
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
	for name, v := range vectors(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, v.scheme.Verify(v.message(), []string{v.secret}))
		})
	}
}

func (v vector) message() signature.Message {
	m := message(v.header, []byte(v.body))
	m.ReceivedAt = v.sent
	return m
}
