package receiver_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/content"
	"github.com/everhook/everhook/receiver"
)

// accepting returns a flow that accepts bodies of some formats, up to 1,000 bytes.
func accepting(formats ...receiver.Format) flows {
	return flows{asyncToken: {Flow: "f", Enabled: true, Mode: everhook.Async, MaxBody: 1000, Accept: formats}}
}

const (
	form      = "application/x-www-form-urlencoded"
	multipart = "multipart/form-data; boundary=b"
)

// chunkedPost is a whole request in two chunks.
func chunkedPost(token, body string, headers ...string) string {
	head := append([]string{"POST /api/webhook:trigger/" + token + " HTTP/1.1", "Host: x",
		"Transfer-Encoding: chunked"}, headers...)
	text := lines(head...)
	for _, chunk := range []string{body[:len(body)/2], body[len(body)/2:]} {
		if chunk != "" {
			text += fmt.Sprintf("%x\r\n%s\r\n", len(chunk), chunk)
		}
	}
	return text + "0\r\n\r\n"
}

func TestBodiesOfEveryFormat(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	type l = []any
	all := []receiver.Format{receiver.FormatText, receiver.FormatXML, receiver.FormatMultipart, receiver.FormatForm,
		receiver.FormatJSON}
	for name, test := range map[string]struct {
		accept     []receiver.Format
		mediaType  string
		body       string
		projection []everhook.Path
		want       any
	}{
		"JSON beside others": {accept: all, mediaType: "application/json", body: `{"a":1}`,
			want: m{"a": 1}},
		"a missing type is JSON": {accept: all, body: `{"a":1}`, want: m{"a": 1}},
		"a form nests": {accept: all, mediaType: form, body: "a[b]=c+d&l[]=1&l[]=2",
			want: m{"a": m{"b": "c d"}, "l": l{"1", "2"}}},
		"a form in UTF-8": {accept: all, mediaType: form + "; charset=UTF-8", body: "a=%C3%A9",
			want: m{"a": "é"}},
		"a form in capitals": {accept: all, mediaType: "Application/X-WWW-Form-Urlencoded",
			body: "a=1", want: m{"a": "1"}},
		"a form is projected": {accept: all, mediaType: form, body: "a[b]=1&a[c]=2",
			projection: paths(t, "a.c"), want: m{"a": m{"c": "2"}}},
		"a multipart form": {accept: all, mediaType: multipart,
			body: "--b\r\nContent-Disposition: form-data; name=\"a[b]\"\r\n\r\n1\r\n--b--\r\n",
			want: m{"a": m{"b": "1"}}},
		"a boundary in quotes": {accept: all, mediaType: `multipart/form-data; boundary="b c"`,
			body: "--b c\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b c--", want: m{"a": "1"}},
		"XML": {accept: all, mediaType: "application/xml", body: "<a><b>1</b></a>",
			want: m{"a": m{"b": "1"}}},
		"text/xml is XML for who takes it": {accept: all, mediaType: "text/xml; charset=us-ascii", body: "<a/>",
			want: m{"a": ""}},
		"text/xml is text for who takes that": {accept: []receiver.Format{receiver.FormatText}, mediaType: "text/xml",
			body: "<a/>", want: "<a/>"},
		"any type with +xml is XML": {accept: all, mediaType: "application/soap+xml", body: "<a/>",
			want: m{"a": ""}},
		"XML with a byte order mark": {accept: all, mediaType: "application/xml",
			body: "\xEF\xBB\xBF<?xml version='1.0'?><a/>", want: m{"a": ""}},
		"text stays as it is": {accept: all, mediaType: "text/csv", body: "a;b\r\n1;\x00é\n",
			want: "a;b\r\n1;\x00é\n"},
		"text with a byte order mark": {accept: all, mediaType: "text/plain; charset=utf-8",
			body: "\xEF\xBB\xBFa", want: "a"},
		"an empty body of each type is nil": {accept: all, mediaType: multipart, body: "", want: nil},
		"a flow need not take JSON": {accept: []receiver.Format{receiver.FormatText},
			mediaType: "text/plain", body: "{}", want: "{}"},
		"a body just as long as is allowed": {accept: all, mediaType: "text/plain", body: strings.Repeat("x", 1000),
			want: strings.Repeat("x", 1000)},
		"a form in another charset": {accept: all, mediaType: form + "; charset=Shift_JIS",
			body: "%83%5C%5B%83A%5D=%83%5C+x&n=1&%83%5D=%", want: m{"ソ": m{"ア": "ソ x"}, "n": "1", "ゾ": "%"}},
		"a form in bytes of another charset": {accept: all, mediaType: form + "; charset=latin1", body: "caf\xe9=\xe9&a[]=%E9",
			want: m{"café": "é", "a": l{"é"}}},
		"a form that declares its charset": {accept: all, mediaType: form, body: "n=%C4%E3&_charset_=gbk",
			want: m{"n": "你", "_charset_": "gbk"}},
		"the type of a form counts more": {accept: all, mediaType: form + "; charset=utf-8", body: "n=%C3%A9&_charset_=gbk",
			want: m{"n": "é", "_charset_": "gbk"}},
		"a byte order mark of a form counts more": {accept: all, mediaType: form + "; charset=latin1",
			body: "\xEF\xBB\xBFa=%C3%A9", want: m{"a": "é"}},
		"a byte order mark before a multipart form": {accept: all, mediaType: multipart,
			body: "\xEF\xBB\xBF" + parts(field("a", "1")), want: m{"a": "1"}},
		"a form as of PayPal": {accept: all, mediaType: form, body: "first_name=Ren%E9&charset=windows-1252",
			want: m{"first_name": "René", "charset": "windows-1252"}},
		"a form in UTF-8 with a field of that name": {accept: all, mediaType: form, body: "a=%C3%A9&charset=gbk",
			want: m{"a": "é", "charset": "gbk"}},
		"a form with a field of that name that is no charset": {accept: all, mediaType: form, body: "a=%E9&charset=klingon",
			want: m{"a": "%E9", "charset": "klingon"}},
		"a form with a charset in which names could change": {accept: all, mediaType: form,
			body: "id=7&%1b(Bid=8&x=%E9&charset=iso-2022-jp",
			want: m{"id": "7", "\x1b(Bid": "8", "x": "%E9", "charset": "iso-2022-jp"}},
		"a multipart form in another charset": {accept: all, mediaType: multipart + "; charset=gbk",
			body: parts(field("a", "\xc4\xe3")), want: m{"a": "你"}},
		"a form of mixed parts": {accept: all, mediaType: "multipart/mixed; boundary=b",
			body: parts(field("a", "1")), want: m{"a": "1"}},
		"text in another charset": {accept: all, mediaType: "text/plain; charset=windows-1251", body: "\xcf\xf0\xe8",
			want: "При"},
		"text in UTF-16": {accept: all, mediaType: "text/plain", body: "\xff\xfea\x00", want: "a"},
		"XML in another charset": {accept: all, mediaType: "text/xml; charset=gbk",
			body: "<?xml version='1.0' encoding='utf-8'?><a>\xc4\xe3</a>", want: m{"a": "你"}},
		"XML that declares its charset": {accept: all, mediaType: "application/xml",
			body: "<?xml version='1.0' encoding='Shift_JIS'?><a b='\x83\x5c'/>", want: m{"a": m{"@b": "ソ"}}},
		"XML in UTF-16": {accept: all, mediaType: "application/xml",
			body: "\xfe\xff\x00<\x00a\x00/\x00>", want: m{"a": ""}},
		"JSON in UTF-16": {accept: all, mediaType: "application/json", body: "[\x007\x00]\x00",
			want: l{7}},
		"JSON in a charset": {accept: all, mediaType: "application/json; charset=ISO-8859-1", body: "\"\xe9\"", want: "é"},
		"JSON in UTF-8, whatever its type says": {accept: all, mediaType: "application/json; charset=ISO-8859-1",
			body: `"é"`, want: "é"},
		"JSON of any type":           {accept: all, mediaType: "*/*", body: `{"a":1}`, want: m{"a": 1}},
		"JSON as a report":           {accept: all, mediaType: "application/csp-report", body: `7`, want: 7},
		"JSON of Amazon":             {accept: all, mediaType: "application/x-amz-json-1.1", body: `7`, want: 7},
		"JSON of a call":             {accept: all, mediaType: "application/json-rpc", body: `7`, want: 7},
		"JSON as text":               {accept: all, mediaType: "text/json; charset=utf-8", body: `7`, want: 7},
		"JSON, said twice":           {accept: all, mediaType: "application/json, application/json", body: `7`, want: 7},
		"JSON on lines":              {accept: all, mediaType: "application/x-ndjson", body: "{\"a\":1}\n\n2\r\n", want: l{m{"a": 1}, 2}},
		"JSON on lines, and no line": {accept: all, mediaType: "application/jsonl", body: "\n", want: l{}},
		"a file": {accept: []receiver.Format{receiver.FormatBinary}, mediaType: "image/png", body: "\x00\xff",
			want: m{"filename": "", "contentType": "image/png", "size": 2, "base64": "AP8="}},
		"JSON is a file where only files are taken": {accept: []receiver.Format{receiver.FormatBinary},
			mediaType: "application/json; charset=utf-8", body: "1", want: m{"filename": "",
				"contentType": "application/json; charset=utf-8", "size": 1, "base64": "MQ=="}},
		"a file without a type": {accept: []receiver.Format{receiver.FormatBinary}, body: "1", want: m{"filename": "",
			"contentType": "application/octet-stream", "size": 1, "base64": "MQ=="}},
		"JSON beside files":                    {accept: []receiver.Format{receiver.FormatBinary, receiver.FormatJSON}, body: "1", want: 1},
		"an empty file is nil":                 {accept: []receiver.Format{receiver.FormatBinary}, mediaType: "image/png", want: nil},
		"nothing accepted in words means JSON": {mediaType: "application/json", body: `7`, want: 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			source := accepting(test.accept...)
			source[asyncToken].Body = test.projection
			s := serve(t, receiver.Options{}, source, engine)
			header := "X-None: 1"
			if test.mediaType != "" {
				header = "Content-Type: " + test.mediaType
			}
			got := exchange(t, s, post(asyncToken, test.body, header)+chunkedPost(asyncToken, test.body, header)+last)
			require.Len(t, got, 3)
			deliveries := engine.got()
			require.Len(t, deliveries, 2, got)
			for _, d := range deliveries {
				require.Equal(t, test.want, d.Trigger["body"])
				canonical, err := everhook.Canonical(d.Trigger["body"])
				require.NoError(t, err)
				require.Equal(t, canonical, d.Trigger["body"])
			}
		})
	}
}

