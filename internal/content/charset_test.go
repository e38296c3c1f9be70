package content_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/content"
)

func TestTextIsConvertedToUTF8(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ charset, text, want string }{
		"UTF-8":                        {"UTF-8", "é€", "é€"},
		"no charset":                   {"", "é", "é"},
		"US-ASCII":                     {"us-ascii", "a", "a"},
		"in quotes":                    {` "utf8" `, "é", "é"},
		"a byte order mark":            {"", "\xEF\xBB\xBFé", "é"},
		"ISO-8859-1":                   {"ISO-8859-1", "caf\xe9", "café"},
		"latin1":                       {"latin1", "caf\xe9", "café"},
		"ISO-8859-15":                  {"iso-8859-15", "\xa4", "€"},
		"windows-1252":                 {"Windows-1252", "\x80", "€"},
		"cp1251":                       {"cp1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
		"KOI8-R":                       {"koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"},
		"Shift_JIS":                    {"Shift_JIS", "\x83\x5c\x83\x74\x83\x67", "ソフト"},
		"windows-31j":                  {"windows-31j", "\x87\x40", "①"},
		"EUC-JP":                       {"euc-jp", "\xa5\xbd", "ソ"},
		"ISO-2022-JP":                  {"iso-2022-jp", "\x1b$B%=\x1b(B", "ソ"},
		"GBK":                          {"gbk", "\xc4\xe3\xba\xc3", "你好"},
		"GB2312":                       {"GB2312", "\xc4\xe3\xba\xc3", "你好"},
		"GB18030":                      {"gb18030", "\x94\x39\xda\x33", "💩"},
		"HZ-GB-2312":                   {"hz-gb-2312", "~{<:Ky~}", "己所"},
		"Big5":                         {"big5", "\xa7\x41\xa6\x6e", "你好"},
		"EUC-KR":                       {"euc-kr", "\xbe\xc8", "안"},
		"IBM850":                       {"ibm850", "\x82", "é"},
		"UTF-16LE":                     {"utf-16le", "a\x00\x3d\xd8\xa9\xdc", "a💩"},
		"UTF-16BE":                     {"utf-16be", "\x00a\xd8\x3d\xdc\xa9", "a💩"},
		"UTF-16 with a mark":           {"utf-16", "\xfe\xff\x00a", "a"},
		"UTF-16, the other mark":       {"", "\xff\xfea\x00", "a"},
		"a mark counts more":           {"utf-8", "\xff\xfea\x00", "a"},
		"UTF-16 by its first letter":   {"UTF-16", "\x00<\x20\xac", "<€"},
		"UTF-16 with no ASCII first":   {"UTF-16", "\xac\x20a\x00", "€a"},
		"UTF-16 with a U+FFFD":         {"utf-16be", "\xff\xfd\x00a", "\uFFFDa"},
		"nothing":                      {"utf-16", "", ""},
		"a half of a mark is a letter": {"latin1", "\xff", "ÿ"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			charset, err := content.TextCharset([]byte(test.text), test.charset)
			require.NoError(t, err)
			got, err := charset.Decode([]byte(test.text))
			require.NoError(t, err)
			require.Equal(t, test.want, string(got))
		})
	}
}

func TestTextThatIsNotInItsCharset(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ charset, text, want string }{
		"UTF-8":                                  {"", "a\n\xff", "line 2, column 1: invalid UTF-8"},
		"a UTF-8 that is a latin1":               {"utf-8", "caf\xe9", "line 1, column 4: invalid UTF-8"},
		"Shift_JIS":                              {"shift_jis", "ab\x83", "line 1, column 3: invalid shift_jis"},
		"a byte that windows-1252 does not have": {"windows-1252", "\x81", "line 1, column 1: invalid windows-1252"},
		"GBK":                                    {"gbk", "a\n\xff", "line 2, column 1: invalid gbk"},
		"EUC-JP":                                 {"euc-jp", "\xa5", "line 1, column 1: invalid euc-jp"},
		"UTF-16, an odd byte":                    {"utf-16le", "a\x00b", "line 1, column 2: invalid UTF-16"},
		"UTF-16, a lone half":                    {"utf-16le", "a\x00\x3d\xd8", "line 1, column 2: invalid UTF-16"},
		"UTF-16, a second half alone":            {"utf-16be", "\xdc\xa9\x00a", "line 1, column 1: invalid UTF-16"},
		"UTF-16, a half before text":             {"utf-16be", "\xd8\x3d\x00a", "line 1, column 1: invalid UTF-16"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			charset, err := content.TextCharset([]byte(test.text), test.charset)
			require.NoError(t, err)
			_, err = charset.Decode([]byte(test.text))
			require.EqualError(t, err, test.want)
			var syntax *everhook.SyntaxError
			require.ErrorAs(t, err, &syntax)
		})
	}
}

