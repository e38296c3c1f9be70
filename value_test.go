package everhook_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestEveryCanonicalValueIsTheSameAfterAPayload(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		nil, true, 0, -1, math.MaxInt64, math.MinInt64, 0.5, -2.5e-300, 1e19, -1e19, 9223372036854775808.0,
		1.7976931348623157e308, 1e21,
		"", "a<b>&c \u2028 \x00 é😀 \"\\", []any{}, map[string]any{}, []any{nil, 1e19, []any{"x"}},
		map[string]any{"a": map[string]any{"b": []any{1, 2.5, 1e20}}, "": "empty", "<&>": nil},
	} {
		text, err := everhook.EncodeJSON(v)
		require.NoError(t, err)
		got, err := everhook.ParseJSON(text)
		require.NoError(t, err, string(text))
		require.Equal(t, v, got, string(text))

		text, err = everhook.EncodeJSON(everhook.Value{V: v})
		require.NoError(t, err)
		var value everhook.Value
		require.NoError(t, json.Unmarshal(text, &value), string(text))
		require.Equal(t, v, value.V)
	}
}

func TestEncodingLeavesTheValueItselfAlone(t *testing.T) {
	t.Parallel()
	v := map[string]any{"list": []any{1e19, 1}}
	text, err := everhook.EncodeJSON(v)
	require.NoError(t, err)
	require.Equal(t, `{"list":[1e+19,1]}`, string(text))
	require.Equal(t, map[string]any{"list": []any{1e19, 1}}, v)
}

type level int

func (l level) MarshalText() ([]byte, error) { return []byte("level"), nil }

func TestGoValuesBecomeCanonical(t *testing.T) {
	t.Parallel()
	var none *int
	one := 1
	for name, c := range map[string]struct{ given, want any }{
		"a small integer":         {int8(3), 3},
		"an unsigned integer":     {uint32(3), 3},
		"a float that is whole":   {3.0, 3},
		"a float32":               {float32(0.5), 0.5},
		"a number of a decoder":   {json.Number("1e3"), 1000},
		"a negative zero":         {json.Number("-0.0"), 0},
		"a number beyond 64 bits": {json.Number("1e19"), 1e19},
		"a time":                  {time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), "2026-01-02T03:04:05.000006Z"},
		"a Go duration":           {90 * time.Second, "PT1M30S"},
		"a duration":              {everhook.Duration(36 * time.Hour), "P1DT12H"},
		"raw JSON":                {json.RawMessage(`{"a":[1.0]}`), map[string]any{"a": []any{1}}},
		"a text marshaler":        {level(1), "level"},
		"a value":                 {everhook.Value{V: int16(4)}, 4},
		"a pointer to a value":    {everhook.Of(uint(4)), 4},
		"no value":                {(*everhook.Value)(nil), nil},
		"a pointer":               {&one, 1},
		"a nil pointer":           {none, nil},
		"a named text":            {everhook.Status("failed"), "failed"},
		"a named boolean":         {struct{ B bool }{true}, map[string]any{"B": true}},
		"a slice":                 {[]int{1, 2}, []any{1, 2}},
		"a nil slice":             {[]int(nil), nil},
		"an array":                {[2]string{"a", "b"}, []any{"a", "b"}},
		"a map":                   {map[everhook.Status]float64{"a": 1}, map[string]any{"a": 1}},
		"a nil map":               {map[string]int(nil), nil},
		"a mapping":               {everhook.Mapping{"a": []any{int64(1)}}, map[string]any{"a": []any{1}}},
		"a struct, by its JSON": {struct {
			A int `json:"a"`
		}{1}, map[string]any{"a": 1}},
		"a list of what is not yet": {[]any{int64(1), 2.0}, []any{1, 2}},
		"a boolean of a named type": {[]flag{true}, []any{true}},
	} {
		got, err := everhook.Canonical(c.given)
		require.NoError(t, err, name)
		require.Equal(t, c.want, got, name)
	}
}

type flag bool

