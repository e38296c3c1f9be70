package everhook_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestNamesOfHeaders(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][3]bool{ // any header, a request's, an answer's
		"X-Api-Key": {true, true, true}, "content-type": {true, true, true}, "a!#$%&'*+.^_`|~0": {true, true, true},
		"Date": {true, true, false}, "Server": {true, true, false}, "Everhook-Run-Id": {true, true, false},
		"expect": {true, false, true}, "Content-Length": {true, false, false}, "TRAILER": {true, false, false},
		"": {}, "bad name": {}, "a:b": {}, "ü": {}, "a\r\nb": {}, strings.Repeat("a", 257): {},
		strings.Repeat("a", 256): {true, true, true},
	} {
		for i, check := range []func(string) error{everhook.CheckHeaderName, everhook.CheckRequestHeader,
			everhook.CheckAnswerHeader} {
			require.Equal(t, want[i], check(name) == nil, "%q, check %d", name, i)
		}
	}
}

func TestHeadersOfAnAnswerAreBounded(t *testing.T) {
	t.Parallel()
	many := make(everhook.HeaderValue, everhook.MaxAnswerHeaders)
	for i := range many {
		many[i] = "a=b"
	}
	for name, test := range map[string]struct {
		headers map[string]everhook.HeaderValue
		want    string
	}{
		"none":                {nil, ""},
		"several cookies":     {map[string]everhook.HeaderValue{"Set-Cookie": {"a=b", "c=d"}}, ""},
		"as many as can be":   {map[string]everhook.HeaderValue{"Set-Cookie": many}, ""},
		"one more":            {map[string]everhook.HeaderValue{"Set-Cookie": many, "X-A": {"b"}}, "65 headers; an answer can have 64"},
		"as large as can be":  {map[string]everhook.HeaderValue{"X": {strings.Repeat("a", 16<<10-1)}}, ""},
		"one byte more":       {map[string]everhook.HeaderValue{"X": {strings.Repeat("a", 16<<10)}}, "the headers have 16385 bytes together; an answer's can have 16KiB"},
		"two types":           {map[string]everhook.HeaderValue{"content-type": {"a/b", "c/d"}}, "content-type has 2 values; it can have one"},
		"two places to go to": {map[string]everhook.HeaderValue{"Location": {"/a", "/b"}}, "Location has 2 values; it can have one"},
	} {
		err := everhook.CheckAnswerHeaders(test.headers)
		if test.want == "" {
			require.NoError(t, err, name)
		} else {
			require.EqualError(t, err, test.want, name)
		}
	}
}

func TestOneValueOfAHeaderIsAText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]everhook.HeaderValue{`"a"`: {"a"}, `["a","b"]`: {"a", "b"}, `[]`: {}, `""`: {""}} {
		var got everhook.HeaderValue
		require.NoError(t, json.Unmarshal([]byte(text), &got))
		require.Equal(t, want, got)
		data, err := json.Marshal(got)
		require.NoError(t, err)
		require.Equal(t, text, string(data))
	}
	for _, text := range []string{`1`, `{}`, `[1]`} {
		require.Error(t, json.Unmarshal([]byte(text), new(everhook.HeaderValue)), text)
	}
	var decoded everhook.HeaderValue
	require.NoError(t, decoded.Decode([]any{"a", 5}))
	require.Equal(t, everhook.HeaderValue{"a", "5"}, decoded)
	require.EqualError(t, decoded.Decode(map[string]any{}),
		"a mapping is not the value of a header; write text, or a list of texts")
}

func TestLocations(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"https://shop.example/thanks?order=7#top", "/thanks", "thanks", "?a=b", "../x",
		"//other.example/x", "app://callback?code=1", "mailto:ada@example.com", "/a%20b"} {
		require.NoError(t, everhook.CheckLocation(text), text)
		require.Equal(t, text, everhook.EncodeLocation(text))
	}
	for text, want := range map[string]string{
		"": "the Location is empty", "/a b": "percent-encoded", "/a\r\nX: y": "percent-encoded", "/ü": "percent-encoded",
		"https://[::1/": "is not a URL", "/%zz": "is not a URL", "javascript:alert(1)": "follow no redirect to the scheme javascript",
		"JavaScript:x": "follow no redirect", "data:text/html,x": "follow no redirect", `/\evil.example`: "percent-encoded",
	} {
		require.ErrorContains(t, everhook.CheckLocation(text), want, text)
	}
	require.Equal(t, "/a%20%C3%BC%22%3C%0D%0A%5Cx%", everhook.EncodeLocation("/a ü\"<\r\n\\x%"))
	for _, status := range []int{301, 302, 303, 307, 308} {
		require.True(t, everhook.IsRedirect(status))
	}
	for _, status := range []int{200, 300, 304, 305, 306, 400} {
		require.False(t, everhook.IsRedirect(status))
	}
}
