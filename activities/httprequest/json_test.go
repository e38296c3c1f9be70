package httprequest

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

func TestJSONThatIsNotStrictIsAnErrorOrReadLeniently(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", everhook.MaxDepth+1) + strings.Repeat("]", everhook.MaxDepth+1)
	for name, c := range map[string]struct {
		body, problem string
		lenient       any // nil: it cannot be read leniently either
	}{
		"a large integer": {"{\n\"a\": 12345678901234567890}", "line 2, column",
			map[string]any{"a": "12345678901234567890"}},
		"a large number":    {"[1e400]", "line 1, column", []any{"1e400"}},
		"a key twice":       {`{"a":1,"a":2}`, `the key "a"`, map[string]any{"a": 2}},
		"bytes of no text":  {"[\"\xff\"]", "invalid UTF-8", []any{"\ufffd"}},
		"half a pair":       {`["\ud83d"]`, "surrogate", []any{"\ufffd"}},
		"NaN":               {`{"a": NaN}`, "line 1, column 7", nil},
		"text":              {"<html>", "line 1, column 1", nil},
		"a second value":    {"1 2", "more data", nil},
		"a single quote":    {"{'a': 1}", "line 1, column 2", nil},
		"nested too deep":   {deep, "nested deeper", nil},
		"the end is missed": {`{"a": [1`, "unexpected end", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := local(t)
			base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, c.body)
			})
			input := activities.HTTPRequestInput{URL: plainValue(base)}
			failed, application := fail(t, h, input)
			require.Equal(t, everhook.Errored, failed.Status)
			require.Equal(t, everhook.TypeUnreadable, failed.Type)
			require.Contains(t, failed.Message, c.problem)
			require.Equal(t, c.lenient != nil, strings.Contains(failed.Message, "lenient: true"))
			require.True(t, application.NonRetryable())
			response := failed.Response.V.(map[string]any)
			require.Equal(t, 200, response["status"])
			require.NotNil(t, response["body"])

			input.Lenient, input.OnlyBody = true, true
			if c.lenient == nil {
				failed, _ = fail(t, h, input)
				require.Equal(t, everhook.TypeUnreadable, failed.Type)
				return
			}
			result := succeed(t, h, input)
			require.Equal(t, c.lenient, result.Body.V)
			require.Contains(t, result.Note, "read leniently: ")
			require.Contains(t, result.Note, c.problem)
		})
	}
}

func TestTheValuesOfAnAnswerAreBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body   string
		values int
		within bool
	}{
		"as many as are taken":        {`{"a":[1,2,{}],"b":"[,{,"}`, 6, true},
		"one more":                    {`{"a":[1,2,{}],"b":"[,{,","c":1}`, 6, false},
		"more, read leniently":        {`{"a":1,"a":2,"b":[` + strings.Repeat("1,", 10) + `1]}`, 7, false},
		"texts with escapes, lenient": {`{"a":1,"a":"\\\",[,[\\"}`, 3, true},
		"the default is 100,000":      {"[" + strings.Repeat("1,", everhook.DefaultMaxValues-2) + "1]", 0, true},
		"more than the default":       {"[" + strings.Repeat("1,", everhook.DefaultMaxValues-1) + "1]", 0, false},
		"commas in a text are none":   {`{"a":"` + strings.Repeat(",", 100) + `"}`, 3, true},
		"brackets in a text are not":  {`"[[[[[[[["`, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := local(t)
			h.Effect = New(Options{MaxValues: c.values})
			base := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, c.body)
			})
			input := activities.HTTPRequestInput{URL: plainValue(base), Lenient: true, OnlyBody: true}
			if c.within {
				succeed(t, h, input)
				return
			}
			failed, application := fail(t, h, input)
			require.Equal(t, everhook.TypeResponse, failed.Type)
			require.Contains(t, failed.Message, "--max-values")
			require.True(t, application.NonRetryable())
		})
	}
}
