package signature_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
	"github.com/everhook/everhook/internal/signature/vectors"
)

// bodies are bodies for presets that read the body.
var bodies = map[string]string{
	"adyen": `{"notificationItems":[{"NotificationRequestItem":{"pspReference":"p1","amount":{"value":1130},` +
		`"eventCode":"CAPTURE","success":"true"}}]}`,
	"mailgun": `{"event-data":{"id":"msg_1"}}`,
	"line":    `{"events":[{"webhookEventId":"msg_1"}]}`,
	"trello":  `{"action":{"id":"msg_1"}}`, "pagerduty": `{"event":{"id":"msg_1"}}`,
	"telegram": `{"update_id":17}`, "slack": `{"event_id":17}`, "aws-sns": `{"MessageId":"msg_1"}`,
}

// keys are the dedupe keys of deliveries with the ID msg_1, if they differ from it.
var keys = map[string]string{"slack": "17", "telegram": "17", "adyen": "p1:CAPTURE:true"}

func TestEveryPresetVerifiesWhatItSigns(t *testing.T) {
	t.Parallel()
	for _, preset := range signature.Presets() {
		if preset.Name == signature.Generic {
			continue
		}
		t.Run(preset.Name, func(t *testing.T) {
			t.Parallel()
			body := bodies[preset.Name]
			if body == "" {
				body = `{"id":"msg_1","event_id":"msg_1","webhookTimestamp":1700000000000}`
			}
			m := signature.Message{Body: []byte(body), ReceivedAt: receivedAt, Method: http.MethodPost,
				Base: "https://hooks.example.org", Target: "/api/webhook:trigger/token?a=1"}
			secret := secretFor(preset.Scheme)
			signed, err := preset.Sign(signature.Delivery{ID: "msg_1", SentAt: receivedAt, Body: m.Body,
				Method: m.Method,
				Base:   m.Base, Target: m.Target}, secret)
			if preset.Certificate != nil {
				require.ErrorContains(t, err, "private key")
				signed = &signature.Signed{Body: m.Body}
			} else {
				require.NoError(t, err)
				m = delivered(signed, m, "application/json")
				if !preset.Unsigned {
					require.NoError(t, preset.Verify(m, []string{secret}))
				}
			}
			document, err := everhook.ParseJSON(signed.Body)
			require.NoError(t, err)
			key := ""
			if preset.NamesEvents() {
				key = "msg_1"
				if other, ok := keys[preset.Name]; ok {
					key = other
				}
			}
			require.Equal(t, key, preset.DedupeKey(headerOf(signed.Headers).Get, document))
			require.Empty(t, preset.DedupeKey(http.Header{}.Get, []any{true}))
		})
	}
}

func TestEveryPresetIsComplete(t *testing.T) {
	t.Parallel()
	for _, preset := range signature.Presets() {
		require.NotEmpty(t, preset.Title, preset.Name)
		require.Positive(t, preset.Wait, preset.Name)
		if preset.Patience > 0 {
			require.LessOrEqual(t, preset.Wait, preset.Patience, preset.Name)
		}
		if preset.Name == signature.Generic {
			continue
		}
		require.True(t, strings.HasPrefix(preset.Docs, "https://"), preset.Name)
		require.NotEmpty(t, preset.Setup, preset.Name)
		if preset.Unsigned {
			require.NotEmpty(t, preset.Notes, preset.Name)
			continue
		}
		require.NotEmpty(t, preset.Methods, preset.Name)
		require.True(t, slices.ContainsFunc(vectors.All,
			func(v vectors.Vector) bool { return v.Preset == preset.Name }),
			"%s has no vector", preset.Name)
	}
	names := signature.Names()
	slices.Sort(names)
	require.Len(t, slices.Compact(names), len(signature.Presets()))
	published := map[string]bool{}
	for _, v := range vectors.All {
		require.NotEmpty(t, v.Source, v.Preset)
		if !v.Made {
			published[v.Preset] = true
		}
	}
	require.GreaterOrEqual(t, len(published), 20, "presets with published vectors")
}

