package signature_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
)

var receivedAt = time.Unix(1_700_000_000, 0)

func find(t testing.TB, name string) signature.Preset {
	t.Helper()
	preset, ok := signature.Find(name)
	require.True(t, ok)
	return preset
}

func message(header http.Header, body []byte) signature.Message {
	return signature.Message{Header: header.Values, Body: body, ReceivedAt: receivedAt}
}

func headerOf(headers map[string]string) http.Header {
	header := http.Header{}
	for name, value := range headers {
		header.Set(name, value)
	}
	return header
}

// wrong is another signature of the same form.
func wrong(value string) string {
	at := len(value) - 10
	changed := byte('A')
	if value[at] == 'A' || value[at] == 'a' {
		changed = 'B'
	}
	return value[:at] + string(changed) + value[at+1:]
}

// TestEveryChangeOfADeliveryIsRefused changes one thing at a time in deliveries that are known to be right.
func TestEveryChangeOfADeliveryIsRefused(t *testing.T) {
	t.Parallel()
	all := vectors(t)
	stripe := find(t, "stripe")
	all["stripe"] = vector{stripe.Scheme, "whsec_test",
		headerOf(sign(t, stripe, signature.Delivery{SentAt: receivedAt, Body: []byte(`{"id":"evt_1"}`)}, "whsec_test")),
		`{"id":"evt_1"}`, receivedAt}
	for name, v := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			verify := func(change func(v *vector), secrets ...string) error {
				changed := v
				changed.header = v.header.Clone()
				change(&changed)
				if secrets == nil {
					secrets = []string{v.secret}
				}
				return v.scheme.Verify(changed.message(), secrets)
			}
			set := func(value string) func(*vector) {
				return func(v *vector) { v.header.Set(v.scheme.Header, value) }
			}
			same := func(*vector) {}
			value := v.header.Get(v.scheme.Header)
			another := "another secret"
			if v.scheme.Keys == signature.StandardKeys {
				another = "whsec_" + base64.StdEncoding.EncodeToString([]byte(another))
			}

			require.NoError(t, verify(same))
			require.Equal(t, signature.Mismatch, verify(same, another), "the wrong secret")
			require.NoError(t, verify(same, another, v.secret), "one of two secrets")
			require.NoError(t, verify(same, v.secret, another), "one of two secrets")
			require.Error(t, verify(same, ""), "an empty secret")
			require.NoError(t, verify(same, "", v.secret), "an empty secret beside the right one")
			require.Equal(t, signature.Mismatch, v.scheme.Verify(v.message(), nil), "no secret")
			require.Equal(t, signature.Mismatch, verify(func(v *vector) { v.body = v.body[:len(v.body)-1] + "~" }),
				"a changed byte")
			require.Equal(t, signature.Mismatch, verify(func(v *vector) { v.body += " " }), "a byte more")
			require.Equal(t, signature.Mismatch, verify(func(v *vector) { v.body = "" }), "no body")
			require.Equal(t, signature.Missing, verify(func(v *vector) { v.header.Del(v.scheme.Header) }),
				"no signature")
			require.Equal(t, signature.Mismatch, verify(set(wrong(value))), "another signature")
			for _, malformed := range []string{"", " ", "sha256=", "x", value[:len(value)-6], value + "00",
				strings.Repeat("A", 100_000)} {
				require.Equal(t, signature.Malformed, verify(set(malformed)), everhook.Shorten(malformed, 200))
			}
			if v.scheme.Timestamp.Element == "" {
				require.Equal(t, signature.Malformed, verify(set("other="+value)), "another prefix")
			}
			if v.scheme.Separator != "" {
				require.NoError(t, verify(set(value+v.scheme.Separator+lastElement(v.scheme, wrong(value)))),
					"two signatures, the first is right")
				require.NoError(t, verify(set(wrong(value)+v.scheme.Separator+lastElement(v.scheme, value))),
					"two signatures, the second is right")
				require.Equal(t, signature.Mismatch,
					verify(set(wrong(value)+v.scheme.Separator+lastElement(v.scheme, wrong(value)))),
					"two signatures, both wrong")
				require.NoError(t, verify(set(value+v.scheme.Separator+"v9=x")), "an unknown element")
				require.Equal(t, signature.Malformed,
					verify(set(value+strings.Repeat(v.scheme.Separator+lastElement(v.scheme, value), 8))),
					"too many signatures")
			}
			for _, header := range []string{v.scheme.ID, v.scheme.Timestamp.Header} {
				if header == "" {
					continue
				}
				require.Equal(t, signature.Missing, verify(func(v *vector) { v.header.Del(header) }), header)
				require.Equal(t, signature.Missing, verify(func(v *vector) { v.header.Set(header, "") }), header)
				require.Equal(t, signature.Malformed,
					verify(func(v *vector) { v.header.Add(header, v.header.Get(header)) }), header)
			}
			if !v.scheme.Timestamp.IsSet() {
				require.NoError(t, verify(func(v *vector) { v.sent = v.sent.AddDate(1, 0, 0) }))
				return
			}
			for _, late := range []time.Duration{v.scheme.Tolerance, -v.scheme.Tolerance} {
				require.NoError(t, verify(func(v *vector) { v.sent = v.sent.Add(late) }), late)
				require.Equal(t, signature.Untimely, verify(func(v *vector) { v.sent = v.sent.Add(late + late/1000) }),
					late)
			}
			if header := v.scheme.Timestamp.Header; header != "" {
				require.Equal(t, signature.Mismatch, verify(func(v *vector) {
					v.header.Set(header, later(v.header.Get(header)))
				}), "another time")
				for _, malformed := range []string{"soon", "-1", "0", "1e9", "99999999999999999999"} {
					require.Equal(t, signature.Malformed, verify(func(v *vector) { v.header.Set(header, malformed) }),
						malformed)
				}
			}
		})
	}
}

