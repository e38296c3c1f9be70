package expression

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSourcesInTheStyleOfOtherLanguagesGetAHint(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`trigger.body.text.contains("x")`: "invalid: there is no method \"contains\"; write " +
			"`trigger.body.text contains \"part\"`",
		`trigger.body.list.includes(1)`: "invalid: there is no method \"includes\"; write " +
			"`trigger.body.list contains \"part\"` for a text, or `\"x\" in trigger.body.list` for a list",
		`trigger.body.text.startsWith("x")`: "invalid: there is no method \"startsWith\"; write " +
			"`trigger.body.text startsWith \"part\"`",
		`trigger.body.text.toLowerCase()`: "invalid: there is no method \"toLowerCase\"; write " +
			"`lower(trigger.body.text)`",
		`trigger.body.number.toFixed(2)`: "invalid: there is no method \"toFixed\"; write " +
			"`fixed(trigger.body.number, 2)`",
		`trigger.body.text.split(",")`: "invalid: there is no method \"split\"; call the function: " +
			"`split(trigger.body.text, delimiter[, n])`",
		`trigger.body.text.upper()`: "invalid: there is no method \"upper\"; call the function: " +
			"`upper(trigger.body.text)`",
		`trigger.body.list.max()`:  "invalid: there is no method \"max\"; call the function: `max(trigger.body.list, b, …)`",
		`trigger.body.text.uuid()`: "invalid: there is no method \"uuid\"; call the function: `uuid()`",
		`trigger.body.list.map(x, x)`: "invalid: there is no method \"map\"; call the function: " +
			"`map(trigger.body.list, predicate)`",
		`trigger.body.text.length`: "error: `trigger.body.text` is text and has no member \"length\"; " +
			"use `len(trigger.body.text)`",
		`trigger.body.list.length`: "error: `trigger.body.list` is a list and has no member " +
			"\"length\"; use `len(trigger.body.list)`",
		`trigger.body.text | upper`: "invalid: unexpected end; a pipe is followed by a call: `| upper()`",
		`trigger.body.text | lower | upper()`: "invalid: unexpected \"|\"; a pipe is followed by a call: `| " +
			"lower()`",
		`trigger.body.x == null`:      "invalid: unknown name `null`; write `nil`",
		`trigger.body.x == undefined`: "invalid: unknown name `undefined`; write `nil`",
		`trigger.body.yes == True`:    "invalid: unknown name `True`; write `true`",
		`{...trigger.body.map}`: "invalid: a key is a name, a quoted text, a number, or an " +
			"expression in parentheses; join mappings with `merge(a, {b: 1})`, and lists with `concat(a, [1, 2])`",
		`{a: 1, ...trigger.body.map}`: "invalid: a key is a name, a quoted text, a number, or an " +
			"expression in parentheses; join mappings with `merge(a, {b: 1})`, and lists with `concat(a, [1, 2])`",
		`[...trigger.body.list, 1]`: "invalid: unexpected \"..\"; join lists with `concat(a, [1, 2])`",
		`map(trigger.body.list, {id: .id})`: "invalid: unexpected \":\"; braces alone are a predicate here; " +
			"put the mapping in parentheses: `({id: .id})`",
		`map(trigger.body.list, {"a b": {c: #}})`: "invalid: unexpected \":\"; braces alone are a predicate here; " +
			"put the mapping in parentheses: `({\"a b\": {c: #}})`",
		`map(trigger.body.list, x => x.id)`: "invalid: unexpected \"=\"; write the predicate alone, as in " +
			"`filter(list, .price > 10)`; `#` is the element",
		`trigger.body.text === "a"`: "invalid: unexpected \"=\"; compare with `==`",
		`trigger.body.list[*].id`: "invalid: unexpected \"*\"; for a field of every element write " +
			"`map(list, .name)` or `get(value, \"list.name\")`",
		`trigger.body.text > 100`: "error: `trigger.body.text` is text and `100` is a number; read " +
			"the number with `int(trigger.body.text)` or `float(trigger.body.text)`",
		`100 <= trigger.body.text`: "error: `100` is a number and `trigger.body.text` is text; read " +
			"the number with `int(trigger.body.text)` or `float(trigger.body.text)`",
		`trigger.body.text > duration("1m")`: "error: `trigger.body.text` is text and `duration(\"1m\")` is a " +
			"duration; read the duration with `duration(trigger.body.text)`",
		`trigger.body.text * 2`: "error: `trigger.body.text` is text and `2` is a number; read the " +
			"number with `int(trigger.body.text)` or `float(trigger.body.text)`",
		`"\ud83d"`: "invalid: the text has an escape of half a character; write the " +
			"character itself, for example \"😀\"",
		`'it is \\ud83d'`: `"it is \\ud83d"`,
	} {
		assert.Equal(t, want, evaluate(t, source), source)
	}
}

