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

// wrong returns another signature of the same form.
func wrong(value string) string {
	at := len(value) - 10
	changed := byte('A')
	if value[at] == 'A' || value[at] == 'a' {
		changed = 'B'
	}
	return value[:at] + string(changed) + value[at+1:]
}

// TestEveryChangeOfADeliveryIsRefused changes one part at a time of valid deliveries.
func TestEveryChangeOfADeliveryIsRefused(t *testing.T) {
	t.Parallel()
	for name, v := range vectorsOf(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := changes{t, v}
			c.secrets()
			c.body()
			c.signatures()
			c.places()
			c.times()
		})
	}
}

// changes makes changes of one vector.
type changes struct {
	t *testing.T
	v vector
}

func (c *changes) verify(change func(v *vector), secrets ...string) error {
	changed := c.v
	changed.header = c.v.header.Clone()
	change(&changed)
	if secrets == nil {
		secrets = []string{c.v.secret}
	}
	return c.v.scheme.Verify(changed.message(), secrets)
}

func same(*vector) {}

func (c *changes) secrets() {
	t, v := c.t, c.v
	another := anotherSecret(v.scheme)
	require.NoError(t, c.verify(same))
	require.Equal(t, signature.Mismatch, c.verify(same, another), "the wrong secret")
	require.NoError(t, c.verify(same, another, v.secret), "one of two secrets")
	require.NoError(t, c.verify(same, v.secret, another), "one of two secrets")
	require.Error(t, c.verify(same, ""), "an empty secret")
	require.NoError(t, c.verify(same, "", v.secret), "an empty secret beside the right one")
	require.Equal(t, signature.Mismatch, v.scheme.Verify(v.message(), nil), "no secret")
}

// anotherSecret is a key of the same form.
func anotherSecret(s signature.Scheme) string {
	switch s.Keys {
	case signature.StandardKeys:
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte("another secret"))
	case signature.HexKeys:
		return "0123456789abcdef"
	}
	switch s.Methods[0].Algorithm {
	case signature.Ed25519:
		return strings.Repeat("1", 64)
	case signature.ECDSAP256:
		return anotherECDSA
	case signature.RSASHA256:
		return anotherRSA
	default:
		return "another secret"
	}
}

// signsBody reports whether a change of any byte of the body is noticed.
func (c *changes) signsBody() bool {
	return strings.Contains(c.v.scheme.Signed.String(), "{body}") || c.v.scheme.Digest.Claim != "" || c.isForm() ||
		c.v.scheme.Digest.Query != ""
}

func (c *changes) isForm() bool {
	return strings.Contains(c.v.scheme.Signed.String(), "{form:sorted}") &&
		strings.Contains(c.v.header.Get("Content-Type"), "form")
}

func (c *changes) body() {
	t, v := c.t, c.v
	if !c.signsBody() {
		return
	}
	require.Equal(t, signature.Mismatch, c.verify(func(v *vector) { v.body = v.body[:len(v.body)-1] + "~" }),
		"a changed byte")
	require.Equal(t, signature.Mismatch, c.verify(func(v *vector) { v.body += "+" }), "a byte more")
	if v.scheme.Digest.Query == "" {
		require.Equal(t, signature.Mismatch, c.verify(func(v *vector) { v.body = "" }), "no body")
	}
}

// last is the value of the signature's header, or of the last of several.
func (c *changes) headerName() string {
	for _, name := range c.v.scheme.Others {
		if c.v.header.Get(name) != "" {
			return name
		}
	}
	return c.v.scheme.Signature.Header
}

func (c *changes) signatures() {
	t, v := c.t, c.v
	header := c.headerName()
	if header == "" {
		return
	}
	set := func(value string) func(*vector) {
		return func(v *vector) { v.header.Set(header, value) }
	}
	value := v.header.Get(header)
	if v.scheme.Methods[0].Algorithm == signature.Token {
		require.Equal(t, signature.Malformed, c.verify(set("")))
		require.Equal(t, signature.Missing, c.verify(func(v *vector) { v.header.Del(header) }))
		require.NotNil(t, c.verify(set(value+"x")))
		require.NotNil(t, c.verify(set(value[:len(value)-3])))
		return
	}
	require.Equal(t, signature.Mismatch, c.verify(set(wrong(value))), "another signature")
	if len(v.scheme.Others) > 0 {
		require.Equal(t, signature.Mismatch, c.verify(func(v *vector) { v.header.Del(header) }),
			"the right one is missing")
		return
	}
	require.Equal(t, signature.Missing, c.verify(func(v *vector) { v.header.Del(header) }), "no signature")
	for _, malformed := range []string{"", " ", strings.Repeat("A", 100_000)} {
		require.Equal(t, signature.Malformed, c.verify(set(malformed)), everhook.Shorten(malformed, 200))
	}
	for _, other := range []string{"sha256=", "x", value[:len(value)-6], value + "00"} {
		require.NotNil(t, c.verify(set(other)), everhook.Shorten(other, 200))
	}
	if v.scheme.Timestamp.Element == "" {
		require.NotNil(t, c.verify(set("other="+value)), "another prefix")
	}
	if separator := v.scheme.Separator; separator != "" {
		require.NoError(t, c.verify(set(value+separator+lastElement(v.scheme, wrong(value)))),
			"two signatures, the first is right")
		require.NoError(t, c.verify(set(wrong(value)+separator+lastElement(v.scheme, value))),
			"two signatures, the second is right")
		require.Equal(t, signature.Mismatch, c.verify(set(wrong(value)+separator+lastElement(v.scheme, wrong(value)))),
			"two signatures, both wrong")
		require.NoError(t, c.verify(set(value+separator+"v9=x")), "an unknown element")
		require.Equal(t, signature.Malformed,
			c.verify(set(value+strings.Repeat(separator+lastElement(v.scheme, value), 8))), "too many signatures")
	}
}