func TestTypesThatAFlowDoesNotTakeAreNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		accept    []receiver.Format
		mediaType string
		want      string
	}{
		"a form where JSON is taken": {nil, "Content-Type: " + form,
			"this webhook takes JSON, not \"application/x-www-form-urlencoded\"; add -H 'Content-Type: " +
				"application/json'"},
		"JSON where a form is taken": {[]receiver.Format{receiver.FormatForm}, "Content-Type: application/json",
			"this webhook takes a form, not \"application/json\"; add -H 'Content-Type: " +
				"application/x-www-form-urlencoded'"},
		"no type where JSON is not taken": {[]receiver.Format{receiver.FormatXML}, "X-A: b",
			"this webhook takes XML, not a body without a type; add -H 'Content-Type: application/xml'"},
		"several that are taken": {
			[]receiver.Format{receiver.FormatText, receiver.FormatMultipart, receiver.FormatJSON},
			"Content-Type: image/png",
			"this webhook takes JSON or a multipart form or text, not \"image/png\"; add -H 'Content-Type: " +
				"application/json' or -F NAME=VALUE or -H 'Content-Type: text/plain'",
		},
		"another multipart type": {[]receiver.Format{receiver.FormatMultipart},
			"Content-Type: multipart/related; boundary=b",
			"this webhook takes a multipart form, not \"multipart/related\"; add -F NAME=VALUE"},
		"two types": {nil, "Content-Type: application/json, text/plain",
			"this webhook takes JSON, not \"application/json, text/plain\"; add -H 'Content-Type: application/json'"},
		"a charset that is not known": {[]receiver.Format{receiver.FormatText},
			"Content-Type: text/plain; charset=klingon", "send text in " + content.Charsets + ", not in \"klingon\""},
		"a form in a charset without ASCII": {[]receiver.Format{receiver.FormatForm}, "Content-Type: " + form +
			"; charset=utf-16", "send text in " + content.Charsets + ", not in \"utf-16\""},
		"an encoding that is not known": {[]receiver.Format{receiver.FormatXML},
			"Content-Type: text/xml\r\nContent-Encoding: gzip, LZ4",
			"send the body as it is, or with a Content-Encoding of gzip, deflate, br, zstd, not \"lz4\""},
		"too many encodings": {[]receiver.Format{receiver.FormatXML},
			"Content-Type: text/xml\r\nContent-Encoding: gzip, br\r\nContent-Encoding: gzip, br",
			"more than 3 content encodings"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			s := serve(t, receiver.Options{}, accepting(test.accept...), engine)
			got := exchange(t, s, post(asyncToken, "x", test.mediaType)+last)
			require.True(t, strings.HasPrefix(got[0], "415\n"), got[0])
			require.Equal(t, test.want, decode(t, got[0])["detail"])
			require.Empty(t, engine.got())
		})
	}
}