func sign(t testing.TB, preset signature.Preset, d signature.Delivery, secret string) map[string]string {
	t.Helper()
	headers, err := preset.Sign(d, secret)
	require.NoError(t, err)
	return headers
}

// lastElement is the last signature of a header.
func lastElement(s signature.Scheme, value string) string {
	return value[strings.LastIndex(value, s.Separator)+1:]
}

// later is the time a second later.
func later(text string) string {
	if text == "2024-02-03T04:05:06Z" {
		return "2024-02-03T04:05:07Z"
	}
	return text[:len(text)-1] + string(text[len(text)-1]^1)
}

func TestEveryPresetVerifiesWhatItSigns(t *testing.T) {
	t.Parallel()
	for _, name := range signature.Names() {
		if name == signature.Generic {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			preset := find(t, name)
			body := []byte(`{"id":"evt_1","event_id":17,"webhookTimestamp":1700000000000}`)
			headers := sign(t, preset, signature.Delivery{ID: "msg_1", SentAt: receivedAt, Body: body}, standardSecret)
			require.NoError(t, preset.Verify(message(headerOf(headers), body), []string{standardSecret}))

			document, err := everhook.ParseJSON(body)
			require.NoError(t, err)
			want := map[string]string{"stripe": "evt_1", "slack": "17", "meta": ""}
			key, ok := want[name]
			if !ok {
				key = "msg_1"
			}
			require.Equal(t, key, preset.DedupeKey(headerOf(headers).Get, document))
			require.Empty(t, preset.DedupeKey(http.Header{}.Get, []any{true}))
			require.Positive(t, preset.Wait)
			require.LessOrEqual(t, preset.Wait, preset.Patience)
		})
	}
}

