package receiver_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/signature"
	"github.com/everhook/everhook/receiver"
)

// encoded returns text in content encodings, in the order of the header.
func encoded(t testing.TB, text string, names ...string) string {
	t.Helper()
	for _, name := range names {
		var out bytes.Buffer
		var w io.WriteCloser
		switch name {
		case "gzip":
			w = gzip.NewWriter(&out)
		case "deflate":
			w = zlib.NewWriter(&out)
		case "br":
			w = brotli.NewWriter(&out)
		case "zstd":
			var err error
			w, err = zstd.NewWriter(&out)
			require.NoError(t, err)
		}
		_, err := io.WriteString(w, text)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		text = out.String()
	}
	return text
}

// everyEncoding has each encoding, and some after each other.
var everyEncoding = []string{"gzip", "deflate", "br", "zstd", "gzip, br", "zstd, zstd", "br, deflate, gzip"}

func encodedAs(t testing.TB, text, header string) string {
	return encoded(t, text, strings.Split(header, ", ")...)
}

func TestEncodedBodiesAreTakenInEveryFormat(t *testing.T) {
	t.Parallel()
	for contentType, body := range map[string]struct {
		text string
		want any
	}{
		"application/json":      {`{"a":"é"}`, map[string]any{"a": "é"}},
		"application/x-ndjson":  {"1\n2", []any{1, 2}},
		form:                    {"a=%C3%A9", map[string]any{"a": "é"}},
		multipart:               {parts(field("a", "é")), map[string]any{"a": "é"}},
		"application/xml":       {"<a>é</a>", map[string]any{"a": "é"}},
		"text/plain;charset=L1": {"\xe9", "é"},
		"image/png": {"\x00\xff", map[string]any{"filename": "", "contentType": "image/png", "size": 2,
			"base64": "AP8="}},
		"text/plain": {strings.Repeat("x", 1000), strings.Repeat("x", 1000)},
	} {
		engine := &starter{}
		s := serve(t, receiver.Options{}, accepting(receiver.FormatJSON, receiver.FormatForm, receiver.FormatMultipart,
			receiver.FormatXML, receiver.FormatText, receiver.FormatBinary), engine)
		for _, header := range everyEncoding {
			sent := encodedAs(t, body.text, header)
			headers := []string{"Content-Type: " + contentType, "Content-Encoding: " + header}
			got := exchange(t, s, post(asyncToken, sent, headers...)+chunkedPost(asyncToken, sent, headers...)+last)
			require.Len(t, got, 3)
			require.Contains(t, got[0], "200\n")
			require.Contains(t, got[1], "200\n")
		}
		sum := sha256.Sum256([]byte(body.text))
		for _, d := range engine.got() {
			require.Equal(t, body.want, d.Trigger["body"], contentType)
			require.Equal(t, hex.EncodeToString(sum[:]), d.Digest, "duplicates may be encoded in another way")
		}
		require.Len(t, engine.got(), 2*len(everyEncoding))
	}
}

func TestTheCapHoldsAfterDecoding(t *testing.T) {
	t.Parallel()
	for _, header := range everyEncoding {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			s := serve(t, receiver.Options{}, accepting(receiver.FormatText), engine)
			for size, want := range map[int]string{1000: "200\n", 1001: "413\n", 5_000_000: "413\n"} {
				sent := encodedAs(t, strings.Repeat("x", size), header)
				if len(sent) > 1000 {
					sent = encodedAs(t, strings.Repeat("x", 100_000), header)
				}
				require.Less(t, len(sent), 1001, "the cap of what is sent is not at stake")
				got := exchange(t, s, post(asyncToken, sent, "Content-Type: text/plain",
					"Content-Encoding: "+header)+last)
				require.Contains(t, got[0], want, size)
				if want == "413\n" {
					require.Equal(t, "a body may have 1000B here, also without its Content-Encoding",
						decode(t, got[0])["detail"])
				}
			}
			require.Len(t, engine.got(), 1)
		})
	}
}

