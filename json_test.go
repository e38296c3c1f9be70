package everhook_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestJSONThatReadersDisagreeOnIsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                   "line 1, column 1: unexpected end of JSON input",
		"  ":                 "line 1, column 3: unexpected end of JSON input",
		`{"a":1,"a":2}`:      `line 1, column 10: the key "a" stands twice in one object`,
		`{"a":1,"\u0061":2}`: `line 1, column 15: the key "a" stands twice in one object`,
		"1 2":                "line 1, column 3: more data after the JSON value",
		"{}\n]":              "line 2, column 1: more data after the JSON value",
		"9223372036854775808": "line 1, column 19: the integer 9223372036854775808 does not fit in 64 bits; " +
			"send it as text",
		"-9223372036854775809": "line 1, column 20: the integer -9223372036854775809 does not fit in 64 bits; " +
			"send it as text",
		`[1e400]`:                    "line 1, column 6: the number 1e400 is out of range",
		"\"a\xff\"":                  "line 1, column 3: invalid UTF-8",
		strings.Repeat("[", 101):     "line 1, column 101: nested deeper than 100",
		strings.Repeat(`{"a":`, 101): "line 1, column 501: nested deeper than 100",
		"01":                         "line 1, column 2: more data after the JSON value",
		"NaN":                        "line 1, column 1: invalid character 'N' looking for beginning of value",
		"{1:2}": "line 1, column 2: invalid character '1' looking for beginning of object key " +
			"string",
		"\"a\nb\"": "line 1, column 3: invalid character '\\n' in string literal",
		"\ufeff{}": "line 1, column 1: invalid character 'ï' looking for beginning of value",
	} {
		_, err := everhook.ParseJSON([]byte(text))
		require.EqualError(t, err, want, text)
		_, ok := errors.AsType[*everhook.SyntaxError](err)
		require.True(t, ok)
	}
}

func TestJSONBecomesCanonical(t *testing.T) {
	t.Parallel()
	v, err := everhook.ParseJSON([]byte(" {\"int\":1.0,\"exp\":1e2,\"max\":9223372036854775807," +
		"\"min\":-9223372036854775808,\"big\":1e19,\"zero\":-0,\"f\":0.1,\"s\":\"\\ud83d\\ude00\",\"l\":[],\"m\":{}," +
		"\"n\":null,\"t\":true}\n"))
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"int": 1, "exp": 100, "max": 9223372036854775807, "min": -9223372036854775808, "big": 1e19, "zero": 0, "f": 0.1,
		"s": "😀", "l": []any{}, "m": map[string]any{}, "n": nil, "t": true,
	}, v)
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	_, err = everhook.ParseJSON([]byte(deep))
	require.NoError(t, err)
}

func FuzzParseJSON(f *testing.F) {
	for _, text := range []string{`{"a":[1,2.5,"x",null,true]}`, `{"a":1,"a":2}`, "1e19", "10000000000000000000.0",
		"[[[", `"\ud800"`, "-0", "1E400", "\xff", `{"":{"":0}}`, "9007199254740993"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := everhook.ParseJSON(text)
		if err != nil {
			syntax, ok := errors.AsType[*everhook.SyntaxError](err)
			require.True(t, ok)
			require.Positive(t, syntax.Line)
			require.Positive(t, syntax.Column)
			return
		}
		canonical, err := everhook.Canonical(v)
		require.NoError(t, err)
		require.Equal(t, v, canonical)
		encoded, err := everhook.EncodeJSON(v)
		require.NoError(t, err)
		require.True(t, utf8.Valid(encoded))
		again, err := everhook.ParseJSON(encoded)
		require.NoError(t, err, string(encoded))
		require.Equal(t, v, again)
		require.True(t, everhook.Equal(v, again))
	})
}

func TestALoneSurrogateIsRefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"\ud83d"`: "line 1, column 2: the escape \\ud83d is half of a surrogate pair, and the other " +
			"half is missing",
		`"\ude00"`: "line 1, column 2: the escape \\ude00 is half of a surrogate pair, and the other " +
			"half is missing",
		`"\ud83d\ud83d\ude00"`: "line 1, column 2: the escape \\ud83d is half of a surrogate pair, and the other " +
			"half is missing",
		`"\ud83dx"`: "line 1, column 2: the escape \\ud83d is half of a surrogate pair, and the other " +
			"half is missing",
		`"\\\uD83D"`: "line 1, column 4: the escape \\uD83D is half of a surrogate pair, and the other " +
			"half is missing",
		`{"\ud800":1,"\ud801":2}`: "line 1, column 3: the escape \\ud800 is half of a surrogate pair, and the other " +
			"half is missing",
	} {
		_, err := everhook.ParseJSON([]byte(text))
		require.EqualError(t, err, want, text)
	}
	for text, want := range map[string]string{`"\ud83d\ude00"`: "😀", `"\\ud83d"`: `\ud83d`,
		`"\u00e9\ufffd"`: "é\ufffd"} {
		v, err := everhook.ParseJSON([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, want, v, text)
	}
	for _, text := range []string{`"\`, `"\u`, `"\u12`, `"\ud83d`, `"\ud83d\`, `"\ud83d\u`} {
		_, err := everhook.ParseJSON([]byte(text))
		require.Error(t, err, text)
	}
}
