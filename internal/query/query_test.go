package query_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/query"
)

// suite is a part of the compliance suite of JMESPath.
type suite struct {
	Given everhook.Value `json:"given"`
	Cases []struct {
		Expression string         `json:"expression"`
		Result     everhook.Value `json:"result"`
		Error      string         `json:"error"`
		// Bench is set for cases without an expected result.
		Bench string `json:"bench"`
	} `json:"cases"`
}

func suites(t testing.TB) map[string][]suite {
	files, err := filepath.Glob("testdata/jmespath/*.json")
	require.NoError(t, err)
	require.Len(t, files, 16)
	all := map[string][]suite{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var list []suite
		require.NoError(t, json.Unmarshal(data, &list))
		all[filepath.Base(file)] = list
	}
	return all
}

func TestTheComplianceSuiteOfJMESPath(t *testing.T) {
	t.Parallel()
	compared := 0
	for name, list := range suites(t) {
		for _, suite := range list {
			for _, c := range suite.Cases {
				if c.Bench != "" {
					continue
				}
				compared++
				t.Run(name+" "+c.Expression, func(t *testing.T) {
					t.Parallel()
					compiled, err := query.Compile(activities.JMESPath, c.Expression)
					var got any
					if err == nil {
						got, err = compiled.Search(t.Context(), suite.Given.V)
					}
					if c.Error != "" {
						require.Error(t, err)
						return
					}
					require.NoError(t, err)
					got, err = query.Leave(got, 1<<20)
					require.NoError(t, err)
					require.Equal(t, c.Result.V, got)
				})
			}
		}
	}
	require.Equal(t, 862, compared)
}

func TestCompileTellsWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 600) + "a" + strings.Repeat("]", 600)
	for name, test := range map[string]struct {
		engine  activities.QueryEngine
		text    string
		offset  int
		message string
	}{
		"an unknown engine": {"jsonata", "a", -1, `there is no query engine "jsonata"`},
		"a query that is too long": {activities.JMESPath, strings.Repeat("a", 16<<10+1), 16 << 10,
			"longer than 16384 bytes"},
		"a query that nests too deep": {activities.JMESPath, deep, 500, "nested deeper than 500"},
		"a wrong token":               {activities.JMESPath, "a[?b > 5]", 7, "numbers are written in backquotes: `5`"},
		"an open text": {activities.JMESPath, "a == 'b", 5,
			"the closing ' of what begins here is missing"},
		"an unknown function": {activities.JMESPath, "a | lengths(b)", 4,
			`there is no function "lengths"; did you mean "length"?`},
		"an unknown function in a let": {activities.JMESPath, "let $a = foo(b) in $a", 9,
			`there is no function "foo"`},
		"an unbound variable": {activities.JMESPath, "let $a = $b in $a", 9, `there is no variable "$b"`},
		"a variable after its let": {activities.JMESPath, "[let $a = b in $a, $a]", 19,
			`there is no variable "$a"`},
		"and":                       {activities.JMESPath, "a[?b and c]", 5, "write `&&`"},
		"an assignment":             {activities.JMESPath, "a[?b = c]", 5, "write `==` to compare"},
		"a query that ends":         {activities.JMESPath, "a.", 2, "the query ends too early: a name"},
		"an open bracket":           {activities.JMESPath, "a[?b", 4, "the query ends too early: `]` is missing"},
		"a name in another script":  {activities.JMESPath, "größe", 2, "in double quotes"},
		"a bare text in backquotes": {activities.JMESPath, "a == `b`", 5, "what is in backquotes is not JSON"},
		"too few arguments":         {activities.JMESPath, "a.join(b)", 2, "join takes 2 arguments, and is given 1"},
		"too many arguments": {activities.JMESPath, "pad_left(a, b, c, d)", 0,
			"pad_left takes 2 to 3 arguments"},
		"a list in place of an expression": {activities.JMESPath, "sort_by(a, b)", 11,
			"argument 2 of sort_by must be an expression, such as &name"},
		"an expression in place of a value": {activities.JMESPath, "length(&a)", 7,
			"argument 1 of length must be a text or a list or a mapping"},
		"an expression by itself": {activities.JMESPath, "[&a]", 1, "`&` can stand only before an argument"},
		"a step of 0":             {activities.JMESPath, "a[::0]", 4, "the step of a slice cannot be 0"},
		"a wrong path":            {activities.JSONPath, "$.a[", 4, "a name in quotes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := query.Compile(test.engine, test.text)
			var syntax *query.SyntaxError
			require.ErrorAs(t, err, &syntax)
			require.Contains(t, syntax.Error(), test.message)
			require.Equal(t, test.offset, syntax.Offset)
		})
	}
}