func TestTheLogSaysWhatToSetForARefusedBody(t *testing.T) {
	t.Parallel()
	text := []receiver.Format{receiver.FormatText, receiver.FormatXML}
	for name, test := range map[string]struct {
		accept          []receiver.Format
		mediaType, body string
		status, cause   string
	}{
		"a type of another format": {nil, "Content-Type: " + form, "a=1", "415",
			"the sender sends \"application/x-www-form-urlencoded\": add `form` to `accept` in the flow"},
		"no type": {text, "X-A: b", "x", "415",
			"the sender sends a body without a Content-Type: add `json` to `accept` in the flow"},
		"a type of no format": {nil, "Content-Type: image/png", "x", "415",
			"the sender sends \"image/png\": add `binary` to `accept` in the flow"},
		"a charset": {text, "Content-Type: text/plain; charset=klingon", "x", "415",
			`the sender writes its text in "klingon", which is not known: set UTF-8 in the sender's settings`},
		"an encoding": {text, "Content-Type: text/plain\r\nContent-Encoding: compress", "x", "415",
			`the sender encodes the body (Content-Encoding "compress"): let the sender use gzip, deflate, br, ` +
				"zstd or none"},
		"an encoding of XML": {text, "Content-Type: text/xml", `<?xml version="1.0" encoding="klingon"?><a/>`, "415",
			`the sender writes its text in "klingon", which is not known: set UTF-8 in the sender's settings`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, receiver.Options{}, accepting(test.accept...), &starter{})
			got := exchange(t, s, post(asyncToken, test.body, test.mediaType)+last)
			require.True(t, strings.HasPrefix(got[0], test.status+"\n"), got[0])
			require.Contains(t, s.log.String(), fmt.Sprintf("cause=%q", test.cause))
		})
	}
}

