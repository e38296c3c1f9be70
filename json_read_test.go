package everhook_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestValuesOverTheLimitAreRefused(t *testing.T) {
	t.Parallel()
	for text, values := range map[string]int{
		`null`: 1, `[]`: 1, `[1,2]`: 3, `{"a":1}`: 2, `[{"":0},{"":0}]`: 5, `{"a":{"b":["c",[]]}}`: 5,
	} {
		v, err := everhook.ParseJSONWithin([]byte(text), values)
		require.NoError(t, err, text)
		require.Equal(t, values, everhook.CountValues(v), text)
		_, err = everhook.ParseJSONWithin([]byte(text), values-1)
		limit, ok := errors.AsType[*everhook.ValuesError](err)
		require.True(t, ok, text)
		require.Equal(t, values-1, limit.Max)
	}
}

// FuzzParseJSONAgainstStandard compares the parser with encoding/json: it accepts only JSON, and refuses JSON only for
// the reasons of its contract.
func FuzzParseJSONAgainstStandard(f *testing.F) {
	for _, text := range []string{`{"a":[1,2.5,"x",null,true]}`, `"\u0041\n\/"`, "[1,]", "{,}", "-", "1.", "1e", "01",
		"tru", "nulll", "\"\t\"", "\"\x7f\"", `"\x"`, " [ ] ", "-0.0e-0", `{"a" : 1 , "b":2}`, `["é","\ud83d\ude00"]`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := everhook.ParseJSON(text)
		if err == nil {
			require.True(t, json.Valid(text), "%q", text)
			var standard any
			decoder := json.NewDecoder(strings.NewReader(string(text)))
			decoder.UseNumber()
			require.NoError(t, decoder.Decode(&standard))
			canonical, err := everhook.Canonical(standard)
			require.NoError(t, err)
			require.Equal(t, canonical, v)
			return
		}
		if !json.Valid(text) || !utf8.Valid(text) {
			return
		}
		for _, reason := range []string{"stands twice", "64 bits", "out of range", "surrogate pair", "nested deeper"} {
			if strings.Contains(err.Error(), reason) {
				return
			}
		}
		t.Fatalf("%q is JSON and was refused: %v", text, err)
	})
}

func benchmarkTexts() map[string][]byte {
	order := `{"id":12345,"ok":true,"total":99.95,"customer":{"name":"Ada Löve","email":"ada@example.org"},` +
		`"items":[{"sku":"A-1","qty":2,"price":1.5},{"sku":"B-2","qty":1,"price":20}],"note":"line one\nline two"},`
	return map[string][]byte{
		"orders": []byte("[" + strings.Repeat(order, 500) + "{}]"),
		"small":  []byte(strings.TrimSuffix(order, ",")),
		"tiny":   []byte("[" + strings.Repeat(`{"":0},`, 10_000) + "{}]"),
	}
}

func BenchmarkParseJSON(b *testing.B) {
	for name, text := range benchmarkTexts() {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := everhook.ParseJSON(text); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/standard", func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				var v any
				if err := json.Unmarshal(text, &v); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestJSONLinesAreAList(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]any{
		"":                                  {},
		" \n\r\n":                           {},
		"1":                                 {1},
		"{\"a\":1}\n[2]\r\n\n\"x\"\nnull\n": {map[string]any{"a": 1}, []any{2}, "x", nil},
		strings.Repeat("[", 99) + strings.Repeat("]", 99): {nested(99)},
	} {
		got, err := everhook.ParseJSONLines([]byte(text), 200)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		canonical, err := everhook.Canonical(got)
		require.NoError(t, err)
		require.Equal(t, canonical, got)
	}
	for text, want := range map[string]string{
		"1\n\n{\n}":    "line 3, column 2: unexpected end of JSON input",
		"1\n2 3":       "line 2, column 3: more data after the JSON value",
		"1\n \"\xff\"": "line 2, column 3: invalid UTF-8",
		"1\n1e400":     "line 2, column 5: the number 1e400 is out of range",
		"\x1e1":        `line 1, column 1: invalid character '\x1e' looking for beginning of value`,
		strings.Repeat("[", 100) + strings.Repeat("]", 100): "line 1, column 100: nested deeper than 99",
	} {
		_, err := everhook.ParseJSONLines([]byte(text), 200)
		require.EqualError(t, err, want, text)
	}
	_, err := everhook.ParseJSONLines([]byte("1\n2\n3\n"), 4)
	require.NoError(t, err)
	_, err = everhook.ParseJSONLines([]byte("1\n[2,3]\n4"), 5)
	var values *everhook.ValuesError
	require.ErrorAs(t, err, &values)
	require.Equal(t, 5, values.Max)
}

func nested(n int) any {
	v := any([]any{})
	for range n - 1 {
		v = []any{v}
	}
	return v
}

func FuzzParseJSONLines(f *testing.F) {
	f.Add("{\"a\":1}\n\n[2]\r\n")
	f.Add("1\n2 3")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := everhook.ParseJSONLines([]byte(text), 50)
		if err != nil {
			return
		}
		require.LessOrEqual(t, everhook.CountValues(any(got)), 50)
		at := 0
		for line := range strings.SplitSeq(text, "\n") {
			if strings.TrimSpace(line) == "" {
				continue
			}
			want, err := everhook.ParseJSON([]byte(line))
			require.NoError(t, err)
			require.Equal(t, want, got[at])
			at++
		}
		require.Len(t, got, at)
	})
}

func TestBigIntegersAsText(t *testing.T) {
	t.Parallel()
	options := everhook.JSONOptions{MaxValues: 100, BigIntegers: true}
	for text, want := range map[string]any{
		"9223372036854775807": 9223372036854775807, "9223372036854775808": "9223372036854775808",
		"-9223372036854775808": -9223372036854775808, "-9223372036854775809": "-9223372036854775809",
		"[18446744073709551616,7]": []any{"18446744073709551616", 7}, "1.5": 1.5,
		`{"id":123456789012345678901234567890}`: map[string]any{"id": "123456789012345678901234567890"},
		strings.Repeat("9", 5000):               strings.Repeat("9", 5000),
	} {
		got, err := options.Parse([]byte(text))
		require.NoError(t, err, text)
		require.Equal(t, want, got)
		list, err := options.ParseLines([]byte(text + "\n1"))
		require.NoError(t, err)
		require.Equal(t, []any{want, 1}, list)
	}
	for _, text := range []string{"1e400",
		"09223372036854775808", "9223372036854775808x", "-", "+9223372036854775808"} {
		_, err := options.Parse([]byte(text))
		require.Error(t, err, text)
	}
	_, err := everhook.ParseJSON([]byte("9223372036854775808"))
	require.ErrorContains(t, err, "64 bits")
}