func TestBodiesThatAreNotEncodedAsTheySay(t *testing.T) {
	t.Parallel()
	for header, sent := range map[string]string{
		"gzip": "{}", "deflate": "{}", "br": "{}", "zstd": "{}", "gzip, br": encoded(t, "{}", "br"),
		"GZIP": encoded(t, "{}", "gzip") + "x",
	} {
		engine := &starter{}
		s := serve(t, receiver.Options{}, accepting(), engine)
		got := exchange(t, s, post(asyncToken, sent, "Content-Encoding: "+header)+last)
		require.Len(t, got, 2, "the connection goes on")
		require.Contains(t, got[0], "400\n", header)
		require.Contains(t, decode(t, got[0])["detail"], "the body is not valid", header)
		require.Empty(t, engine.got())
	}
	engine := &starter{}
	s := serve(t, receiver.Options{}, accepting(), engine)
	for _, header := range []string{"Content-Encoding:", "Content-Encoding: identity", "Content-Encoding: ,"} {
		require.Contains(t, exchange(t, s, post(asyncToken, "{}", header)+last)[0], "200\n", header)
	}
	require.Contains(t, exchange(t, s, post(asyncToken, "", "Content-Encoding: gzip")+last)[0], "200\n")
	require.Nil(t, engine.got()[3].Trigger["body"])
}

func TestSignaturesAreOfTheBytesAsReceivedOrDecoded(t *testing.T) {
	t.Parallel()
	const body = `{"webhookTimestamp":%d,"signature":{"timestamp":"%d","token":"t","signature":"%s"}}`
	sent := time.Now()
	for name, test := range map[string]struct {
		preset     string
		signs      func(text, sent string) string
		wantStatus string
	}{
		"as received":              {"github", func(_, sent string) string { return sent }, "200\n"},
		"of the decoded body":      {"github", func(text, _ string) string { return text }, "200\n"},
		"of another body":          {"github", func(text, _ string) string { return text + " " }, "401\n"},
		"with a time in the body":  {"linear", func(_, sent string) string { return sent }, "200\n"},
		"with a time, decoded":     {"linear", func(text, _ string) string { return text }, "200\n"},
		"with a time, and another": {"linear", func(text, _ string) string { return text + " " }, "401\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			preset, found := signature.Find(test.preset)
			require.True(t, found)
			all := flows{asyncToken: {Flow: "f", Enabled: true, Mode: everhook.Async, MaxBody: 1000,
				Signature: &receiver.Signature{Preset: preset, Secrets: []receiver.Credential{given(password)}}}}
			engine := &starter{}
			s := serve(t, receiver.Options{}, all, engine)
			text := fmt.Sprintf(body, sent.UnixMilli(), sent.Unix(), "")
			compressed := encoded(t, text, "gzip")
			headers := append(signedBy(t, all[asyncToken], sent, test.signs(text, compressed), password),
				"Content-Encoding: gzip")
			got := exchange(t, s, post(asyncToken, compressed, headers...)+last)
			require.Contains(t, got[0], test.wantStatus)
		})
	}
}

func TestABodyThatCannotBeDecodedIsNotSigned(t *testing.T) {
	t.Parallel()
	preset, found := signature.Find("github")
	require.True(t, found)
	all := flows{asyncToken: {Flow: "f", Enabled: true, Mode: everhook.Async, MaxBody: 1000,
		Signature: &receiver.Signature{Preset: preset, Secrets: []receiver.Credential{given(password)}}}}
	s := serve(t, receiver.Options{}, all, &starter{})
	for header, body := range map[string]string{
		"gzip": "{}", "br": encoded(t, strings.Repeat(" ", 2000)+"{}", "br"), "compress": "{}",
		"gzip, gzip, gzip, gzip": "{}",
	} {
		wrong := append(signedBy(t, all[asyncToken], time.Now(), "other", password), "Content-Encoding: "+header)
		right := append(signedBy(t, all[asyncToken], time.Now(), body, password), "Content-Encoding: "+header)
		got := exchange(t, s, post(asyncToken, body, wrong...)+post(asyncToken, body, right...)+last)
		require.Contains(t, got[0], "401\n", "a stranger learns nothing of the body")
		require.NotContains(t, got[1], "401\n", header)
		require.NotContains(t, got[1], "200\n", header)
	}
	require.Zero(t, s.BodyBytes())
}