// places changes the headers and the URL that are signed.
func (c *changes) places() {
	t, v := c.t, c.v
	for _, header := range []string{v.scheme.ID.Header, v.scheme.Timestamp.Header} {
		if header == "" {
			continue
		}
		require.Equal(t, signature.Missing, c.verify(func(v *vector) { v.header.Del(header) }), header)
		require.Equal(t, signature.Missing, c.verify(func(v *vector) { v.header.Set(header, "") }), header)
		require.Equal(t, signature.Malformed,
			c.verify(func(v *vector) { v.header.Add(header, v.header.Get(header)) }), header)
	}
	if v.scheme.Signed.HasURL() {
		require.Equal(t, signature.Mismatch, c.verify(func(v *vector) { v.target += "/x" }), "another path")
		require.Equal(t, signature.Mismatch, c.verify(func(v *vector) { v.base = "https://elsewhere.example" }),
			"another host")
		err := c.verify(func(v *vector) { v.base = "" })
		require.ErrorContains(t, err, "--public-url")
		require.NotErrorAs(t, err, new(signature.Refused), "not the caller's fault")
	}
}

func (c *changes) times() {
	t, v := c.t, c.v
	if v.scheme.Tolerance == 0 {
		require.NoError(t, c.verify(func(v *vector) { v.sent = v.sent.AddDate(1, 0, 0) }))
	} else {
		for _, late := range []time.Duration{v.scheme.Tolerance, -v.scheme.Tolerance} {
			require.NoError(t, c.verify(func(v *vector) { v.sent = v.sent.Add(late - late/100) }), late)
			require.Equal(t, signature.Untimely,
				c.verify(func(v *vector) { v.sent = v.sent.Add(late + late/100) }), late)
		}
	}
	if header := v.scheme.Timestamp.Header; header != "" {
		require.Equal(t, signature.Mismatch, c.verify(func(v *vector) {
			v.header.Set(header, later(v.header.Get(header)))
		}), "another time")
		for _, malformed := range []string{"soon", "-1", "0", "1e9", "99999999999999999999"} {
			require.Equal(t, signature.Malformed, c.verify(func(v *vector) { v.header.Set(header, malformed) }),
				malformed)
		}
	}
}

func sign(t testing.TB, preset signature.Preset, d signature.Delivery, secret string) map[string]string {
	t.Helper()
	signed, err := preset.Sign(d, secret)
	require.NoError(t, err)
	return signed.Headers
}

// lastElement is the last signature of a header.
func lastElement(s signature.Scheme, value string) string {
	return value[strings.LastIndex(value, s.Separator)+1:]
}

