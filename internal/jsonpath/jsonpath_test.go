package jsonpath_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/jsonpath"
)

// section is a part of testdata/rfc9535.json: the examples of RFC 9535, and texts that its grammar accepts and refuses.
// Members of objects are selected in the order of their names.
type section struct {
	Section  string         `json:"section"`
	Document everhook.Value `json:"document"`
	Cases    []struct {
		Query  string         `json:"query"`
		Result everhook.Value `json:"result"`
		// Holds is set if the query is a condition.
		Holds *bool `json:"holds"`
		// Invalid is the offset of the error, Because a part of its message.
		Invalid *int   `json:"invalid"`
		Because string `json:"because"`
	} `json:"cases"`
}

func TestTheExamplesOfTheRFC(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/rfc9535.json")
	require.NoError(t, err)
	var sections []section
	require.NoError(t, json.Unmarshal(data, &sections))
	for _, section := range sections {
		for _, c := range section.Cases {
			t.Run(section.Section+": "+c.Query, func(t *testing.T) {
				t.Parallel()
				query, document := c.Query, section.Document.V
				if c.Holds != nil {
					// The condition is about the document: the document becomes the only element of a list, and $
					// becomes that element.
					query, document = "$[?"+strings.ReplaceAll(c.Query, "$", "@")+"]", []any{document}
				}
				path, err := jsonpath.Parse(query)
				if c.Invalid != nil {
					var syntax *jsonpath.SyntaxError
					require.ErrorAs(t, err, &syntax)
					require.Equal(t, *c.Invalid, syntax.Offset, syntax.Message)
					require.Contains(t, syntax.Message, c.Because)
					return
				}
				require.NoError(t, err)
				got, err := path.Select(t.Context(), document)
				require.NoError(t, err)
				if c.Holds != nil {
					require.Equal(t, *c.Holds, len(got) == 1)
					return
				}
				require.Equal(t, c.Result.V, append([]any{}, got...))
			})
		}
	}
}

func TestAQueryIsBounded(t *testing.T) {
	t.Parallel()
	for query, because := range map[string]string{
		"$" + strings.Repeat(".a", jsonpath.MaxQuery):                   "longer than",
		"$" + strings.Repeat("[?@", 60) + strings.Repeat("]", 60):       "nested deeper",
		"$[?" + strings.Repeat("(", 60) + "@" + strings.Repeat(")", 60): "nested deeper",
		"$[?" + strings.Repeat("length(", 60) + "@":                     "nested deeper",
		"$.\xff": "UTF-8",
	} {
		_, err := jsonpath.Parse(query)
		require.ErrorContains(t, err, because)
	}
}

// thousand is a list of a thousand lists of a thousand numbers.
func thousand() []any {
	row := make([]any, 1000)
	list := make([]any, 1000)
	for i := range row {
		row[i], list[i] = i, row
	}
	return list
}

func TestAnEvaluationIsBounded(t *testing.T) {
	t.Parallel()
	path, err := jsonpath.Parse("$[*][*]['a', 'a'][*]")
	require.NoError(t, err)
	_, err = path.Select(t.Context(), thousand())
	require.NoError(t, err)
	for _, query := range []string{"$[*,*][*]", "$..*", "$[0:,0:][::-1]"} {
		path, err := jsonpath.Parse(query)
		require.NoError(t, err)
		_, err = path.Select(t.Context(), thousand())
		require.ErrorIs(t, err, jsonpath.ErrTooMany, query)
	}
}

func TestAnEvaluationEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, query := range []string{"$[?count($[?count($[?count($..*) > 1]) > 1]) > 1]", "$..a", "$[*][*]",
		"$[*][::2]"} {
		path, err := jsonpath.Parse(query)
		require.NoError(t, err)
		_, err = path.Select(ctx, thousand())
		require.ErrorIs(t, err, context.Canceled, query)
	}
}

func TestLongMatchesAndComparisonsEndWithTheContext(t *testing.T) {
	t.Parallel()
	document := map[string]any{
		"many": make([]any, 1000), "text": strings.Repeat("ab ", 600_000), "large": thousand(),
		"patterns": []any{strings.Repeat("a{1000}", 100) + "b", strings.Repeat("a{1000}", 100) + "c"},
	}
	for _, query := range []string{
		`$.many[?match($.text, '(a|ab)*(ab | )*c')]`, `$.many[?search($.text, '((a{10}){10}){10}c')]`,
		`$.many[?search($.text, $.patterns[0])]`, `$.many[?$.large == $.large]`,
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			path, err := jsonpath.Parse(query)
			require.NoError(t, err)
			began := time.Now()
			_, err = path.Select(ctx, document)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Less(t, time.Since(began), 5*time.Second)
		})
	}
}

func TestALongTextMatchesAsAShortOneDoes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("äb", 200_000)
	for query, want := range map[string]int{
		`$[?match(@, '(äb)*')]`: 1, `$[?match(@, '(äb)*c')]`: 0, `$[?search(@, 'bä')]`: 1, `$[?search(@, 'b{2}')]`: 0,
		`$[?match(@, '.{1000}.*b')]`: 1,
	} {
		path, err := jsonpath.Parse(query)
		require.NoError(t, err)
		got, err := path.Select(t.Context(), []any{long})
		require.NoError(t, err)
		require.Len(t, got, want, query)
	}
}

func TestManyRegularExpressionsOfTheData(t *testing.T) {
	t.Parallel()
	var list []any
	for i := range 300 {
		list = append(list, map[string]any{"text": strings.Repeat("a", i), "pattern": "a{" + string(rune('0'+i%10)) +
			"}"})
	}
	list = append(list, map[string]any{"text": "a", "pattern": strings.Repeat("a?", 1000)},
		map[string]any{"text": "a", "pattern": "a{1001}|a"})
	path, err := jsonpath.Parse("$[?match(@.text, @.pattern)].text")
	require.NoError(t, err)
	got, err := path.Select(t.Context(), list)
	require.NoError(t, err)
	require.Len(t, got, 10, "those that are short enough, and none with a pattern that is too large")
}

func FuzzAQuery(f *testing.F) {
	data, err := os.ReadFile("testdata/rfc9535.json")
	require.NoError(f, err)
	var sections []section
	require.NoError(f, json.Unmarshal(data, &sections))
	for _, section := range sections {
		document, err := everhook.EncodeJSON(section.Document)
		require.NoError(f, err)
		for _, c := range section.Cases {
			f.Add(c.Query, string(document))
		}
	}
	f.Fuzz(func(t *testing.T, query, text string) {
		document, err := everhook.ParseJSON([]byte(text))
		if err != nil {
			return
		}
		path, err := jsonpath.Parse(query)
		if err != nil {
			var syntax *jsonpath.SyntaxError
			require.ErrorAs(t, err, &syntax)
			require.LessOrEqual(t, syntax.Offset, len(query))
			return
		}
		once, err := path.Select(t.Context(), document)
		if err != nil {
			return
		}
		again, err := path.Select(t.Context(), document)
		require.NoError(t, err)
		require.Equal(t, once, again)
	})
}