func TestAlgorithms(t *testing.T) {
	t.Parallel()
	body := []byte(`{"a":1}`)
	for algorithm, secrets := range map[signature.Algorithm][2]string{
		signature.SHA1: {"s", "s"}, signature.SHA256: {"s", "s"}, signature.SHA384: {"s", "s"},
		signature.SHA512: {"s", "s"}, signature.PlainSHA256: {"s", "s"}, signature.Token: {"s", "s"},
		signature.JWT:     {"s", "s"},
		signature.Ed25519: {privateEd25519, publicEd25519}, signature.ECDSAP256: {privateECDSA, publicECDSA},
		signature.RSASHA1: {privateRSA, publicRSA}, signature.RSASHA256: {privateRSA, publicRSA},
		signature.RSASHA512: {privateRSA, publicRSA}, signature.RSAPSS: {privateRSA, publicRSA},
	} {
		t.Run(string(algorithm), func(t *testing.T) {
			t.Parallel()
			signed := "{body}"
			if algorithm == signature.PlainSHA256 {
				signed = "{secret}{body}"
			}
			scheme := generic(t, signature.Scheme{Signature: signature.Place{Header: "X-Sig"},
				Methods: []signature.Method{{Prefix: "v1=", Algorithm: algorithm, Encoding: signature.Base64}},
				Digest:  signature.Digest{Claim: "sha256", Encoding: signature.Hex}}, signed)
			delivery, err := scheme.Sign(signature.Delivery{SentAt: receivedAt, Body: body}, secrets[0])
			require.NoError(t, err)
			m := message(headerOf(delivery.Headers), body)
			require.NoError(t, scheme.Verify(m, []string{secrets[1]}))
			require.NoError(t, scheme.Verify(m, []string{secrets[0]}), "a private key verifies too")
			if algorithm != signature.Token {
				m.Body = []byte(`{"a":2}`)
				require.Equal(t, signature.Mismatch, scheme.Verify(m, []string{secrets[1]}))
			}
			if secrets[0] != secrets[1] {
				_, err := scheme.Sign(signature.Delivery{SentAt: receivedAt, Body: body}, secrets[1])
				require.ErrorContains(t, err, "cannot sign")
				require.Error(t, scheme.CheckSecret("no key"))
			}
		})
	}
}

func TestKeysOfAnotherKindAreNone(t *testing.T) {
	t.Parallel()
	for algorithm, wrong := range map[signature.Algorithm][]string{
		signature.Ed25519:   {publicRSA, publicECDSA, "00", "AAAA", strings.Repeat("1", 62), publicP384},
		signature.ECDSAP256: {publicRSA, publicEd25519, publicP384, "-----BEGIN PUBLIC KEY-----"},
		signature.RSASHA256: {publicECDSA, publicEd25519, publicP384},
	} {
		scheme := signature.Scheme{Methods: []signature.Method{{Algorithm: algorithm}}}
		for _, secret := range wrong {
			require.ErrorContains(t, scheme.CheckSecret(secret), "not a public key for this algorithm", "%s: %s",
				algorithm,
				secret)
		}
	}
}

func TestASignatureOfTwoNumbers(t *testing.T) {
	t.Parallel()
	scheme := generic(t, signature.Scheme{Signature: signature.Place{Header: "X-Sig"},
		Methods: []signature.Method{{Algorithm: signature.ECDSAP256, Encoding: signature.Hex}}}, "body")
	header := http.Header{"X-Sig": {rawECDSA}}
	require.NoError(t, scheme.Verify(message(header, []byte("x")), []string{publicECDSA}))
	require.Equal(t, signature.Mismatch, scheme.Verify(message(header, []byte("y")), []string{publicECDSA}))
}

