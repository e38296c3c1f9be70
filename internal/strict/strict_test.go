package strict_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
)

type problem struct{ pointer, message, fix string }

func decode(t *testing.T, text string, target any) []problem {
	t.Helper()
	v, err := everhook.ParseJSON([]byte(text))
	require.NoError(t, err)
	var problems []problem
	strict.Decode(v, target, "/config", func(pointer, message, fix string) {
		problems = append(problems, problem{pointer, message, fix})
	})
	return problems
}

// either is "left" or a mapping with the key right: a Decoder.
type either struct{ got any }

func (e *either) Decode(v any) error {
	if v == "wrong" {
		return fmt.Errorf("neither left nor right")
	}
	e.got = fmt.Sprintf("%v", v)
	return nil
}

type mode string

type limits struct {
	Wait everhook.Duration `json:"wait,omitempty"`
	Size everhook.Size     `json:"size,omitempty"`
}

type item struct {
	Name string `json:"name" required:"true"`
	Note string `json:"note"`
}

type config struct {
	limits
	Title   string              `json:"title" required:"true"`
	Mode    mode                `json:"mode" enum:"sync,async"`
	Modes   []mode              `json:"modes" enum:"sync,async"`
	ByName  map[mode]mode       `json:"byName" enum:"sync,async"`
	Count   int                 `json:"count"`
	Small   int8                `json:"small"`
	Natural uint16              `json:"natural"`
	Ratio   float64             `json:"ratio"`
	On      bool                `json:"on"`
	Maybe   *bool               `json:"maybe"`
	Items   []item              `json:"items" single:"true"`
	Texts   *[]string           `json:"texts"`
	Path    everhook.Path       `json:"path"`
	Free    any                 `json:"free"`
	List    []any               `json:"list"`
	Mapping everhook.Mapping    `json:"mapping"`
	Counts  map[string]int      `json:"counts"`
	Value   everhook.Value      `json:"value"`
	Given   *everhook.Value     `json:"given"`
	Either  either              `json:"either"`
	Eithers []*either           `json:"eithers"`
	Nested  struct{ Deep item } `json:"nested"`
	Skipped string              `json:"-"`
}

func TestDecodeFillsEveryTypeOfField(t *testing.T) {
	t.Parallel()
	var got config
	problems := decode(t, `{
		"wait": "1d", "size": 1024, "title": "T", "mode": "sync", "modes": ["async"], "byName": {"a": "sync"}, "count": -5, "small": -128,
		"natural": 65535, "ratio": 2, "on": true, "maybe": false, "items": [{"name": "a"}, {"name": "b", "note": "n"}], "texts": [],
		"path": "order.items[0]", "free": {"a": [1.5]}, "list": [1, null], "mapping": {"k": null}, "counts": {"x": 1}, "value": null, "given": null,
		"either": null, "eithers": ["left", {"right": 1}], "nested": {"Deep": {"name": "d"}}
	}`, &got)
	require.Empty(t, problems)
	no := false
	require.Equal(t, config{
		limits: limits{Wait: everhook.Duration(24 * 3600e9), Size: 1024},
		Title:  "T", Mode: "sync", Modes: []mode{"async"}, ByName: map[mode]mode{"a": "sync"}, Count: -5, Small: -128,
		Natural: 65535, Ratio: 2,
		On: true, Maybe: &no, Items: []item{{Name: "a"}, {Name: "b", Note: "n"}}, Texts: &[]string{},
		Path: everhook.Path{{Name: "order"}, {Name: "items"}, {Index: true}},
		Free: map[string]any{"a": []any{1.5}}, List: []any{1, nil}, Mapping: everhook.Mapping{"k": nil},
		Counts: map[string]int{"x": 1},
		Given:  everhook.Of(nil), Either: either{"<nil>"}, Eithers: []*either{{"left"}, {"map[right:1]"}},
		Nested: struct{ Deep item }{item{Name: "d"}},
	}, got)
}