func TestCharsetsThatAreNotKnown(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"klingon", "utf-7", "replacement", "iso-2022-kr", strings.Repeat("x", 1000)} {
		_, err := content.FindCharset(name)
		unknown, ok := errors.AsType[*content.UnknownCharsetError](err)
		require.True(t, ok, name)
		require.Equal(t, name, unknown.Name)
		require.Less(t, len(err.Error()), 100)
	}
}

func TestOnlyStatelessCharsetsKeepASCII(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"": true, "latin1": true, "windows-1252": true, "shift_jis": true, "gbk": true, "gb18030": true, "big5": true,
		"euc-jp": true, "euc-kr": true, "koi8-r": true, "ibm850": true,
		"iso-2022-jp": false, "hz-gb-2312": false, "utf-16": false, "utf-16be": false, "ibm037": false,
	} {
		charset, err := content.FindCharset(name)
		require.NoError(t, err, name)
		require.Equal(t, want, charset.KeepsASCII(), name)
	}
}

func TestTheCharsetOfXML(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ document, declared, want string }{
		"no declaration":                      {"<a/>", "", "UTF-8"},
		"a declaration":                       {`<?xml version="1.0" encoding="ISO-8859-1"?><a/>`, "", "windows-1252"},
		"in other quotes":                     {`<?xml version='1.0' encoding = 'gbk' standalone='no'?><a/>`, "", "gbk"},
		"the type counts more":                {`<?xml version="1.0" encoding="gbk"?><a/>`, "latin1", "windows-1252"},
		"UTF-8 in the type, and it is":        {`<?xml version="1.0" encoding="gbk"?><a>é</a>`, "utf-8", "UTF-8"},
		"UTF-8 in the type, and it is not":    {"<?xml version='1.0' encoding='gbk'?><a>\xc4\xe3</a>", "utf-8", "gbk"},
		"UTF-16 without a mark":               {"<\x00?\x00", "", "UTF-16"},
		"UTF-16 without a mark, big-endian":   {"\x00<\x00?", "", "UTF-16"},
		"UTF-16 in a declaration that is not": {`<?xml version="1.0" encoding="UTF-16"?><a/>`, "", "UTF-8"},
		"a mark":                              {"\xEF\xBB\xBF<?xml version='1.0' encoding='gbk'?>", "", "UTF-8"},
		"encoding elsewhere":                  {`<a encoding="gbk"/>`, "", "UTF-8"},
		"a declaration without end":           {`<?xml encoding="gbk"`, "", "UTF-8"},
		"a declaration without quotes":        {`<?xml encoding=gbk?>`, "", "UTF-8"},
		"a declaration with an open quote":    {`<?xml encoding="gbk?>`, "", "UTF-8"},
		"a declaration without a value":       {`<?xml version="1.0" encoding?>`, "", "UTF-8"},
		"a declaration that is too long":      {`<?xml ` + strings.Repeat(" ", 1<<10) + `encoding="gbk"?>`, "", "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			charset, err := content.XMLCharset([]byte(test.document), test.declared)
			require.NoError(t, err)
			require.Equal(t, test.want, charset.Name())
		})
	}
	_, err := content.XMLCharset([]byte(`<?xml version="1.0" encoding="klingon"?>`), "")
	require.EqualError(t, err, "the charset klingon is not known")
}