func TestMalformedBodiesOfEveryFormat(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ mediaType, body, want string }{
		"a form that is not UTF-8": {form, "a=1&b=\xff",
			"the body is not a form that can be kept: line 1, column 7: invalid UTF-8"},
		"a form that is not in its charset": {form + "; charset=gbk", "a=%FF",
			`the body is not a form that can be kept: "%FF": line 1, column 1: invalid gbk`},
		"XML that is not in its charset": {"text/xml; charset=gbk", "<a>\xff</a>",
			"the body is not XML that can be kept: line 1, column 4: invalid gbk"},
		"JSON that is not in its charset": {"application/json; charset=gbk", "\"\xff\"",
			"the body is not JSON that can be kept: line 1, column 2: invalid gbk"},
		"text of half a character": {"text/plain", "\xff\xfea",
			"the body is not text that can be kept: line 1, column 1: invalid UTF-16"},
		"JSON on lines": {"application/x-ndjson", "1\n[",
			"the body is not JSON that can be kept: line 2, column 2: unexpected end of JSON input"},
		"a form of too many parameters": {form, strings.Repeat("&a", 1001),
			"the body is not a form that can be kept: more than 1000 parameters"},
		"text that is not UTF-8": {"text/plain", "a\nb\xff",
			"the body is not text that can be kept: line 2, column 2: invalid UTF-8"},
		"XML that is not UTF-8": {"text/xml", "<a>\xff</a>",
			"the body is not XML that can be kept: line 1, column 4: invalid UTF-8"},
		"XML that is cut off": {"text/xml", "<a>", "the body is not XML that can be kept: line 1, " +
			"column 4: unexpected EOF"},
		"a multipart form that is cut off": {multipart, "--b\r\n",
			"the body is not a multipart form that can be kept: part 1: there is no boundary behind it"},
		"a multipart form without a boundary": {"multipart/form-data", "--b--",
			"the body is not a multipart form that can be kept: the Content-Type has no boundary of 1 to 70 " +
				"characters; curl -F adds one"},
		"JSON that is cut off": {"application/json", "[",
			"the body is not JSON that can be kept: line 1, column 2: unexpected end of JSON input"},
		"parameters of a type, not well formed": {"text/plain; charset", "a",
			"the parameters of the Content-Type are not well formed"},
		"a boundary twice, so that none is sure": {"multipart/form-data; boundary=a; boundary=b", "--b--",
			"the parameters of the Content-Type are not well formed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			source := accepting(receiver.FormatJSON, receiver.FormatForm, receiver.FormatMultipart, receiver.FormatXML,
				receiver.FormatText)
			source[asyncToken].MaxBody = 10_000
			s := serve(t, receiver.Options{}, source, engine)
			for _, request := range []string{post(asyncToken, test.body, "Content-Type: "+test.mediaType),
				chunkedPost(asyncToken, test.body, "Content-Type: "+test.mediaType)} {
				got := exchange(t, s, request+last)
				require.Len(t, got, 2, "the connection goes on")
				require.True(t, strings.HasPrefix(got[0], "400\n"), got[0])
				require.Equal(t, test.want, decode(t, got[0])["detail"])
			}
			require.Empty(t, engine.got())
		})
	}
}