func TestEd25519(t *testing.T) {
	t.Parallel()
	preset := find(t, "standard-webhooks")
	seed := []byte("0123456789abcdef0123456789abcdef")
	private := ed25519.NewKeyFromSeed(seed)
	public := "whpk_" + base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey))
	body := []byte(`{"a":1}`)
	signatureOf := "v1a," + base64.StdEncoding.EncodeToString(ed25519.Sign(private,
		[]byte("msg_1.1700000000."+string(body))))
	header := http.Header{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {"1700000000"},
		"Webhook-Signature": {signatureOf}}

	require.NoError(t, preset.Verify(message(header, body), []string{public}))
	require.NoError(t, preset.Verify(message(header, body), []string{standardSecret, public}))
	require.Equal(t, signature.Mismatch, preset.Verify(message(header, []byte("{}")), []string{public}))
	require.Equal(t, signature.Mismatch, preset.Verify(message(header, body), []string{standardSecret}),
		"a key of the other kind")

	for _, secret := range []string{"whsk_" + base64.StdEncoding.EncodeToString(seed), "whsk_" +
		base64.StdEncoding.EncodeToString(private)} {
		headers := sign(t, preset, signature.Delivery{ID: "msg_1", SentAt: receivedAt, Body: body}, secret)
		require.Equal(t, signatureOf, headers["webhook-signature"])
		require.NoError(t, preset.Verify(message(headerOf(headers), body), []string{secret}))
	}
	mac := sign(t, preset, signature.Delivery{ID: "msg_1", SentAt: receivedAt, Body: body}, standardSecret)
	both := http.Header{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {"1700000000"},
		"Webhook-Signature": {mac["webhook-signature"] + " " + signatureOf}}
	require.NoError(t, preset.Verify(message(both, body), []string{public}))
	require.NoError(t, preset.Verify(message(both, body), []string{standardSecret}))

	_, err := preset.Sign(signature.Delivery{ID: "msg_1", SentAt: receivedAt}, public)
	require.ErrorContains(t, err, "cannot sign")
	// A public key is no secret: what it would sign as one is not right.
	forged := sign(t, preset, signature.Delivery{ID: "msg_1", SentAt: receivedAt, Body: body},
		strings.Replace(public, "whpk_", "whsec_", 1))
	require.Equal(t, signature.Mismatch, preset.Verify(message(headerOf(forged), body), []string{public}))
	stripe := find(t, "stripe")
	require.NoError(t, stripe.CheckSecret(public), "elsewhere a secret is any text")
}

func TestSecretsThatAreNone(t *testing.T) {
	t.Parallel()
	standard, github := find(t, "standard-webhooks"), find(t, "github")
	for _, secret := range []string{"", "whsec_", "whsec_*", "whsec_===", "not base64!", "whpk_AAAA", "whsk_AAAA",
		"whsec_AA\nAA"} {
		require.Error(t, standard.CheckSecret(secret), secret)
		_, err := standard.Sign(signature.Delivery{ID: "a", SentAt: receivedAt}, secret)
		require.Error(t, err, secret)
	}
	require.NoError(t, standard.CheckSecret(standardSecret))
	require.NoError(t, standard.CheckSecret(strings.TrimPrefix(standardSecret, "whsec_")))
	require.Error(t, github.CheckSecret(""))

	header := headerOf(sign(t, standard, signature.Delivery{ID: "a", SentAt: receivedAt}, standardSecret))
	require.NoError(t, standard.Verify(message(header, nil), []string{"whsec_*", standardSecret}))
	err := standard.Verify(message(header, nil), []string{"whsec_*SeCrEt"})
	require.ErrorContains(t, err, "whsec_")
	require.NotContains(t, err.Error(), "SeCrEt")
	require.NotErrorAs(t, err, new(signature.Refused), "not the caller's fault")
}

func TestSigningNeedsAnID(t *testing.T) {
	t.Parallel()
	preset := find(t, "standard-webhooks")
	for _, id := range []string{"", "msg.1"} {
		_, err := preset.Sign(signature.Delivery{ID: id, SentAt: receivedAt}, standardSecret)
		require.Error(t, err)
	}
	_, err := (&signature.Scheme{}).Sign(signature.Delivery{}, "secret")
	require.Error(t, err)
}

func TestASignatureDoesNotFitAnotherCutOfTheSameText(t *testing.T) {
	t.Parallel()
	preset := find(t, "standard-webhooks")
	body := []byte(`1700000001.{"a":1}`)
	headers := sign(t, preset, signature.Delivery{ID: "msg_1", SentAt: receivedAt, Body: body}, standardSecret)
	header := headerOf(headers)
	header.Set("webhook-id", "msg_1.1700000000")
	header.Set("webhook-timestamp", "1700000001")
	require.Equal(t, signature.Malformed, preset.Verify(message(header, []byte(`{"a":1}`)), []string{standardSecret}))
}

