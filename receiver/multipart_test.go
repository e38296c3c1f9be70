package receiver_test

import (
	"errors"
	"io"
	stdmultipart "mime/multipart"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

// parts makes a form with the boundary b.
func parts(parts ...string) string {
	text := ""
	for _, part := range parts {
		text += "--b\r\n" + part + "\r\n"
	}
	return text + "--b--\r\n"
}

// field returns a part with a name and optional headers.
func field(name, content string, headers ...string) string {
	return "Content-Disposition: form-data; name=" + strings.Join(append([]string{name}, headers...), "\r\n") +
		"\r\n\r\n" + content
}

// mixed returns a part that holds parts.
func mixed(name, boundary, content string) string {
	return field(name, content, "Content-Type: multipart/mixed; boundary="+boundary)
}

// nest makes a form with another boundary.
func nest(boundary string, content ...string) string {
	text := ""
	for _, part := range content {
		text += "--" + boundary + "\r\n" + part + "\r\n"
	}
	return text + "--" + boundary + "--"
}

func TestMultipartForms(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	type l = []any
	for name, test := range map[string]struct {
		body string
		want everhook.Mapping
	}{
		"fields are text": {parts(field("a", "1"), field(`"b c"`, "two\r\nlines\r\n"), field("empty", "")),
			everhook.Mapping{"a": "1", "b c": "two\r\nlines\r\n", "empty": ""}},
		"names nest as in a query": {
			parts(field(`"a[b]"`, "1"), field(`"l[]"`, "x"), field(`"l[]"`, "y"), field("again", "1"),
				field("again", "2"), field(`"o[1][k]"`, "v")),
			everhook.Mapping{"a": m{"b": "1"}, "l": l{"x", "y"}, "again": l{"1", "2"}, "o": l{m{"k": "v"}}},
		},
		"names of every JavaScript object are kept": {parts(field(`"__proto__[a]"`, "1"), field("a", "1")),
			everhook.Mapping{"a": "1", "__proto__": m{"a": "1"}}},
		"a file": {
			parts(field(`doc; filename="a.bin"`, "\x00\xff", "Content-Type: application/pdf")),
			everhook.Mapping{"doc": m{"name": "doc", "filename": "a.bin", "contentType": "application/pdf", "size": 2,
				"base64": "AP8="}},
		},
		"a file without type and content": {
			parts(field(`doc; filename=""`, "")),
			everhook.Mapping{"doc": m{"name": "doc", "filename": "", "contentType": "text/plain", "size": 0,
				"base64": ""}},
		},
		"the folders of a file are dropped": {
			parts(field(`"f[]"; filename="C:\dir\a.txt"`, "x"), field(`"f[]"; filename="../../etc/b"`, "y")),
			everhook.Mapping{"f": l{
				m{"name": "f[]", "filename": "a.txt", "contentType": "text/plain", "size": 1, "base64": "eA=="},
				m{"name": "f[]", "filename": "b", "contentType": "text/plain", "size": 1, "base64": "eQ=="},
			}},
		},
		"a file name in UTF-8": {
			parts(field(`d; filename*=UTF-8''na%C3%AFve.txt`, "x")),
			everhook.Mapping{"d": m{"name": "d", "filename": "naïve.txt", "contentType": "text/plain", "size": 1,
				"base64": "eA=="}},
		},
		"a name below a file does not reach into it": {
			parts(field("d; filename=f", "x"), field(`"d[size]"`, "9")),
			everhook.Mapping{"d": l{m{"name": "d", "filename": "f", "contentType": "text/plain", "size": 1,
				"base64": "eA=="}, m{"size": "9"}}},
		},
		"a part of JSON is text": {parts(field("a", `{"x":1}`,
			"Content-Type: application/json")), everhook.Mapping{"a": `{"x":1}`}},
		"headers in any case, with other headers": {
			parts("content-DISPOSITION:form-data;name=a\r\nX-Other: 1\r\n\r\n1"), everhook.Mapping{"a": "1"}},
		"text that looks like a boundary": {parts(field("a", "x--b\r\n-- b\n--b--")),
			everhook.Mapping{"a": "x--b\r\n-- b\n--b--"}},
		"encodings that change nothing": {parts(field("a", "1",
			"Content-Transfer-Encoding: Binary")), everhook.Mapping{"a": "1"}},
		"no content and no line ending before the boundary": {"--b\r\nContent-Disposition: form-data; " +
			"name=a\r\n\r\n--b--", everhook.Mapping{"a": ""}},
		"no part": {"--b--", everhook.Mapping{}},
		"text before and after": {"This is a form.\r\n--x\r\n" + parts(field("a", "1")) + "--b\r\n" + field("b", "2"),
			everhook.Mapping{"a": "1"}},
		"a longer boundary is content": {parts(field("a", "1\r\n--bc\r\n")), everhook.Mapping{"a": "1\r\n--bc\r\n"}},
		"a header that goes on": {parts("Content-Disposition: form-data;\r\n name=a;\r\n\tfilename=f\r\n\r\n1"),
			everhook.Mapping{"a": m{"name": "a", "filename": "f", "contentType": "text/plain", "size": 1,
				"base64": "MQ=="}}},
		"base64": {parts(field("a", "w6nD\r\nqQ==\r\n", "Content-Transfer-Encoding: BASE64"),
			field("f; filename=f", "AP8=", "Content-Transfer-Encoding: base64", "Content-Type: image/png")),
			everhook.Mapping{"a": "éé", "f": m{"name": "f", "filename": "f", "contentType": "image/png", "size": 2,
				"base64": "AP8="}}},
		"quoted-printable": {parts(field("a", "caf=C3=A9 =\r\nx=3D1", "Content-Transfer-Encoding: quoted-printable")),
			everhook.Mapping{"a": "café x=1"}},
		"charsets of parts": {parts(field("a", "\x83\x5c", "Content-Type: text/plain; charset=Shift_JIS"),
			field("b", "caf\xe9", "Content-Type: text/plain;charset=latin1"), field("c", "é"),
			field("d", "=83=5C", "Content-Type: text/plain; charset=Shift_JIS",
				"Content-Transfer-Encoding: quoted-printable")),
			everhook.Mapping{"a": "ソ", "b": "café", "c": "é", "d": "ソ"}},
		"a charset of the whole form": {parts(field("\"na\xefve\"", "\xe9"), field("_charset_", "windows-1252"),
			field("u", "é", "Content-Type: text/plain; charset=utf-8"),
			field("t", "\xe9", "Content-Type: text/plain"), field("\"f\"; filename=\"\xe9.txt\"", "\xe9")),
			everhook.Mapping{"naïve": "é", "_charset_": "windows-1252", "u": "é", "t": "é", "f": m{"name": "f",
				"filename": "é.txt", "contentType": "text/plain", "size": 1, "base64": "6Q=="}}},
		"files of one field": {parts(field("a", "1"), mixed("pics", "BbC04y",
			nest("BbC04y", "Content-Disposition: file; filename=\"1.txt\"\r\n\r\nx",
				"Content-Disposition: attachment; filename=2.gif\r\nContent-Type: image/gif\r\n"+
					"Content-Transfer-Encoding: base64\r\n\r\nAP8=", "Content-Type: text/plain\r\n\r\nnote",
				"\r\nbare"))),
			everhook.Mapping{"a": "1", "pics": l{
				m{"name": "pics", "filename": "1.txt", "contentType": "text/plain", "size": 1, "base64": "eA=="},
				m{"name": "pics", "filename": "2.gif", "contentType": "image/gif", "size": 2, "base64": "AP8="},
				"note", "bare",
			}}},
		"a form inside": {parts("Content-Type: multipart/form-data; boundary=c\r\n\r\n"+nest("c", field("a", "1"),
			field("b", "2")), field("c", "3")), everhook.Mapping{"a": "1", "b": "2", "c": "3"}},
		"a boundary of a part that begins like that of the form": {parts(mixed("a", "bb", nest("bb", "\r\nx")),
			field("c", "1")), everhook.Mapping{"a": "x", "c": "1"}},
		"a file of parts is a file": {parts(field("m; filename=m.eml", "x", "Content-Type: multipart/mixed; boundary=c")),
			everhook.Mapping{"m": m{"name": "m", "filename": "m.eml", "contentType": "multipart/mixed; boundary=c",
				"size": 1, "base64": "eA=="}}},
		"a line before and after": {"\r\n--b \t\r\n" + field("a", "1") + "\r\n--b--\r\n\r\n",
			everhook.Mapping{"a": "1"}},
		"twenty parts of one name": {strings.Repeat("--b\r\n"+field("a", "")+"\r\n", 20) + "--b--",
			everhook.Mapping{"a": emptyTexts(20)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := receiver.ParseMultipart([]byte(test.body), "b")
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func emptyTexts(n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = ""
	}
	return list
}

func TestMalformedMultipartForms(t *testing.T) {
	t.Parallel()
	const noName = `part 1: it needs a header like Content-Disposition: form-data; name="NAME"`
	for name, test := range map[string]struct{ boundary, body, want string }{
		"no boundary in the type": {"", parts(), "the Content-Type has no boundary of 1 to 70 characters; " +
			"curl -F adds one"},
		"a boundary too long": {strings.Repeat("b", 71), parts(),
			"the Content-Type has no boundary of 1 to 70 characters; curl -F adds one"},
		"a boundary with a line ending": {"b\r\nc", parts(),
			"the Content-Type has no boundary of 1 to 70 characters; curl -F adds one"},
		"another boundary": {"c", parts(field("a", "1")),
			"the boundary that the Content-Type names does not begin a line of it"},
		"text before a boundary on its line": {"b", "hello " + parts(field("a", "1")),
			"the boundary that the Content-Type names does not begin a line of it"},
		"text before a boundary, and another": {"b", "x" + parts(field("a", "1"), field("b", "2")),
			"the boundary that the Content-Type names does not begin a line of it"},
		"text before a boundary after LF": {"b", "text\n" + parts(field("a", "1"), field("b", "2")),
			"the boundary that the Content-Type names does not begin a line of it"},
		"text on the line of the last boundary": {"b", strings.TrimSuffix(parts(field("a", "1")), "\r\n") + " x",
			"more data after the last boundary"},
		"no last boundary": {"b", strings.TrimSuffix(parts(field("a", "1"), field("b", "2")),
			"\r\n--b--\r\n"), "part 2: there is no boundary behind it"},
		"cut off behind a boundary": {"b", "--b", "part 1: the boundary before it does not end with CRLF"},
		"cut off in the headers": {"b", "--b\r\nContent-Disposition: form-data; name=a\r\n",
			"part 1: there is no boundary behind it"},
		"a boundary where content begins": {"b", parts(field("a", "--b\r\nx")),
			"part 2: there is no empty line behind its headers"},
		"lines that end with LF": {"b", strings.ReplaceAll(parts(field("a", "1")), "\r\n", "\n"),
			"part 1: the boundary before it does not end with CRLF"},
		"a boundary with a hyphen": {"b", parts(field("a", "1\r\n--b-c")),
			"part 2: the boundary before it does not end with CRLF"},
		"headers without an empty line": {"b", parts("Content-Disposition: form-data; name=a"),
			"part 1: there is no empty line behind its headers"},
		"no headers":          {"b", parts("\r\nx"), noName},
		"no name":             {"b", parts("Content-Disposition: form-data\r\n\r\n1"), noName},
		"an empty name":       {"b", parts(field(`""`, "1")), noName},
		"another disposition": {"b", parts("Content-Disposition: attachment; name=a\r\n\r\n1"), noName},
		"no disposition":      {"b", parts("Content-Type: text/plain\r\n\r\n1"), noName},
		"a disposition not well formed": {"b", parts("Content-Disposition: form-data; name=a; name=b\r\n\r\n1"),
			noName},
		"two dispositions": {"b", parts("Content-Disposition: form-data; name=a\r\n" + field("b", "1")),
			"part 1: its header content-disposition stands twice"},
		"a header without a colon": {"b", parts("hello\r\n\r\n1"),
			"part 1: its headers are not lines of NAME: VALUE"},
		"a header with a line feed": {"b", parts("X-A: 1\nX-B: 2\r\n\r\n1"),
			"part 1: its headers are not lines of NAME: VALUE"},
		"a name that is not UTF-8": {"b", parts(field("\"\xff\"", "1")), "part 1: its name is not UTF-8"},
		"an escaped name that is not UTF-8": {"b", parts("Content-Disposition: form-data; name*=UTF-8''%FF\r\n\r\n1"),
			"part 1: its name is not UTF-8"},
		"a file name that is not UTF-8": {"b", parts(field("a; filename*=UTF-8''%FF", "1")),
			"part 1: its file name is not UTF-8"},
		"text that is not UTF-8": {"b", parts(field("a", "1"), field("b", "\xff")),
			"part 2: its text is not UTF-8; give it a file name if it is no text"},
		"base64 that is none": {"b", parts(field("a", "MQ=", "Content-Transfer-Encoding: base64")),
			"part 1: it is not valid base64"},
		"quoted-printable that is none": {"b", parts(field("a", "\x01", "Content-Transfer-Encoding: quoted-printable")),
			"part 1: it is not valid quoted-printable"},
		"another transfer encoding": {"b", parts(field("a", "1", "Content-Transfer-Encoding: uuencode")),
			"part 1: its Content-Transfer-Encoding is none of 7bit, 8bit, binary, base64 and quoted-printable"},
		"a part with parts in base64": {"b", parts(field("a", "1", "Content-Type: multipart/mixed; boundary=c",
			"Content-Transfer-Encoding: base64")),
			"part 1: a part with parts has a Content-Transfer-Encoding, which only its parts may have"},
		"a part with parts without a boundary": {"b", parts(field("a", "1", "Content-Type: multipart/mixed")),
			"part 1: the Content-Type has no boundary of 1 to 70 characters; curl -F adds one"},
		"a part with parts that is cut off": {"b", parts(field("x", "1"), mixed("a", "c", "--c\r\n\r\n1")),
			"part 3: there is no boundary behind it"},
		"parts that nest too deep": {"b", parts(mixed("a", "c", nest("c", mixed("a", "d", nest("d", mixed("a", "e",
			nest("e", field("a", "1")))))))), "part 3: forms are nested deeper than 3"},
		"a thousand parts in one and one": {"b", parts(mixed("a", "c", strings.Repeat("--c\r\n\r\n\r\n", 1000)+"--c--")),
			"part 1: more than 1000 parts"},
		"text that is not in its charset": {"b", parts(field("a", "\x83", "Content-Type: text/plain; charset=shift_jis")),
			"part 1: line 1, column 1: invalid shift_jis"},
		"a charset that is not known": {"b", parts(field("a", "x", "Content-Type: text/plain; charset=klingon")),
			"part 1: the charset klingon is not known"},
		"a charset of the form that is not known": {"b", parts(field("_charset_", "klingon"), field("a", "x")),
			"the charset klingon is not known"},
		"a charset of the form in which names could change": {"b", parts(field("_charset_", "iso-2022-jp"), field("a", "x")),
			"the charset iso-2022-jp is not known"},
		"headers too long": {"b", parts(field("a", "1", "X-A: "+strings.Repeat("x", 8<<10))),
			"part 1: its headers are longer than 8KiB"},
		"headers too long, without end": {"b", parts(strings.Repeat("x", 9<<10)),
			"part 1: its headers are longer than 8KiB"},
		"a thousand parts and one": {"b", strings.Repeat("--b\r\n"+field("a", "")+"\r\n", 1001) + "--b--",
			"more than 1000 parts"},
		"a thousand parts and a lot more": {"b", strings.Repeat("--b\r\n"+field("a", "")+"\r\n", 20_000),
			"more than 1000 parts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := receiver.ParseMultipart([]byte(test.body), test.boundary)
			require.EqualError(t, err, test.want)
			require.Nil(t, got)
		})
	}
}

// TestMultipartBombsCostLittle is not parallel: it counts what the process allocates.
func TestMultipartBombsCostLittle(t *testing.T) {
	const size = 10 << 20
	for name, test := range map[string]struct {
		body  string
		bound uint64
	}{
		"many tiny parts":            {strings.Repeat("--b\r\n"+field("a", "")+"\r\n", size/50), 2 << 20},
		"many boundaries that go on": {"--b\r\n" + field("a", strings.Repeat("\r\n--bc", size/6)) + "\r\n--b--", size + 64<<10},
		"a preamble of boundaries":   {strings.Repeat("\r\n--bc", size/6), 64 << 10},
		"parts that nest": {parts(strings.Repeat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", size/60)),
			64 << 10},
		"much base64": {parts(field("a; filename=f", strings.Repeat("AAAA", size/4), "Content-Transfer-Encoding: base64")),
			size*7/2 + 1<<20},
		"many parts without headers": {strings.Repeat("--b\r\n\r\n\r\n", size/10), 64 << 10},
		"a huge header":              {parts(field("a", "1", "X-A: "+strings.Repeat("x", size))), 64 << 10},
		"a million headers":          {parts(field("a", "1", strings.Repeat("X: y\r\n", size/6)+"X: y")), 64 << 10},
		"a huge name":                {parts(field(strings.Repeat("[a]", size/3), "1")), 64 << 10},
		"a boundary at every line": {"--b\r\n" + field("a", strings.Repeat("\r\n--", size/4)) + "\r\n--b--",
			size + 64<<10},
		"one large file, once in all": {parts(field("a; filename=f", strings.Repeat("\x00", size))),
			size*4/3*2 + 1<<20},
	} {
		t.Run(name, func(t *testing.T) {
			body := []byte(test.body)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			receiver.ParseMultipart(body, "b")
			runtime.ReadMemStats(&after)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, test.bound)
		})
	}
}

// FuzzParseMultipart compares accepted forms with the standard library, which must see the same parts.
func FuzzParseMultipart(f *testing.F) {
	for _, seed := range []string{
		parts(field("a", "1"), field(`"l[]"`, "x"), field(`"l[]"`, "y")),
		parts(field(`doc; filename="a.bin"`, "\x00\xff", "Content-Type: application/pdf")),
		parts(field("d; filename=f", "x"), field(`"d[size]"`, "9")), "\r\n--b \r\n" + field("a", "\r\n--") +
			"\r\n--b--", parts(), "--b", parts("hello"),
		parts(field("a", "1\r\n--bc")), strings.ReplaceAll(parts(field("a", "1")), "\r\n", "\n"),
		parts(field("a; filename*=UTF-8''%FF", "1")), "x\r\n" + parts(field("a", "1\r\n--bc")) + "y",
		parts(mixed("a", "c", nest("c", "\r\nx"))), parts(field("_charset_", "gbk"), field("a", "\xc4\xe3")),
		parts(field("a", "MQ==", "Content-Transfer-Encoding: base64")),
		parts(field("a", "=41", "Content-Transfer-Encoding: quoted-printable")),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := receiver.ParseMultipart([]byte(body), "b")
		if err != nil {
			return
		}
		canonical, err := everhook.Canonical(got)
		require.NoError(t, err)
		require.Equal(t, canonical, map[string]any(got))

		reader := stdmultipart.NewReader(strings.NewReader(body), "b")
		everything := leaves(map[string]any(got))
		for {
			part, err := reader.NextRawPart()
			if errors.Is(err, io.EOF) {
				return
			}
			require.NoError(t, err)
			content, err := io.ReadAll(part)
			require.NoError(t, err)
			if part.Header.Get("Content-Transfer-Encoding") != "" || part.Header.Get("Content-Type") != "" {
				continue // it is decoded, or holds parts
			}
			if isPlain(part.FormName()) && part.FileName() == "" && isPlain(string(content)) {
				require.Contains(t, everything, string(content))
			}
		}
	})
}

// isPlain reports whether a name of a form is the key of its value.
func isPlain(name string) bool {
	got, err := receiver.ParseQuery(url.QueryEscape(name) + "=1")
	return err == nil && got[name] == "1"
}

// leaves returns the texts in a value.
func leaves(v any) []string {
	var texts []string
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, item := range v {
			texts = append(texts, leaves(item)...)
		}
	case map[string]any:
		for name, item := range v {
			if item == true {
				texts = append(texts, name) // a text beside a nested value
			}
			texts = append(texts, leaves(item)...)
		}
	}
	return texts
}