func TestTheCapHoldsForEveryFormat(t *testing.T) {
	t.Parallel()
	for mediaType, body := range map[string]func(size int) string{
		"application/json": func(size int) string { return `"` + strings.Repeat("x", size-2) + `"` },
		form:               func(size int) string { return "a=" + strings.Repeat("x", size-2) },
		multipart: func(size int) string {
			const around = "--b\r\nContent-Disposition: form-data; name=a; filename=f\r\n\r\n%s\r\n--b--"
			return fmt.Sprintf(around, strings.Repeat("x", size-len(around)+2))
		},
		"application/xml": func(size int) string { return "<a>" + strings.Repeat("x", size-7) + "</a>" },
		"text/plain":      func(size int) string { return strings.Repeat("x", size) },
	} {
		t.Run(mediaType, func(t *testing.T) {
			t.Parallel()
			engine := &starter{}
			s := serve(t, receiver.Options{}, accepting(receiver.FormatJSON, receiver.FormatForm,
				receiver.FormatMultipart, receiver.FormatXML, receiver.FormatText), engine)
			head, header := "POST /api/webhook:trigger/"+asyncToken+" HTTP/1.1", "Content-Type: "+mediaType
			exact, over := body(1000), body(1001)
			require.Len(t, exact, 1000)

			for _, request := range []string{post(asyncToken, exact, header), chunkedPost(asyncToken, exact, header)} {
				require.True(t, strings.HasPrefix(exchange(t, s, request+last)[0], "200\n"))
			}
			require.Len(t, engine.got(), 2)
			for name, test := range map[string]struct{ request, status string }{
				"declared":  {post(asyncToken, over, header), "413\n"},
				"in chunks": {chunkedPost(asyncToken, over, header), "413\n"},
				"a length beside the chunks": {strings.Replace(chunkedPost(asyncToken, exact, header), "Host: x",
					"Host: x\r\nContent-Length: 5", 1), "400\n"},
			} {
				got := exchange(t, s, test.request+last)[0]
				require.True(t, strings.HasPrefix(got, test.status), "%s: %s", name, got)
			}
			require.Len(t, engine.got(), 2)

			// More is sent than was declared: the rest is not a request, and ends the connection.
			got := exchange(t, s, lines(head, "Host: x", header, "Content-Length: 2")+exact+last)
			require.Len(t, got, 2)
			require.Contains(t, got[1], closing)
			require.LessOrEqual(t, len(engine.got()), 3)

			c := dial(t, s)
			_, err := io.WriteString(c, lines(head, "Host: x", header, "Content-Length: 1000")+exact[:500])
			require.NoError(t, err)
			require.NoError(t, c.(interface{ CloseWrite() error }).CloseWrite())
			got = replies(t, c, false)
			require.Len(t, got, 1)
			require.True(t, strings.HasPrefix(got[0], "400\n"), got[0])
		})
	}
}