func TestASignatureWithinAnEncodedBody(t *testing.T) {
	t.Parallel()
	preset, found := signature.Find("mailgun")
	require.True(t, found)
	sent := time.Now()
	signed, err := preset.Sign(signature.Delivery{ID: "t", SentAt: sent, Body: []byte(`{}`)}, password)
	require.NoError(t, err)
	all := flows{asyncToken: {Flow: "f", Enabled: true, Mode: everhook.Async, MaxBody: 1000,
		Signature: &receiver.Signature{Preset: preset, Secrets: []receiver.Credential{given(password)}}}}
	s := serve(t, receiver.Options{}, all, &starter{})
	for want, text := range map[string]string{
		"200\n": string(signed.Body),
		"401\n": strings.Replace(string(signed.Body), `"token":"t"`, `"token":"u"`, 1),
		"413\n": string(signed.Body) + strings.Repeat(" ", 1000),
	} {
		got := exchange(t, s, post(asyncToken, encoded(t, text, "zstd"), "Content-Encoding: zstd")+last)
		require.Contains(t, got[0], want)
	}
	got := exchange(t, s, post(asyncToken, string(signed.Body), "Content-Encoding: zstd")+
		post(asyncToken, "x", "Content-Encoding: compress")+last)
	require.Contains(t, got[0], "400\n")
	require.Contains(t, got[1], "415\n")
}

// TestABombCostsTheCap is not parallel: it counts what the process allocates.
func TestABombCostsTheCap(t *testing.T) {
	const (
		limit = 1 << 20
		// around is for the call itself, and brotli's window of up to 16 MiB.
		around = 18 << 20
	)
	all := accepting(receiver.FormatText)
	all[asyncToken].MaxBody = limit
	for _, header := range everyEncoding {
		s := serve(t, receiver.Options{}, all, &starter{})
		bomb := encodedAs(t, strings.Repeat("x", 100<<20), header)
		require.Less(t, len(bomb), limit)
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := exchange(t, s, post(asyncToken, bomb, "Content-Type: text/plain", "Content-Encoding: "+header)+last)
		runtime.ReadMemStats(&after)
		require.Contains(t, got[0], "413\n", header)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(3*limit+around), header)
		require.Zero(t, s.BodyBytes(), header)
	}
}