func TestSecretsInHexAndBase64(t *testing.T) {
	t.Parallel()
	for form, secret := range map[signature.KeyForm]string{signature.HexKeys: "fbff", signature.Base64Keys: "-_8"} {
		scheme := generic(t, signature.Scheme{Signature: signature.Place{Header: "X-Sig"}, Keys: form,
			Methods: []signature.Method{{Algorithm: signature.SHA256, Encoding: signature.Hex}}}, "body")
		raw := scheme
		raw.Keys = signature.TextKeys
		delivery, err := raw.Sign(signature.Delivery{Body: []byte("x")}, "\xfb\xff")
		require.NoError(t, err)
		require.NoError(t, scheme.Verify(message(headerOf(delivery.Headers), []byte("x")), []string{secret}))
		require.Error(t, scheme.CheckSecret("*"))
	}
}

func TestPlacesOfASignedText(t *testing.T) {
	t.Parallel()
	const signed = `{method} {url} {path} {query} {header:X-Topic} {body:a.b} {body}`
	scheme := generic(t, signature.Scheme{Signature: signature.Place{Query: "sig"},
		Methods: []signature.Method{{Algorithm: signature.PlainSHA256, Encoding: signature.Hex}}}, signed)
	m := signature.Message{Method: "POST", Base: "https://h.example", Body: []byte(`{"a":{"b":7}}`),
		Header: http.Header{"X-Topic": {"t"}}.Values}
	const text = `POST https://h.example/p?x=1 /p x=1 t 7 {"a":{"b":7}}`
	sum := sha256.Sum256([]byte(text))
	for _, target := range []string{"/p?x=1&sig=", "/p?sig="} {
		m.Target = target + hex.EncodeToString(sum[:])
		want := error(nil)
		if !strings.Contains(target, "x=1") {
			want = signature.Mismatch
		}
		require.Equal(t, want, scheme.Verify(m, []string{"s"}))
	}
	m.Target += "&sig=" + hex.EncodeToString(sum[:])
	require.Equal(t, signature.Malformed, scheme.Verify(m, []string{"s"}), "two signatures in the query")
	m.Target = "/p?x=1"
	require.Equal(t, signature.Missing, scheme.Verify(m, []string{"s"}))
}

func TestABodyThatIsNoFormIsNotSignedByItsFields(t *testing.T) {
	t.Parallel()
	scheme := generic(t, signature.Scheme{Signature: signature.Place{Header: "X-Sig"},
		Methods: []signature.Method{{Algorithm: signature.SHA256, Encoding: signature.Hex}}}, "{form:sorted}")
	empty, err := scheme.Sign(signature.Delivery{}, "s")
	require.NoError(t, err)
	m := message(headerOf(empty.Headers), nil)
	require.NoError(t, scheme.Verify(m, []string{"s"}))
	m.Body = []byte(`{"forged":true}`)
	require.Equal(t, signature.Malformed, scheme.Verify(m, []string{"s"}))

	twilio := find(t, "twilio")
	signed, err := twilio.Sign(signature.Delivery{Base: "https://h", Target: "/p"}, "s")
	require.NoError(t, err)
	m = message(headerOf(signed.Headers), []byte(`{"forged":true}`))
	m.Base, m.Target = "https://h", "/p"
	require.Equal(t, signature.Missing, twilio.Verify(m, []string{"s"}), "without its digest")
}

func TestASecondItemOfAdyenIsRefused(t *testing.T) {
	t.Parallel()
	i := slices.IndexFunc(vectors.All, func(v vectors.Vector) bool { return v.Preset == "adyen" })
	v := vectors.All[i]
	body := strings.Replace(v.Body, "}}]", `}},{"NotificationRequestItem":{"pspReference":"forged"}}]`, 1)
	require.NotEqual(t, v.Body, body)
	preset := find(t, "adyen")
	require.Equal(t, signature.Malformed, preset.Verify(message(http.Header{}, []byte(body)), []string{v.Secret}))
}