func TestStripesTimeStandsOnce(t *testing.T) {
	t.Parallel()
	preset := find(t, "stripe")
	value := sign(t, preset, signature.Delivery{SentAt: receivedAt}, "s")["Stripe-Signature"]
	for _, header := range []http.Header{
		{"Stripe-Signature": {"t=1," + value}}, {"Stripe-Signature": {value + ",t=1700000000"}},
		{"Stripe-Signature": {value, "t=1700000000"}},
	} {
		require.Equal(t, signature.Malformed, preset.Verify(message(header, nil), []string{"s"}))
	}
	require.Equal(t, signature.Missing,
		preset.Verify(message(http.Header{"Stripe-Signature": {strings.TrimPrefix(value, "t=1700000000,")}}, nil),
			[]string{"s"}))
	require.NoError(t, preset.Verify(message(http.Header{"Stripe-Signature": {"t=1700000000",
		strings.TrimPrefix(value, "t=1700000000,")}}, nil), []string{"s"}), "in two headers")
}

func TestTheTimeInABodyIsReadAfterItsSignature(t *testing.T) {
	t.Parallel()
	preset := find(t, "linear")
	for body, want := range map[string]error{
		`{"webhookTimestamp":1700000000000}`:          nil,
		`{"webhookTimestamp":"2023-11-14T22:13:20Z"}`: nil,
		`{"webhookTimestamp":1700000061000}`:          signature.Untimely,
		`{"webhookTimestamp":1699999939000}`:          signature.Untimely,
		`{"webhookTimestamp":-1}`:                     signature.Malformed,
		`{"webhookTimestamp":1.5}`:                    signature.Malformed,
		`{"webhookTimestamp":"soon"}`:                 signature.Malformed,
		`{}`:                                          signature.Missing,
		`[]`:                                          signature.Malformed,
		`no JSON`:                                     signature.Malformed,
	} {
		header := headerOf(sign(t, preset, signature.Delivery{SentAt: receivedAt, Body: []byte(body)}, "s"))
		err := preset.Verify(message(header, []byte(body)), []string{"s"})
		if want == nil {
			require.NoError(t, err, body)
			continue
		}
		require.Equal(t, want, err, body)
		require.Equal(t, signature.Mismatch, preset.Verify(message(header, []byte(body)), []string{"other"}), body)
	}
}

func TestTheEncodingCounts(t *testing.T) {
	t.Parallel()
	shopify, github := find(t, "shopify"), find(t, "github")
	base := sign(t, shopify, signature.Delivery{}, "s")["X-Shopify-Hmac-Sha256"]
	sum, err := base64.StdEncoding.DecodeString(base)
	require.NoError(t, err)
	for value, want := range map[string]error{
		base: nil, strings.TrimRight(base, "="): nil, hex.EncodeToString(sum): signature.Malformed, base + "\n": nil,
		base[:10] + "\n" + base[10:]: signature.Malformed,
	} {
		require.Equal(t, want, shopify.Verify(message(http.Header{"X-Shopify-Hmac-Sha256": {value}}, nil),
			[]string{"s"}), "%q", value)
	}
	for value, want := range map[string]error{
		"sha256=" + hex.EncodeToString(sum): nil, "sha256=" + strings.ToUpper(hex.EncodeToString(sum)): nil, "sha256=" +
			base: signature.Malformed,
		"SHA256=" + hex.EncodeToString(sum): signature.Malformed, hex.EncodeToString(sum): signature.Malformed,
		"sha1=" + hex.EncodeToString(sum): signature.Malformed,
	} {
		require.Equal(t, want, github.Verify(message(http.Header{"X-Hub-Signature-256": {value}}, nil), []string{"s"}),
			value)
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                  "the body is not signed; write {body} in its place",
		"{timestamp}":       "the body is not signed; write {body} in its place",
		"{body}{body}":      "{body} stands twice",
		"{url}{body}":       `"{url}{body}" is none of {id}, {timestamp} and {body}`,
		"a{":                `"{" is none of {id}, {timestamp} and {body}`,
		"{body":             `"{body" is none of {id}, {timestamp} and {body}`,
		"v0:{ id }.{body}":  `"{ id }.{body}" is none of {id}, {timestamp} and {body}`,
		"{id}:{id}:{body}.": "{id} stands twice",
	} {
		_, err := signature.ParseTemplate(text)
		require.EqualError(t, err, want, text)
	}
	for text, want := range map[string][2]bool{"body": {}, "{body}": {}, "{id}{body}": {true, false},
		"v0:{timestamp}:{body}}": {false, true}} {
		template, err := signature.ParseTemplate(text)
		require.NoError(t, err)
		require.Equal(t, want, [2]bool{template.HasID(), template.HasTimestamp()})
	}
}