func TestDecodedBytesCountInFlight(t *testing.T) {
	t.Parallel()
	all := accepting(receiver.FormatText)
	all[asyncToken].MaxBody = 1 << 20
	preset, found := signature.Find("github")
	require.True(t, found)
	signed := *all[asyncToken]
	signed.Signature = &receiver.Signature{Preset: preset, Secrets: []receiver.Credential{given(password)}}
	all[signedToken] = &signed
	s := serve(t, receiver.Options{MaxBodyBytes: 4 << 20,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, all, &starter{})
	small := encoded(t, "small", "gzip")
	request := post(asyncToken, small, "Content-Type: text/plain", "Content-Encoding: gzip",
		"X-Forwarded-For: 192.0.2.9")
	for i := range 2 {
		begin(t, s, asyncToken, "Content-Length: 1048576", fmt.Sprint("X-Forwarded-For: 192.0.2.", i))
	}
	require.Eventually(t, func() bool { return s.BodyBytes() == 2<<20 }, time.Minute, time.Millisecond)
	// 2 MiB are used, of the 3 MiB that large bodies may use: a body that may become 1 MiB has no room for itself.
	got := exchange(t, s, request+last)
	require.Contains(t, got[0], "503\n")
	require.Contains(t, got[0], "too-many-bodies")
	require.Contains(t, exchange(t, s, post(asyncToken, "small", "Content-Type: text/plain")+last)[0], "200\n")
	require.EqualValues(t, 2<<20, s.BodyBytes())

	got = exchange(t, s, post(signedToken, small, append(signedBy(t, &signed, time.Now(), "small", password),
		"Content-Encoding: gzip", "X-Forwarded-For: 192.0.2.9")...)+last)
	require.Contains(t, got[0], "503\n", "a sender that signs before it compresses tries again")

	// A budget that is smaller than the body and its decoded form is no reason to refuse it for ever.
	s = serve(t, receiver.Options{MaxBodyBytes: 1 << 20}, all, &starter{})
	require.Contains(t, exchange(t, s, request+last)[0], "200\n")
	require.Eventually(t, func() bool { return s.BodyBytes() == 0 }, time.Minute, time.Millisecond)
}

func TestRawKeepsTheTextAsItCame(t *testing.T) {
	t.Parallel()
	all := []receiver.Format{receiver.FormatJSON, receiver.FormatForm, receiver.FormatMultipart, receiver.FormatXML,
		receiver.FormatText, receiver.FormatBinary}
	for name, test := range map[string]struct {
		contentType, body string
		raw, want         any
	}{
		"JSON":                 {"application/json", " {\"b\":1.0, \"a\":1}\n", " {\"b\":1.0, \"a\":1}\n", map[string]any{"a": 1, "b": 1}},
		"a byte order mark":    {"application/json", "\xEF\xBB\xBF7", "\uFEFF7", 7},
		"a form":               {form, "a=%C3%A9&b", "a=%C3%A9&b", map[string]any{"a": "é", "b": ""}},
		"a form in a charset":  {form + ";charset=latin1", "a=\xe9%E9", "a=é%E9", map[string]any{"a": "éé"}},
		"a multipart form":     {multipart, parts(field("a", "1")), parts(field("a", "1")), map[string]any{"a": "1"}},
		"XML":                  {"text/xml", "<a/>\r\n", "<a/>\r\n", map[string]any{"a": ""}},
		"XML in a charset":     {"text/xml;charset=gbk", "<a>\xc4\xe3</a>", "<a>你</a>", map[string]any{"a": "你"}},
		"text in UTF-16":       {"text/plain", "\xff\xfea\x00", "a", "a"},
		"JSON lines":           {"application/x-ndjson", "1\n\n2\n", "1\n\n2\n", []any{1, 2}},
		"no body":              {"application/json", "", "", nil},
		"a file has none":      {"image/png", "\xff", nil, map[string]any{"filename": "", "contentType": "image/png", "size": 1, "base64": "/w=="}},
		"JSON of another type": {"*/*", "7 ", "7 ", 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			source := accepting(all...)
			source[asyncToken].Raw = true
			source[asyncToken].Schema = func(body any) ([]everhook.ProblemDetail, error) { return nil, nil }
			s := serve(t, receiver.Options{}, source, engine)
			got := exchange(t, s, post(asyncToken, test.body, "Content-Type: "+test.contentType)+last)
			require.Contains(t, got[0], "200\n")
			trigger := engine.got()[0].Trigger
			require.Contains(t, trigger, "raw")
			require.Equal(t, test.raw, trigger["raw"])
			require.Equal(t, test.want, trigger["body"])
		})
	}
	source := accepting(all...)
	source[asyncToken].Raw = true
	s := serve(t, receiver.Options{}, source, &starter{})
	got := exchange(t, s, post(asyncToken, parts(field("a; filename=f", "\xff")), "Content-Type: "+multipart)+last)
	require.Contains(t, got[0], "400\n")
	require.Contains(t, decode(t, got[0])["detail"], "invalid UTF-8; the flow keeps the text of its bodies (raw)")
}

func TestAFileMayHaveAName(t *testing.T) {
	t.Parallel()
	for disposition, want := range map[string]string{
		`attachment; filename="a b.pdf"`:                  "a b.pdf",
		`inline; filename=..\..\etc/x`:                    "",
		`attachment; filename="C:\dir/x.pdf"`:             "x.pdf",
		`attachment; filename*=UTF-8''na%C3%AFve.txt`:     "naïve.txt",
		`attachment; filename*=UTF-8''%FF`:                "\uFFFD",
		`attachment`:                                      "",
		`;`:                                               "",
		`attachment; filename=""`:                         "",
		`form-data; name="x"; filename="y"`:               "y",
		`attachment; filename="` + "caf\xe9" + `.txt"`:    "caf\uFFFD.txt",
		`attachment; filename="a"; filename="b"`:          "",
		`attachment; filename="` + "caf\u00e9" + `.txt" `: "café.txt",
	} {
		engine := &starter{}
		s := serve(t, receiver.Options{}, accepting(receiver.FormatBinary), engine)
		exchange(t, s, post(asyncToken, "x", "Content-Type: application/pdf", "Content-Disposition: "+disposition)+last)
		require.Equal(t, map[string]any{"filename": want, "contentType": "application/pdf", "size": 1, "base64": "eA=="},
			engine.got()[0].Trigger["body"], disposition)
	}
}