func TestTheCharsetOfJSON(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, declared, want string }{
		"none":                   {`"é"`, "", "UTF-8"},
		"latin1 that is UTF-8":   {`"é"`, "latin1", "UTF-8"},
		"latin1 that is not":     {"\"\xe9\"", "latin1", "windows-1252"},
		"UTF-8 that is not":      {"\"\xe9\"", "utf-8", "UTF-8"},
		"an unknown one that is": {`"é"`, "klingon", "UTF-8"},
		"UTF-16":                 {"7\x00", "", "UTF-16"},
		"UTF-16, big-endian":     {"\x007", "utf-8", "UTF-16"},
		"a mark":                 {"\xff\xfe7\x00", "", "UTF-16"},
		"one digit":              {"7", "", "UTF-8"},
	} {
		charset, err := content.JSONCharset([]byte(test.text), func() string { return test.declared })
		require.NoError(t, err, name)
		require.Equal(t, test.want, charset.Name(), name)
	}
	_, err := content.JSONCharset([]byte("\"\xe9\""), func() string { return "klingon" })
	require.EqualError(t, err, "the charset klingon is not known")
}

func TestMediaTypes(t *testing.T) {
	t.Parallel()
	for given, test := range map[string]struct{ mediaType, once string }{
		"":                                      {"", ""},
		"Application/JSON; charset=utf-8":       {"application/json", "Application/JSON; charset=utf-8"},
		"application/json, application/json":    {"application/json", "application/json"},
		"text/json;a=1,text/json;a=1,text/json": {"text/json", "text/json;a=1"},
		"application/json, text/plain":          {"application/json, text/plain", "application/json, text/plain"},
		`multipart/form-data; boundary="a,b"`:   {"multipart/form-data", `multipart/form-data; boundary="a,b"`},
	} {
		mediaType, once := content.TypeOf(given)
		require.Equal(t, test.mediaType, mediaType, given)
		require.Equal(t, test.once, once, given)
	}
	for mediaType, want := range map[string]bool{"application/json": true, "application/vnd.api+json": true,
		"text/json": true, "application/csp-report": true, "application/x-amz-json-1.1": true,
		"application/json-rpc": true, "text/plain": false, "": false, "application/x-ndjson": false} {
		require.Equal(t, want, content.IsJSON(mediaType), mediaType)
	}
	require.True(t, content.IsJSONLines("application/x-ndjson"))
	require.False(t, content.IsJSONLines("application/json"))
}

func FuzzCharsets(f *testing.F) {
	for _, seed := range []struct{ charset, text string }{
		{"shift_jis", "\x83\x5c"}, {"utf-16", "\xff\xfea\x00"}, {"utf-16be", "\xd8\x3d\xdc\xa9"},
		{"gb18030", "\x94\x39\xda\x33"}, {"iso-2022-jp", "\x1b$B%=\x1b(B"}, {"hz-gb-2312", "~{<:Ky~}"},
		{"latin1", "\xe9"}, {"", "<?xml encoding='gbk'?>"}, {"big5", "\xa7\x41"}, {"euc-kr", "\xbe\xc8"},
	} {
		f.Add(seed.charset, []byte(seed.text))
	}
	f.Fuzz(func(t *testing.T, declared string, text []byte) {
		byText, err := content.TextCharset(text, declared)
		byXML, xmlErr := content.XMLCharset(text, declared)
		byJSON, jsonErr := content.JSONCharset(text, func() string { return declared })
		for i, charset := range []content.Charset{byText, byXML, byJSON} {
			if []error{err, xmlErr, jsonErr}[i] != nil {
				continue
			}
			got, err := charset.Decode(text)
			if err != nil {
				var syntax *everhook.SyntaxError
				require.ErrorAs(t, err, &syntax)
				continue
			}
			require.True(t, utf8.Valid(got), charset.Name())
			require.LessOrEqual(t, len(got), 3*len(text)+3, charset.Name())
		}
	})
}