func TestHandshakes(t *testing.T) {
	t.Parallel()
	subscription := find(t, "meta").Subscription
	query := func(token string) func(string) string {
		return func(name string) string {
			return map[string]string{"hub.mode": "subscribe", "hub.verify_token": token,
				"hub.challenge": "1158201444"}[name]
		}
	}
	require.True(t, subscription.IsOne(query("x")))
	require.False(t, subscription.IsOne(func(string) string { return "" }))
	answer, ok := subscription.Answer(query("meatyhamhock"), "meatyhamhock")
	require.True(t, ok)
	require.Equal(t, "1158201444", answer)
	for _, pair := range [][2]string{{"other", "meatyhamhock"}, {"", ""}, {"", "meatyhamhock"}, {"meatyhamhock", ""}} {
		_, ok := subscription.Answer(query(pair[0]), pair[1])
		require.False(t, ok, pair)
	}

	confirmation := find(t, "slack").Confirmation
	answer, ok = confirmation.Answer(map[string]any{"type": "url_verification", "challenge": "3eZbrw1a"})
	require.True(t, ok)
	require.Equal(t, "3eZbrw1a", answer)
	for _, body := range []any{nil, "x", map[string]any{"type": "event_callback", "challenge": "x"},
		map[string]any{"type": "url_verification"}, map[string]any{"type": "url_verification", "challenge": true}} {
		_, ok := confirmation.Answer(body)
		require.False(t, ok, body)
	}
}

func TestAPresetThatIsNotThere(t *testing.T) {
	t.Parallel()
	_, ok := signature.Find("none")
	require.False(t, ok)
}

// FuzzVerify sends every preset any headers: whoever has no secret is refused, and nothing breaks.
func FuzzVerify(f *testing.F) {
	for name, v := range vectors(f) {
		f.Add(strings.Fields(name)[0], v.header.Get(v.scheme.Header), v.header.Get(v.scheme.Timestamp.Header),
			v.header.Get(v.scheme.ID), []byte(v.body))
	}
	f.Add("stripe", "t=1700000000,v1=00,v1=,,v0=1", "", "", []byte("{}"))
	f.Add("standard-webhooks", "v1, v1a,AAAA v2,x", "1700000000000", "a.b", []byte("{}"))
	f.Add("linear", strings.Repeat("0", 64), "", "", []byte(`{"webhookTimestamp":1e400}`))
	f.Fuzz(func(t *testing.T, name, signatures, timestamp, id string, body []byte) {
		preset, ok := signature.Find(name)
		if !ok || name == signature.Generic {
			return
		}
		header := http.Header{}
		for name, value := range map[string]string{preset.Header: signatures, preset.Timestamp.Header: timestamp,
			preset.ID: id} {
			if name != "" {
				header.Set(name, value)
			}
		}
		secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte("a secret that nobody has"))
		require.Error(t, preset.Verify(message(header, body), []string{secret}))

		// With the secret it is right, unless the time is not, whatever the ID and the body are.
		signed, err := preset.Sign(signature.Delivery{ID: id, SentAt: receivedAt, Body: body}, secret)
		if err != nil {
			return
		}
		if err := preset.Verify(message(headerOf(signed), body), []string{secret}); err != nil {
			require.NotNil(t, preset.Timestamp.Body, err)
			require.NotEqual(t, signature.Mismatch, err)
		}
	})
}

// FuzzTemplate: what is read names only the places that there are.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"body", "{id}.{timestamp}.{body}", "v0:{timestamp}:{body}", "{", "}{body}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		template, err := signature.ParseTemplate(text)
		if err == nil && text != "body" {
			require.Contains(t, text, "{body}")
			require.Equal(t, strings.Contains(text, "{id}"), template.HasID())
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	preset := find(b, "standard-webhooks")
	for name, size := range map[string]int{"1KiB": 1 << 10, "1MiB": 1 << 20} {
		body := []byte(strings.Repeat("a", size))
		header := headerOf(sign(b, preset, signature.Delivery{ID: "a", SentAt: receivedAt, Body: body}, standardSecret))
		for who, secret := range map[string]string{"right": standardSecret, "wrong": "whsec_AAAA"} {
			b.Run(who+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := preset.Verify(message(header, body), []string{secret}); (err == nil) != (who == "right") {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
