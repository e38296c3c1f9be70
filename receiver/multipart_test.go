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
		"text before the form": {"b", "hello\r\n" + parts(field("a", "1")),
			"it does not begin with the boundary that the Content-Type names"},
		"another boundary": {"c", parts(field("a", "1")),
			"it does not begin with the boundary that the Content-Type names"},
		"text behind the form": {"b", parts(field("a", "1")) + field("b", "2"),
			"more data after the last boundary"},
		"one character behind the form": {"b", parts(field("a", "1")) + "x", "more data after the last boundary"},
		"no last boundary": {"b", strings.TrimSuffix(parts(field("a", "1"), field("b", "2")),
			"\r\n--b--\r\n"), "part 2: there is no boundary behind it"},
		"cut off behind a boundary": {"b", "--b", "part 1: the boundary before it does not end with CRLF"},
		"cut off in the headers": {"b", "--b\r\nContent-Disposition: form-data; name=a\r\n",
			"part 1: there is no boundary behind it"},
		"a boundary where content begins": {"b", parts(field("a", "--b\r\nx")),
			"part 2: there is no empty line behind its headers"},
		"lines that end with LF": {"b", strings.ReplaceAll(parts(field("a", "1")), "\r\n", "\n"),
			"part 1: the boundary before it does not end with CRLF"},
		"a boundary that goes on": {"b", parts(field("a", "1\r\n--bc")),
			"part 2: the boundary before it does not end with CRLF"},
		"headers without an empty line": {"b", parts("Content-Disposition: form-data; name=a"),
			"part 1: there is no empty line behind its headers"},
		"no headers":          {"b", parts("\r\nx"), "part 1: there is no empty line behind its headers"},
		"no name":             {"b", parts("Content-Disposition: form-data\r\n\r\n1"), noName},
		"an empty name":       {"b", parts(field(`""`, "1")), noName},
		"another disposition": {"b", parts("Content-Disposition: attachment; name=a\r\n\r\n1"), noName},
		"no disposition":      {"b", parts("Content-Type: text/plain\r\n\r\n1"), noName},
		"a disposition not well formed": {"b", parts("Content-Disposition: form-data; name=a; name=b\r\n\r\n1"),
			noName},
		"two dispositions": {"b", parts("Content-Disposition: form-data; name=a\r\n" + field("b", "1")),
			"part 1: its header content-disposition stands twice"},
		"a header that goes on": {"b", parts("Content-Disposition: form-data;\r\n name=a\r\n\r\n1"),
			"part 1: its headers are not lines of NAME: VALUE"},
		"a header without a colon": {"b", parts("hello\r\n\r\n1"),
			"part 1: its headers are not lines of NAME: VALUE"},
		"a header with a line feed": {"b", parts("X-A: 1\nX-B: 2\r\n\r\n1"),
			"part 1: its headers are not lines of NAME: VALUE"},
		"headers that are not UTF-8": {"b", parts(field("\xff", "1")), "part 1: its headers are not UTF-8"},
		"a name that is not UTF-8": {"b", parts("Content-Disposition: form-data; name*=UTF-8''%FF\r\n\r\n1"),
			noName},
		"a file name that is not UTF-8": {"b", parts(field("a; filename*=UTF-8''%FF", "1")),
			"part 1: its file name is not UTF-8"},
		"text that is not UTF-8": {"b", parts(field("a", "1"), field("b", "\xff")),
			"part 2: its text is not UTF-8; give it a file name if it is no text"},
		"base64": {"b", parts(field("a", "MQ==", "Content-Transfer-Encoding: base64")),
			"part 1: send it as it is, without Content-Transfer-Encoding (RFC 7578, 4.7)"},
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
		parts(field("a; filename*=UTF-8''%FF", "1")),
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
