package everhook_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func mustPath(t *testing.T, text string) everhook.Path {
	path, err := everhook.ParsePath(text)
	require.NoError(t, err, text)
	return path
}

func value(t *testing.T, json string) any {
	v, err := everhook.ParseJSON([]byte(json))
	require.NoError(t, err, json)
	return v
}

func TestPathsAreWrittenAsTheyAreRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a", "a.b", "a[0]", "a[0].b[12]", "[3]", "[3][4].a", `["a.b"].c`, `a["x y[]"]`,
		`a[""]`, "größe.名前", `["\"quoted\""]`, "a b.c-d"} {
		require.Equal(t, text, mustPath(t, text).String())
	}
	require.Equal(t, "plain.name", mustPath(t, `["plain"]["name"]`).String(), "quotes that are not needed are left out")
	var path everhook.Path
	require.NoError(t, path.UnmarshalText([]byte("a[1]")))
	text, err := path.MarshalText()
	require.NoError(t, err)
	require.Equal(t, "a[1]", string(text))
}

func TestPathsThatAreNoneSayWhere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                        "an empty path",
		".a":                      "position 1: a name is missing",
		"a.":                      "position 3: a name is missing",
		"a..b":                    "position 3: a name is missing",
		"a]":                      `position 2: unexpected ']'; write names with dots, quotes or brackets as ["…"]`,
		`a"b`:                     `position 2: unexpected '"'; write names with dots, quotes or brackets as ["…"]`,
		"a[0]b":                   `position 5: expected "." or "["`,
		"a[":                      `position 3: "]" is missing`,
		"a[b]":                    `position 3: "b" is not an index; names in brackets are quoted: ["…"]`,
		"a[-1]":                   `position 3: "-1" is not an index; names in brackets are quoted: ["…"]`,
		"a[01]":                   `position 3: "01" is not an index; names in brackets are quoted: ["…"]`,
		`a["b`:                    "position 3: a quoted name without its end",
		`a["b"`:                   `position 6: "]" is missing`,
		strings.Repeat("a.", 101): "a path of more than 100 steps",
	} {
		_, err := everhook.ParsePath(text)
		require.EqualError(t, err, want, text)
	}
}

func TestAPathGivesWhatIsThere(t *testing.T) {
	t.Parallel()
	v := value(t, `{"a":{"b":[{"c":1},{"c":[2,3]},{"d":4},5],"nil":null},"list":[[1,2],[3]],
		"numbers":{"0":"zero","1":"one"},"deep":[[{"x":1},[{"x":2}]],[[[{"x":[3,4]}]]]]}`)
	for text, want := range map[string]string{
		"a.b[0].c": "1", "a.b[1].c[1]": "3", "a.b.c": "[1,2,3]", "a.nil": "null", "list[0]": "[1,2]", "list[1][0]": "3",
		"list.x": "[]", "a.b.missing": "[]", "a.b.0.c": "1", "a.b.1.c.1": "3", "list.1.0": "3", "list.0": "[1,2]",
		"numbers.0": `"zero"`, "numbers.1": `"one"`, "deep.x": "[1,2,3,4]",
	} {
		got, ok := mustPath(t, text).Get(v)
		require.True(t, ok, text)
		require.Equal(t, value(t, want), got, text)
	}
	for _, text := range []string{"x", "a.x", "a.b[9]", "a[0]", "a.nil.x", "a.b[3].x", "list[0][5]", "a.b.9",
		"list.0.5", "numbers[0]"} {
		_, ok := mustPath(t, text).Get(v)
		require.False(t, ok, text)
	}
	got, ok := everhook.Path(nil).Get(v)
	require.True(t, ok)
	require.Equal(t, v, got)
}

func TestProjectionKeepsNestingAndPositions(t *testing.T) {
	t.Parallel()
	v := value(t, `{"id":1,"order":{"items":[{"sku":"a","price":1},{"sku":"b","price":2}],"status":"paid",`+
		`"note":null},"text":"x"}`)
	for name, c := range map[string]struct {
		paths []string
		want  string
	}{
		"nothing":                  {nil, `{}`},
		"a name":                   {[]string{"id"}, `{"id":1}`},
		"a nested name":            {[]string{"order.status"}, `{"order":{"status":"paid"}}`},
		"null is there":            {[]string{"order.note"}, `{"order":{"note":null}}`},
		"a field of every element": {[]string{"order.items.sku"}, `{"order":{"items":[{"sku":"a"},{"sku":"b"}]}}`},
		"one element":              {[]string{"order.items[1].sku"}, `{"order":{"items":[null,{"sku":"b"}]}}`},
		"one element and every field": {[]string{"order.items[1]", "order.items.price"},
			`{"order":{"items":[{"price":1},{"sku":"b","price":2}]}}`},
		"a whole and a part of it": {[]string{"order.items", "order.items.sku"},
			`{"order":{"items":[{"sku":"a","price":1},{"sku":"b","price":2}]}}`},
		"what is missing": {[]string{"nothing", "order.nothing", "id.below", "order.items[9].sku",
			"text[0]"}, `{"order":{"items":[]}}`},
		"an index into a mapping": {[]string{"order[0]"}, `{}`},
		"a number as an index":    {[]string{"order.items.1.sku"}, `{"order":{"items":[null,{"sku":"b"}]}}`},
	} {
		var paths []everhook.Path
		for _, text := range c.paths {
			paths = append(paths, mustPath(t, text))
		}
		require.Equal(t, value(t, c.want), everhook.Project(v, paths), name)
	}
	require.Nil(t, everhook.Project("text", []everhook.Path{mustPath(t, "a")}))
	require.Equal(t, []any{}, everhook.Project([]any{1}, nil))
	require.Equal(t, value(t, `{"id":1}`), everhook.Project(value(t, `{"id":1}`), []everhook.Path{{}}))
}

func TestTheSameProjectionTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	v := value(t, `{"a":[{"b":1,"c":2},{"b":3}],"d":{"e":[1,2,3]}}`)
	paths := []everhook.Path{mustPath(t, "a.b"), mustPath(t, "a[1].c"), mustPath(t, "d.e[1]")}
	once := everhook.Project(v, paths)
	require.Equal(t, once, everhook.Project(once, paths))
}

func TestASampleOffersEveryPath(t *testing.T) {
	t.Parallel()
	texts := func(v any, limit int) []string {
		var list []string
		for _, path := range everhook.Paths(v, limit) {
			list = append(list, path.String())
		}
		return list
	}
	require.Equal(t, []string{"a", "b", "b.c"}, texts(value(t, `{"a":1,"b":{"c":2}}`), 100))
	require.Equal(t, []string{"query", "query[0]", "query[0].a", `query[0]["x.y"]`},
		texts(value(t, `{"query":[{"a":"1","x.y":2}]}`), 100))
	require.Equal(t, []string{"a", "b"}, texts(value(t, `{"a":1,"b":{"c":2}}`), 2))
	require.Empty(t, texts(nil, 100))
}

func FuzzParsePath(f *testing.F) {
	for _, text := range []string{"a.b[0]", `["x"]`, ".", "[", "a[00]", `["\xff"]`, "\xff", `["é\u0000"]`, "a.[0]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path, err := everhook.ParsePath(text)
		if err != nil {
			return
		}
		require.NotEmpty(t, path)
		again, err := everhook.ParsePath(path.String())
		require.NoError(t, err, path.String())
		require.Equal(t, path, again)
		path.Get(map[string]any{"a": []any{map[string]any{"b": 1}}})
	})
}