// search compiles and evaluates a JMESPath query on JSON.
func search(t *testing.T, text, input string) (any, error) {
	t.Helper()
	v, err := everhook.ParseJSON([]byte(input))
	require.NoError(t, err)
	compiled, err := query.Compile(activities.JMESPath, text)
	require.NoError(t, err)
	got, err := compiled.Search(t.Context(), v)
	if err != nil {
		return nil, err
	}
	return query.Leave(got, 1<<20)
}

// No available suite has the additions of JMESPath's community: these are the examples of its specification, and the
// bounds of this package.
func TestWhatTheSuiteOfJMESPathLacks(t *testing.T) {
	t.Parallel()
	for text, test := range map[string]struct{ input, want string }{
		"a + b * `2`":                      {`{"a":1,"b":2}`, `5`},
		"a - b":                            {`{"a":1,"b":2}`, `-1`},
		"a / b":                            {`{"a":1,"b":2}`, `0.5`},
		"a % b":                            {`{"a":7,"b":4}`, `3`},
		"a // b":                           {`{"a":7,"b":4}`, `1`},
		"-a":                               {`{"a":7}`, `-7`},
		"+a":                               {`{"a":7}`, `7`},
		"a + b":                            {`{"a":7,"b":"x"}`, `null`},
		"a < b":                            {`{"a":"a","b":"b"}`, `null`},
		"a[].[$.b]":                        {`{"a":[1,2],"b":3}`, `[[3],[3]]`},
		"let $b = b in a[?@ > $b]":         {`{"a":[1,2],"b":1}`, `[2]`},
		"let $b = b in let $b = `0` in $b": {`{"b":1}`, `0`},
		"let $b = b in map(&(@ + $b), a)":  {`{"a":[1,2],"b":1}`, `[2,3]`},
		"s[1:3]":                           {`{"s":"größe"}`, `"rö"`},
		"s[::-1]":                          {`{"s":"ab"}`, `"ba"`},
		"a[1::9223372036854775807]":        {`{"a":[1,2,3]}`, `[2]`},
		"a[::-9223372036854775807]":        {`{"a":[1,2,3]}`, `[3]`},
		"a[-9223372036854775807:9223372036854775807]": {`{"a":[1,2,3]}`, `[1,2,3]`},
		"a[-1]":                         {`{"a":[1,2,3]}`, `3`},
		"a[9]":                          {`{"a":[1,2,3]}`, `null`},
		"keys(@)":                       {`{"b":1,"a":2}`, `["a","b"]`},
		"values(@)":                     {`{"b":1,"a":2}`, `[2,1]`},
		"items(@)":                      {`{"b":1,"a":2}`, `[["a",2],["b",1]]`},
		"from_items(items(@))":          {`{"b":1,"a":2}`, `{"a":2,"b":1}`},
		"*":                             {`{"b":1,"a":2,"c":null}`, `[2,1]`},
		"[sort_by(@, &a)[0].a, @[0].a]": {`[{"a":2},{"a":1}]`, `[1,2]`},
		"pad_left(@, `3`, '0')":         {`"7"`, `"007"`},
		"replace(@, 'a', 'b')":          {`"aa"`, `"bb"`},
		"join('-', @)":                  {`["a","b"]`, `"a-b"`},
		"to_string(@)":                  {`{"a":[1]}`, `"{\"a\":[1]}"`},
		"contains(@, `{\"a\": 1}`)":     {`[{"a":1}]`, `true`},
		"a == `9007199254740993`":       {`{"a":9007199254740993}`, `true`},
		"a + `1`":                       {`{"a":9007199254740992}`, `9007199254740993`},
		"a * `4`":                       {`{"a":9007199254740993}`, `36028797018963972`},
		"max(@)":                        {`[9007199254740993,9007199254740992]`, `9007199254740993`},
		"abs(a)":                        {`{"a":-9007199254740993}`, `9007199254740993`},
		"a / b * c":                     {`{"a":8,"b":4,"c":2}`, `4`},
		"find_first(@, 'ß')":            {`"größe"`, `3`},
		"find_first(@, 'a', `9`)":       {`"aba"`, `null`},
		"find_last(@, 'a', `0`, `-1`)":  {`"aba"`, `null`},
		"pad_right(@, `4`, 'ö')":        {`"ö"`, `"öööö"`},
		"to_number(@)":                  {`"0x10"`, `null`},
		"(a[*].b)[0]":                   {`{"a":[{"b":[1]},{"b":[2]}]}`, `[1]`},
		"a[*].b[0]":                     {`{"a":[{"b":[1]},{"b":[2]}]}`, `[1,2]`},
		"group_by(@, &a)": {`[{"a":"x"},{"a":"y"},{"a":"x"}]`,
			`{"x":[{"a":"x"},{"a":"x"}],"y":[{"a":"y"}]}`},
		"zip(@, @)": {`[1,2]`, `[[1,1],[2,2]]`},
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			got, err := search(t, text, test.input)
			require.NoError(t, err)
			encoded, err := everhook.EncodeJSON(got)
			require.NoError(t, err)
			require.JSONEq(t, test.want, string(encoded))
		})
	}
}