func TestBracesInsideATextOfAnExpressionGetAWarning(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`trigger.body.text == "{{ trigger.body.want }}"`:     "write `trigger.body.want` without quotes and braces",
		`trigger.body.text == "id-{{ trigger.body.want }}!"`: "write `\"id-\" + string(trigger.body.want) + \"!\"`",
		"trigger.body.text == `${trigger.body.want}`":        "write `trigger.body.want` without quotes and braces",
		`trigger.body.text == "{{"`:                          "",
		`trigger.body.text == "${X}"`:                        "",
	} {
		var field Bool
		require.NoError(t, field.Decode(source))
		problems := field.Compile("/when", testEnvironment())
		if want == "" {
			assert.Empty(t, problems, source)
			continue
		}
		require.Len(t, problems, 1, source)
		assert.True(t, problems[0].Warning)
		assert.Equal(t, want, problems[0].Fix)
		assert.True(t, strings.HasPrefix(problems[0].Message, "the braces are part of this text and insert nothing\n"),
			problems[0].Message)
	}
	var field Template[string]
	require.NoError(t, field.Decode(`Hello {{ trigger.body.x == "{{ trigger.body.y }}" ? "a" : "b" }}, {{ "{{" }}`))
	problems := field.Compile("/text", testEnvironment())
	require.Len(t, problems, 1)
	require.True(t, problems[0].Warning)
	require.Contains(t, problems[0].Message, "\n | Hello {{ trigger.body.x == \"{{ trigger.body.y }}\" ? \"a\" : "+
		"\"b\" }}, {{ \"{{\" }}\n |                            ^")
}

func TestATemplateAloneInABlockTextKeepsItsType(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{{ trigger.body.order }}\n", "\n  {{ trigger.body.order }}\n\n",
		"\t{{ trigger.body.order }} "} {
		var field Template[any]
		require.NoError(t, field.Decode(text))
		require.Empty(t, field.Compile("/body", testEnvironment()))
		v, err := field.Eval(testScope(t))
		require.NoError(t, err)
		require.Equal(t, 7, v.(map[string]any)["id"], text)
	}
	var status Template[int]
	require.NoError(t, status.Decode("{{ trigger.body.number }}\n"))
	require.Empty(t, status.Compile("/status", testEnvironment()))
	n, err := status.Eval(testScope(t))
	require.NoError(t, err)
	require.Equal(t, 5, n)

	var url URL
	require.NoError(t, url.Decode("{{ env.BASE }}\n"))
	require.Empty(t, url.Compile("/url", testEnvironment()))
	address, err := url.Eval(testScope(t))
	require.NoError(t, err)
	require.Equal(t, "https://api.example.com/v1", address)

	var two Template[any]
	require.NoError(t, two.Decode("{{ trigger.body.number }} {{ trigger.body.number }}\n"))
	require.Empty(t, two.Compile("/body", testEnvironment()))
	v, err := two.Eval(testScope(t))
	require.NoError(t, err)
	require.Equal(t, "5 5\n", v)
}

func TestGetFindsAKeyBeforeAPath(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`get({"a.b": 1, a: {b: 2}}, "a.b")`: `1`, `get({a: {b: 2}}, "a.b")`: `2`, `get({"a[": 1}, "a[")`: `1`,
		`get({"": 1}, "")`: `1`, `get(trigger.body, "order.items.0.sku")`: `"a"`,
		`get(trigger.body, "order.items.9.sku")`: `null`,
		`get(trigger.body, "nested.tags.0")`:     `["x","z"]`, `get({"a": {"0": "zero"}}, "a.0")`: `"zero"`,
		`get([[{x: 1}], [[{x: 2}], {x: [3]}]], "x")`: `[1,2,3]`,
	} {
		assert.Equal(t, want, evaluate(t, source), source)
	}
}