func TestWhatIsNoValueIsRefused(t *testing.T) {
	t.Parallel()
	deep := any(1)
	for range everhook.MaxDepth + 1 {
		deep = []any{deep}
	}
	for name, c := range map[string]struct {
		given any
		want  string
	}{
		"not a number": {math.NaN(), "NaN is not a number that JSON has"},
		"an infinity": {map[string]any{"a": []any{math.Inf(-1)}},
			"a: [0]: -Inf is not a number that JSON has"},
		"a large unsigned integer": {uint64(math.MaxUint64), "18446744073709551615 does not fit in 64 bits"},
		"a large integer as text": {json.Number("9223372036854775808"),
			"the integer 9223372036854775808 does not fit in 64 bits; send it as text"},
		"a number out of range":     {json.Number("1e400"), "the number 1e400 is out of range"},
		"text in another encoding":  {"\xff", "text that is not valid UTF-8"},
		"a key in another encoding": {map[string]any{"\xff": 1}, "a key that is not valid UTF-8"},
		"a function":                {func() {}, "a func() is not data"},
		"a map with other keys":     {map[int]int{1: 1}, "a mapping with keys of type int; keys are text"},
		"a struct that is not JSON": {struct{ F func() }{func() {}}, "json: unsupported type: func()"},
	} {
		_, err := everhook.Canonical(c.given)
		require.EqualError(t, err, c.want, name)
	}
	_, err := everhook.Canonical(deep)
	require.ErrorContains(t, err, "nested deeper than 100")
}

func TestEqualComparesNumbersByValue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		a, b any
		want bool
	}{
		"an integer and its float":           {1, 1.0, true},
		"a float and its integer":            {1.0, 1, true},
		"a fraction":                         {1, 1.5, false},
		"two texts":                          {"a", "a", true},
		"text and number":                    {"1", 1, false},
		"nil and false":                      {nil, false, false},
		"nil and nil":                        {nil, nil, true},
		"lists":                              {[]any{1, []any{2.0}}, []any{1.0, []any{2}}, true},
		"lists of other lengths":             {[]any{1}, []any{1, 2}, false},
		"lists with another item":            {[]any{1}, []any{2}, false},
		"a list and text":                    {[]any{}, "", false},
		"text and a list":                    {"", []any{}, false},
		"mappings":                           {map[string]any{"a": 1}, map[string]any{"a": 1.0}, true},
		"mappings with another key":          {map[string]any{"a": nil}, map[string]any{"b": nil}, false},
		"mappings of other sizes":            {map[string]any{"a": 1}, map[string]any{}, false},
		"mappings with another value":        {map[string]any{"a": 1}, map[string]any{"a": "1"}, false},
		"a mapping and a list":               {map[string]any{}, []any{}, false},
		"the largest integer and its float":  {math.MaxInt64, 9223372036854775808.0, false},
		"the smallest integer and its float": {math.MinInt64, -9223372036854775808.0, true},
		"neighbours that share a float":      {9007199254740993, 9007199254740992.0, false},
	} {
		require.Equal(t, c.want, everhook.Equal(c.a, c.b), name)
	}
}

func TestTypeNamesAreWordsForPeople(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		"nil": nil, "a boolean": true, "text": "", "a list": []any{}, "a mapping": map[string]any{},
		"a int64": int64(1),
	} {
		require.Equal(t, want, everhook.TypeName(v))
	}
	require.Equal(t, everhook.TypeName(1), everhook.TypeName(1.5))
}

func TestMappingsStayCanonicalThroughJSON(t *testing.T) {
	t.Parallel()
	var m everhook.Mapping
	require.NoError(t, json.Unmarshal([]byte(`{"a":1.0,"b":[1e19]}`), &m))
	require.Equal(t, everhook.Mapping{"a": 1, "b": []any{1e19}}, m)
	text, err := everhook.EncodeJSON(m)
	require.NoError(t, err)
	require.Equal(t, `{"a":1,"b":[1e+19]}`, string(text))

	require.NoError(t, m.UnmarshalJSON([]byte("null")))
	require.Nil(t, m)
	text, err = everhook.EncodeJSON(m)
	require.NoError(t, err)
	require.Equal(t, "null", string(text))
	require.EqualError(t, json.Unmarshal([]byte(`[1]`), &m), "a list where a mapping is needed")
	require.Error(t, m.UnmarshalJSON([]byte(`{"a":1,"a":2}`)))
}

func TestATimeWithSecondsInItsOffsetIsWrittenInUTC(t *testing.T) {
	t.Parallel()
	at := time.Date(1850, 1, 1, 0, 34, 8, 5e8, time.FixedZone("LMT", 34*60+8))
	require.Equal(t, "1850-01-01T00:00:00.5Z", everhook.FormatTime(at))
	require.Equal(t, "1850-01-01T01:00:00.5+01:00", everhook.FormatTime(at.In(time.FixedZone("", 3600))))
}