func TestAnEvaluationOfJMESPathIsBounded(t *testing.T) {
	t.Parallel()
	doubled := func(part string) string { return "@" + strings.Repeat(" | "+part, 40) }
	long := `"` + strings.Repeat("a", 1<<20) + `"`
	for text, test := range map[string]struct{ input, because string }{
		"[].[$[].[$[].[$[].a]]]":                {"[" + strings.Repeat("1,", 300) + "1]", "more than 5000000 steps"},
		doubled("[@, @]") + " | to_string(@)":   {`1`, "a value larger than 8MiB"},
		doubled("[@, @]") + " | (@ == @)":       {`1`, "a value larger than 8MiB"},
		doubled("[@, @]") + " | contains(@, @)": {`1`, "a value larger than 8MiB"},
		doubled("{a: @, b: @}"):                 {`1`, "the result of the query is larger than 1MiB"},
		doubled("join('', [@, @])"):             {`"text"`, "a text longer than 8MiB"},
		"replace(@, 'a', @)":                    {long, "a text longer than 8MiB"},
		"pad_left('', @)":                       {`1e15`, "a text longer than 8MiB"},
		"pad_right('', @)":                      {`1e15`, "a text longer than 8MiB"},
		"split(@, '')":                          {long, "more than 262144 parts"},
		doubled("[@, @][]"):                     {`[1]`, "more than 5000000 steps"},
		"a / `0`":                               {`{"a":1}`, "division by zero"},
		"a % `0`":                               {`{"a":1}`, "division by zero"},
		"abs(a)":                                {`{"a":"1"}`, "argument 1 of abs must be a number, and is text"},
		"sort_by(@, &a)":                        {`[{"a":1},{"a":"x"}]`, "must give a number for each element"},
		"group_by(@, &a)":                       {`[{"a":1}]`, "must give a text for each element, and gives a number"},
		"pad_left(a, `1.5`)":                    {`{"a":"x"}`, "must be a whole number, 0 or more"},
	} {
		t.Run(everhook.Shorten(text, 60), func(t *testing.T) {
			t.Parallel()
			_, err := search(t, text, test.input)
			require.ErrorContains(t, err, test.because)
		})
	}
}

func TestAnEvaluationOfJMESPathEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for text, length := range map[string]int{"[].[$[].[$[].[$[].a]]]": 3000, "[?$ == $]": 100} {
		compiled, err := query.Compile(activities.JMESPath, text)
		require.NoError(t, err)
		_, err = compiled.Search(ctx, slices.Repeat([]any{1}, length))
		require.ErrorIs(t, err, context.Canceled, text)
	}
}

func FuzzJMESPath(f *testing.F) {
	for _, list := range suites(f) {
		for _, suite := range list {
			given, err := everhook.EncodeJSON(suite.Given)
			require.NoError(f, err)
			for n, c := range suite.Cases {
				if n%5 == 0 {
					f.Add(c.Expression, string(given))
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, text, given string) {
		input, err := everhook.ParseJSON([]byte(given))
		if err != nil {
			return
		}
		before, err := everhook.EncodeJSON(input)
		require.NoError(t, err)
		compiled, err := query.Compile(activities.JMESPath, text)
		if err != nil {
			return
		}
		once, err := compiled.Search(t.Context(), input)
		if err == nil {
			once, err = query.Leave(once, 1<<16)
		}
		if err != nil {
			return
		}
		again, err := compiled.Search(t.Context(), input)
		require.NoError(t, err)
		again, err = query.Leave(again, 1<<16)
		require.NoError(t, err)
		require.Equal(t, once, again)
		after, err := everhook.EncodeJSON(input)
		require.NoError(t, err)
		require.Equal(t, string(before), string(after), "the input is as it was")
	})
}