// later is a time a moment later.
func later(text string) string {
	at := len(text) - 1
	if text[at] == 'Z' {
		at--
	}
	return text[:at] + string(text[at]^1) + text[at+1:]
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
	// A public key is not a secret: a signature with it as a secret is refused.
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
		"":                        "the body is not signed; write {body} in its place",
		"{timestamp}":             "the body is not signed; write {body} in its place",
		"{body}{body}":            "{body} stands twice",
		"{uri}{body}":             `"{uri}" is none of ` + signature.Places,
		"a{":                      `"{" is none of ` + signature.Places,
		"{body":                   `"{body" is none of ` + signature.Places,
		"v0:{ id }.{body}":        `"{ id }" is none of ` + signature.Places,
		"{header:}{body}":         `"{header:}" is none of ` + signature.Places,
		"{body:a..b}":             "{body:a..b}: position 3: a name is missing",
		"{url}{timestamp}":        "the body is not signed; write {body} in its place",
		strings.Repeat("a", 5000): "it is longer than 4KiB",
		strings.Repeat("a{header:X}", 1) + "{header:X}{body}": "{header:X} stands twice",
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

func TestAPresetThatIsNotThere(t *testing.T) {
	t.Parallel()
	_, ok := signature.Find("none")
	require.False(t, ok)
}

// FuzzVerify sends every preset any headers and bodies: without the secret they must be refused.
func FuzzVerify(f *testing.F) {
	for name, v := range vectorsOf(f) {
		f.Add(strings.Fields(name)[0], v.header.Get(v.scheme.Signature.Header), v.header.Get(v.scheme.Timestamp.Header),
			v.header.Get(v.scheme.ID.Header), v.header.Get("Content-Type"), v.target, []byte(v.body))
	}
	f.Add("stripe", "t=1700000000,v1=00,v1=,,v0=1", "", "", "", "", []byte("{}"))
	f.Add("standard-webhooks", "v1, v1a,AAAA v2,x", "1700000000000", "a.b", "", "", []byte("{}"))
	f.Add("linear", strings.Repeat("0", 64), "", "", "", "", []byte(`{"webhookTimestamp":1e400}`))
	f.Add("netlify", "a.b.c", "", "", "", "", []byte("{}"))
	f.Add("twilio", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "", "", "application/x-www-form-urlencoded; x", "/?a=%zz&a",
		[]byte("a=%zz&&=&b"))
	f.Add("adyen", "", "", "", "", "", []byte(`{"notificationItems":[{"NotificationRequestItem":[]}]}`))
	f.Fuzz(func(t *testing.T, name, signatures, timestamp, id, mediaType, target string, body []byte) {
		preset, ok := signature.Find(name)
		if !ok || name == signature.Generic || preset.Unsigned {
			return
		}
		header := http.Header{}
		for name, value := range map[string]string{preset.Signature.Header: signatures,
			preset.Timestamp.Header: timestamp, preset.ID.Header: id, "Content-Type": mediaType} {
			if name != "" {
				header.Set(name, value)
			}
		}
		m := message(header, body)
		m.Method, m.Base, m.Target = http.MethodPost, "https://hooks.example.org", target
		secret := secretFor(preset.Scheme)
		require.Error(t, preset.Verify(m, []string{secret}))

		// With the secret, every ID and body is accepted, unless the time is wrong.
		signed, err := preset.Sign(signature.Delivery{ID: id, SentAt: receivedAt, Body: body, Method: m.Method,
			Base: m.Base, Target: target, Header: http.Header{"Content-Type": {mediaType}}.Values}, secret)
		if err != nil {
			return
		}
		m = delivered(signed, m, mediaType)
		if err := preset.Verify(m, []string{secret}); err != nil {
			require.NotEqual(t, signature.Mismatch, err)
		}
	})
}

// delivered is a message with what its sender adds to it.
func delivered(signed *signature.Signed, m signature.Message, mediaType string) signature.Message {
	header := headerOf(signed.Headers)
	header.Set("Content-Type", mediaType)
	m.Header, m.Body, m.Target = header.Values, signed.Body, signed.Target(m.Target)
	return m
}

// secretFor is a key that signs, of the form that a scheme takes.
func secretFor(s signature.Scheme) string {
	switch {
	case s.Keys == signature.StandardKeys:
		return standardSecret
	case s.Keys == signature.HexKeys:
		return "00112233445566778899aabbccddeeff"
	case len(s.Methods) > 0 && s.Methods[0].Algorithm == signature.Ed25519:
		return privateEd25519
	case len(s.Methods) > 0 && s.Methods[0].Algorithm == signature.ECDSAP256:
		return privateECDSA
	case len(s.Methods) > 0 && strings.HasPrefix(string(s.Methods[0].Algorithm), "rsa-"):
		return privateRSA
	default:
		return "a secret"
	}
}

// FuzzTemplate: what is read names only the places that there are, and is written as it was.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"body", "{id}.{timestamp}.{body}", "v0:{timestamp}:{body}", "{", "}{body}",
		"{method}{url}{path}{query}{body}", `{header:X-A}{body:a["}"][0]}`, "{line:Message}{form:sorted}{secret}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		template, err := signature.ParseTemplate(text)
		if err != nil || text == "body" {
			return
		}
		again, err := signature.ParseTemplate(template.String())
		require.NoError(t, err)
		require.Equal(t, template.String(), again.String())
	})
}

// FuzzSecret: a secret of any form is a key or is refused.
func FuzzSecret(f *testing.F) {
	for _, seed := range []string{standardSecret, anotherRSA, anotherECDSA, privateECDSA,
		"-----BEGIN PUBLIC KEY-----\n",
		strings.Repeat("1", 64), "whpk_AAAA", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, secret string) {
		for _, preset := range signature.Presets() {
			_ = preset.CheckSecret(secret)
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