func TestEveryTextBodyMayBeginWithAByteOrderMark(t *testing.T) {
	t.Parallel()
	for contentType, test := range map[string]struct {
		body string
		want any
	}{
		"application/json":                  {`{"a":"1"}`, map[string]any{"a": "1"}},
		"application/x-www-form-urlencoded": {"a=1", map[string]any{"a": "1"}},
		"application/xml":                   {"<a>1</a>", map[string]any{"a": "1"}},
		"text/plain":                        {"a", "a"},
	} {
		for _, mark := range []string{"", "\xEF\xBB\xBF"} {
			engine := &starter{}
			all := someFlows()
			all[asyncToken].Accept = []receiver.Format{receiver.FormatJSON, receiver.FormatForm, receiver.FormatXML,
				receiver.FormatText}
			s := serve(t, receiver.Options{}, all, engine)
			exchange(t, s, post(asyncToken, mark+test.body, "Content-Type: "+contentType)+last)
			require.Equal(t, test.want, engine.got()[0].Trigger["body"], contentType)
		}
	}
}

func TestBigIntegersOfABody(t *testing.T) {
	t.Parallel()
	all, engine := someFlows(), &starter{}
	all[asyncToken].BigIntegers = true
	s := serve(t, receiver.Options{}, all, engine)
	const body = `{"id":18446744073709551616,"n":7}`
	got := exchange(t, s, post(asyncToken, body)+post(syncToken, body)+last)
	require.True(t, strings.HasPrefix(got[0], "200\n"), got[0])
	require.Equal(t, map[string]any{"id": "18446744073709551616", "n": 7}, engine.got()[0].Trigger["body"])
	require.True(t, strings.HasPrefix(got[1], "400\n"), got[1])
	require.Contains(t, s.log.String(), "set `numbers: text` in the trigger")
}