func TestDecodeReports(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want []problem
	}{
		"an unknown field with the nearest name": {`{"title": "", "cuont": 1}`,
			[]problem{{"/config/cuont", `unknown field "cuont"`, `did you mean "count"?`}}},
		"an unknown field of a nested struct with all names": {`{"title": "", "items": [{"name": "", "zzzzzz": 1}]}`,
			[]problem{
				{"/config/items/0/zzzzzz", `unknown field "zzzzzz"`, "known: name, note"}}},
		"a name that differs in case": {`{"title": "", "Skipped": 1, "COUNT": 1}`,
			[]problem{{"/config/COUNT", `unknown field "COUNT"`, `did you mean "count"?`},
				{"/config/Skipped", `unknown field "Skipped"`, "known: wait, size, title, mode, modes, byName, " +
					"count, small, natural, ratio, on, maybe, items, texts, path, free, list, mapping, counts, " +
					"value, given, either, eithers, nested"}}},
		"a key that must be escaped": {`{"title": "", "counts": {"a/b~c": "1"}}`,
			[]problem{{"/config/counts/a~1b~0c", "text where a number is needed", "remove the quotes"}}},
		"a missing field": {`{}`,
			[]problem{{"/config/title", `"title" is missing`, "add `title:`"}}},
		"a null in a required field as missing": {`{"title": null}`,
			[]problem{{"/config/title", `"title" is missing`, "add `title:`"}}},
		"nothing for a null elsewhere": {`{"title": "", "count": null, "items": null, "texts": null}`, nil},
		"a null in a list of texts": {`{"title": "", "texts": [null]}`,
			[]problem{{"/config/texts/0", "nil where text is needed", ""}}},
		"a list in place of the struct": {`[]`, []problem{{"/config", "a list where a mapping is needed", ""}}},
		"a number in place of text": {`{"title": 1.5}`,
			[]problem{{"/config/title", "a number where text is needed", "put it in quotes: '1.5'"}}},
		"a list in place of text": {`{"title": []}`,
			[]problem{{"/config/title", "a list where text is needed", ""}}},
		"a text in place of a boolean": {`{"title": "", "on": "true"}`,
			[]problem{{"/config/on", "text where true or false is needed", "write true or false, without quotes"}}},
		"a text in place of a list": {`{"title": "", "modes": "sync"}`,
			[]problem{{"/config/modes", "text where a list is needed",
				"write each element on a line of its own after `- `, or all of them in [ ]"}}},
		"a text in place of a mapping": {`{"title": "", "mapping": "a", "counts": "b"}`,
			[]problem{{"/config/mapping", "text where a mapping is needed", ""},
				{"/config/counts", "text where a mapping is needed", ""}}},
		"a word outside an enumeration": {`{"title": "", "mode": "snyc", "modes": ["xx"], "byName": {"k": "Async"}}`,
			[]problem{{"/config/mode", `"snyc" is none of sync, async`, `did you mean "sync"?`},
				{"/config/modes/0", `"xx" is none of sync, async`, ""},
				{"/config/byName/k", `"Async" is none of sync, async`, `did you mean "async"?`}}},
		"numbers that do not fit": {`{"title": "", "count": 1.5, "small": 128, "natural": -1}`,
			[]problem{{"/config/count", "1.5 where a whole number is needed", ""},
				{"/config/small", "128 is out of range", "write -128 to 127"}, {"/config/natural", "-1 is out of range",
					"write 0 to 65535"}}},
		"other types in place of a number": {`{"title": "", "count": "many", "ratio": true}`,
			[]problem{{"/config/count", "text where a number is needed", ""},
				{"/config/ratio", "a boolean where a number is needed", ""}}},
		"what a type that reads itself says": {`{"title": "", "either": "wrong", "wait": 30, "path": "a..b"}`,
			[]problem{{"/config/wait", "30 has no unit; write 30s for seconds or 30ms for milliseconds", ""},
				{"/config/path", "position 3: a name is missing", ""}, {"/config/either", "neither left nor right",
					""}}},
		"a mapping in place of a duration": {`{"title": "", "wait": {}}`,
			[]problem{{"/config/wait", "a mapping where text is needed", ""}}},
		"all problems in the order of the fields, unknown ones last": {`{"count": "x", "items": [{}], "bogus": 1}`,
			[]problem{
				{"/config/title", `"title" is missing`, "add `title:`"},
				{"/config/count", "text where a number is needed",
					""},
				{"/config/items/0/name", `"name" is missing`, "add `name:`"},
				{"/config/bogus", `unknown field "bogus"`, "known: wait, size, title, mode, modes, byName, count, " +
					"small, " +
					"natural, ratio, on, maybe, items, texts, path, free, list, mapping, counts, value, given, " +
					"either, eithers, nested"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, decode(t, test.text, &config{}))
		})
	}
}

func TestDecodeTakesOneValueInPlaceOfAListOnlyWhereItIsTagged(t *testing.T) {
	t.Parallel()
	var got config
	require.Empty(t, decode(t, `{"title": "", "items": {"name": "only"}}`, &got))
	require.Equal(t, []item{{Name: "only"}}, got.Items)
	require.Equal(t, []problem{{"/config/items", "text where a mapping is needed", ""}},
		decode(t, `{"title": "", "items": "only"}`, &got))
}

func TestDecodeSuggestsToRemoveAFieldWhereThereIsNone(t *testing.T) {
	t.Parallel()
	require.Equal(t, []problem{{"/config/a", `unknown field "a"`, "remove it"}}, decode(t, `{"a": 1}`, &struct{}{}))
}

func TestDecodePanicsForATypeThatNoValueFills(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, "strict: no value fills a chan int",
		func() { decode(t, `{"C": 1}`, &struct{ C chan int }{}) })
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"expression", "when", "over", "onFalse", "größe"}
	for name, want := range map[string]string{
		"expresion": "expression", "Expression": "expression", "xpressino": "expression", "whne": "when",
		"ober": "over", "onfalse": "onFalse",
		"grösse": "größe", "": "", "x": "", "zzzz": "", "expressionexpression": "",
	} {
		require.Equal(t, want, strict.Nearest(name, names), "nearest to %q", name)
	}
	require.Empty(t, strict.Nearest("a", []string{"b"}), "a whole name is never a typing mistake")
	require.Equal(t, "ab", strict.Nearest("ax", []string{"ab", "ay"}), "the first of two equally close names")
}

func TestPointerEscapesTokens(t *testing.T) {
	t.Parallel()
	require.Equal(t, "/nodes/0/a~1b~0", strict.Pointer("/nodes", "0", "a/b~"))
}
