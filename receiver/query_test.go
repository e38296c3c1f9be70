package receiver_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

// vectors are queries with the results of the npm library: written by hand for every rule, and random combinations of
// them.
type vectors struct {
	Library, Version string
	Vectors          []struct {
		Query string
		Want  everhook.Mapping
	}
}

func readVectors(t testing.TB) vectors {
	t.Helper()
	data, err := os.ReadFile("testdata/qs.json")
	require.NoError(t, err)
	var v vectors
	require.NoError(t, json.Unmarshal(data, &v))
	require.Greater(t, len(v.Vectors), 700)
	return v
}

func TestQueriesAreParsedAsTheLibraryDoes(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t).Vectors {
		got, err := receiver.ParseQuery(v.Query)
		require.NoError(t, err, v.Query)
		require.Equal(t, v.Want, got, v.Query)
	}
}

func TestRulesOfTheQuery(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	type l = []any
	for name, test := range map[string]struct {
		query string
		want  everhook.Mapping
	}{
		"a value is text":            {"query=1", everhook.Mapping{"query": "1"}},
		"brackets nest":              {"a[b]=c", everhook.Mapping{"a": m{"b": "c"}}},
		"empty brackets make a list": {"a[]=1&a[]=2", everhook.Mapping{"a": l{"1", "2"}}},
		"an index makes a list":      {"a[0]=x", everhook.Mapping{"a": l{"x"}}},
		"lists hold mappings":        {"a[0][b]=y", everhook.Mapping{"a": l{m{"b": "y"}}}},
		"a repeated name is a list":  {"a=1&a=2", everhook.Mapping{"a": l{"1", "2"}}},
		"plus is a space":            {"a+b=c+d%2Be", everhook.Mapping{"a b": "c d+e"}},
		"the sixth level below a name stays in the name": {"a[b][c][d][e][f][g][h]=1",
			everhook.Mapping{"a": m{"b": m{"c": m{"d": m{"e": m{"f": m{"[g][h]": "1"}}}}}}}},
		"index 19 makes a list":                {"a[19]=x", everhook.Mapping{"a": l{"x"}}},
		"index 20 makes a mapping":             {"a[20]=x", everhook.Mapping{"a": m{"20": "x"}}},
		"indices close up":                     {"a[7]=y&a[2]=x", everhook.Mapping{"a": l{"x", "y"}}},
		"a name without a value is empty text": {"a", everhook.Mapping{"a": ""}},
		"a value without a name is kept":       {"=a&&b=1&=", everhook.Mapping{"": "a", "b": "1"}},
		"names of every JavaScript object are kept": {
			"__proto__[a]=1&constructor=2&a[toString]=3&hasOwnProperty[]=4",
			everhook.Mapping{"__proto__": m{"a": "1"}, "constructor": "2", "a": m{"toString": "3"},
				"hasOwnProperty": l{"4"}}},
		"text after the last bracket keeps the name whole": {
			"items[0].name=x&items[0].qty=2&customer[address].city=Z&a[b]c[d]=e",
			everhook.Mapping{"items[0].name": "x", "items[0].qty": "2", "customer[address].city": "Z",
				"a[b]c[d]": "e"}},
		"a whole name may repeat":               {"a[0].b=1&a[0].b=2", everhook.Mapping{"a[0].b": l{"1", "2"}}},
		"escapes that are not UTF-8 stay":       {"a=%E4%zz", everhook.Mapping{"a": "%E4%zz"}},
		"bytes that are not UTF-8 are replaced": {"a=\xff", everhook.Mapping{"a": "\uFFFD"}},
		"names that are numbers come first, as in JavaScript": {"4294967294[]=1&4294967294=2&7[]=1&7=2",
			everhook.Mapping{"7": l{"2", "1"}, "4294967294": l{"2", "1"}}},
		"larger numbers do not": {"4294967295[]=1&4294967295=2", everhook.Mapping{"4294967295": l{"1", "2"}}},
		"a plain value beside a nested one makes a list": {"a[b]=1&a=c",
			everhook.Mapping{"a": l{m{"b": "1"}, "c"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := receiver.ParseQuery(test.query)
			require.NoError(t, err)
			require.Equal(t, test.want, got)
		})
	}
}

func TestQueriesHaveAtMostAThousandParameters(t *testing.T) {
	t.Parallel()
	got, err := receiver.ParseQuery(strings.Repeat("a=1&", 1000))
	require.NoError(t, err)
	require.Len(t, got["a"], 1000)

	_, err = receiver.ParseQuery(strings.Repeat("a=1&", 1001))
	require.EqualError(t, err, "more than 1000 parameters")

	began := time.Now()
	_, err = receiver.ParseQuery(strings.Repeat("a[b][c]=1&", 10_000))
	require.Error(t, err)
	require.Less(t, time.Since(began), 5*time.Second)
}

func TestSamplesOfferTheirPaths(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sample string
		want   string
	}{
		"a full URL": {"https://user@hooks.example.org/api/webhook:trigger/t0ken-t0ken?query[0][a]=1#top",
			"query query[0] query[0].a"},
		"a path":                {"/hook?a=1&b[c]=2", "a b b.c"},
		"a query with its mark": {"?query[0][a]=1", "query query[0] query[0].a"},
		"a query alone":         {"a[b]=1&c=2", "a a.b c"},
		"an object":             {` {"a":1,"b":{"c":2}}`, "a b b.c"},
		"a list":                {`[{"a":1},2]`, "[0] [0].a [1]"},
		"odd names":             {`{"a.b":{"c d":1}}`, `["a.b"] ["a.b"].c d`},
		"nothing":               {"https://hooks.example.org/", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			paths, err := receiver.SamplePaths(test.sample)
			require.NoError(t, err)
			texts := []string{}
			for _, path := range paths {
				texts = append(texts, path.String())
			}
			require.Equal(t, test.want, strings.Join(texts, " "))
		})
	}
	for _, sample := range []string{`{"a":`, strings.Repeat("a&", 2000)} {
		_, err := receiver.SamplePaths(sample)
		require.Error(t, err)
	}
}

func FuzzParseQuery(f *testing.F) {
	for _, v := range readVectors(f).Vectors {
		f.Add(v.Query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		got, err := receiver.ParseQuery(query)
		if err != nil {
			return
		}
		canonical, err := everhook.Canonical(got)
		require.NoError(t, err)
		require.Equal(t, canonical, map[string]any(got))
	})
}

func BenchmarkParseQuery(b *testing.B) {
	for b.Loop() {
		if _, err := receiver.ParseQuery(
			"event=order.paid&order[id]=17&order[items][0][sku]=a&order[items][1][sku]=b&tags[]=x&tags[]=y"); err != nil {
			b.Fatal(err)
		}
	}
}
