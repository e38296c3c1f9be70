package expression

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// field decodes and compiles; every problem is an error of the test.
func field[F Field](t testing.TB, f F, v any) F {
	require.NoError(t, f.Decode(v))
	env := testEnvironment()
	env.Secrets = true
	for _, problem := range f.Compile("/config/field", env) {
		require.True(t, problem.Warning, problem.Message)
	}
	return f
}

func TestTemplatesGiveTheirValue(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{`{{ trigger.body.order.id }}`, `7`}, {`  {{ trigger.body.order.id }}`, `7`},
		{`{{ trigger.body.list }}`, `[3,1,2]`}, {`{{ trigger.body.missing }}`, `null`},
		{`{{trigger.body.yes}}`, `true`},
		{`Order {{ trigger.body.order.id }} is {{ trigger.body.order.status }}.`, `"Order 7 is paid."`},
		{`a{{ trigger.body.missing }}b`, `"ab"`},
		{`x{{ trigger.body.map }}`, `"x{\"a\":1,\"b\":2,\"c\":{\"d\":[1,2]}}"`},
		{`{{ 1.50 }} {{ 1e21 }} {{ true }}`, `"1.5 1e+21 true"`},
		{`at {{ now() }} for {{ duration("90m") }}`, `"at 2030-01-01T00:00:00Z for PT1H30M"`},
		{`{{ now() }}`, `"2030-01-01T00:00:00Z"`}, {`plain`, `"plain"`}, {``, `""`}, {`}} and { { `, `"}} and { { "`},
		{`{{ "{{" }}`, `"{{"`}, {`{{ "{{" }} x {{ "}}" }}`, `"{{ x }}"`}, {`{{ {"a": {"b": 1}} }}`, `{"a":{"b":1}}`},
		{`{{ {"a": {"b": 1}}}}`, `{"a":{"b":1}}`}, {`{{ {} }}`, `{}`}, {`{{ '}}' + "\"}}" }}`, `"}}\"}}"`},
		{"{{ `}}``}}` }}", "\"}}`}}\""}, {`{{ 1 /* }} */ }}`, `1`}, {"{{ 1 // }}\n}}", `1`},
		{`{{ [1, 2][0] }}{{ filter([1, 2], {# > 1})[0] }}`, `"12"`}, {`größe {{ trigger.body.text[2] }}`, `"größe ö"`},
	} {
		f := field(t, &Template[any]{}, c[0])
		v, err := f.Eval(testScope(t))
		require.NoError(t, err, c[0])
		text, err := everhook.EncodeJSON(v)
		require.NoError(t, err)
		assert.Equal(t, c[1], string(text), c[0])
	}
}

func TestATemplateMayBeAnywhereInAValueButNotInAKey(t *testing.T) {
	t.Parallel()
	f := &Template[any]{}
	require.NoError(t, f.Decode(map[string]any{"list": []any{"{{ trigger.body.order.id }}", 1, nil},
		"a/b~": map[string]any{"{{ trigger.body.order.id }}": "x{{ loop.index }}"}, "literal": 1.5}))
	problems := f.Compile("/config/body", testEnvironment())
	require.Equal(t, []Problem{{
		Pointer: "/config/body/a~1b~0/{{ trigger.body.order.id }}", Message: "a key is never a template: its braces " +
			"stay as they are",
		Fix: "build the mapping in one template, for example `{{ {(trigger.body.id): 1} }}`", Warning: true,
	}}, problems)
	v, err := f.Eval(testScope(t))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"list": []any{7, 1, nil},
		"a/b~": map[string]any{"{{ trigger.body.order.id }}": "x2"}, "literal": 1.5}, v)
}

func TestDataThatLooksLikeATemplateStaysText(t *testing.T) {
	t.Parallel()
	scope := testScope(t)
	for range 3 {
		value, err := field(t, &Template[any]{}, `{{ trigger.body.template }}`).Eval(scope)
		require.NoError(t, err)
		require.Equal(t, "{{ trigger.body.order.id }}", value)
		joined, err := field(t, &Template[string]{}, `<{{ trigger.body.template }}>`).Eval(scope)
		require.NoError(t, err)
		require.Equal(t, "<{{ trigger.body.order.id }}>", joined)
		scope.Values["nodes"] = map[string]any{"charge": map[string]any{"again": joined}}
		nested, err := field(t, &Template[any]{}, map[string]any{"x": `{{ nodes.charge.again }}`}).Eval(scope)
		require.NoError(t, err)
		require.Equal(t, map[string]any{"x": "<{{ trigger.body.order.id }}>"}, nested)
	}
	sealed, err := field(t, &Template[any]{},
		`{{ trigger.query.secret }}`).EvalSealed(&Scope{Values: map[string]any{"trigger": map[string]any{
		"query": map[string]any{"secret": "{{ secret.TOKEN }}"}}}})
	require.NoError(t, err)
	require.Empty(t, sealed.Places)
	require.Equal(t, "{{ secret.TOKEN }}", sealed.Value.V)
}

func TestTemplatesThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`a {{ trigger.body`: "the template is not closed; close it with `}}`, or write `{{ \"{{\" }}` for the " +
			"braces themselves\n | a {{ trigger.body\n |   ^",
		`{{ }}`: "an empty template; write an expression between the braces, or `{{ \"{{\" }}` for " +
			"the braces themselves\n | {{ }}\n | ^",
		`{{ "abc }}`: "the text that starts with \" is not closed\n | {{ \"abc }}\n |    ^",
		`{{ "a\`:     "the text that starts with \" is not closed\n | {{ \"a\\\n |    ^",
		`{{ 1 // one }}`: "the comment hides the end of the template; use `/* … */`, or close the template " +
			"on the next line\n | {{ 1 // one }}\n |      ^",
		`{{ 1 /* one }}`: "the comment is not closed; close it with `*/`\n | {{ 1 /* one }}\n |      ^",
		`{{ (1 }}`: "the template is not closed; close it with `}}`, or write `{{ \"{{\" }}` for the " +
			"braces themselves\n | {{ (1 }}\n | ^",
		`{{ 1 }} {{ {"a": 1 }} `: "the template is not closed; close it with `}}`, or write `{{ \"{{\" }}` for the " +
			"braces themselves\n | {{ 1 }} {{ {\"a\": 1 }} \n |         ^",
	} {
		var f Template[any]
		require.EqualError(t, f.Decode(source), want, source)
		require.EqualError(t, f.Decode([]any{map[string]any{"x": source}}), want, source)
		require.False(t, f.IsSet())
	}
}

func TestCompilingReportsEveryProblemWithItsPlace(t *testing.T) {
	t.Parallel()
	f := &Template[map[string]any]{}
	require.NoError(t, f.Decode(map[string]any{
		"a": "Order {{ trigger.bdy.id }}, {{ foo }}", "b": []any{"{{ secret.TOKEN }}"}, "c": "{{ 'x' + secret.TOKEN }}",
		"d": "trigger.body.order.id", "e": "nodes.charge.status == 200", "f": "see trigger.body", "g": "trigger",
		"h": "upper(trigger.body.text)", "i": "e.g. system.now", "j": "env.x.y, z", "k": "len()", "l": "1.5",
	}))
	problems := f.Compile("/config/x", testEnvironment())
	require.Equal(t, []Problem{
		{Pointer: "/config/x/a", Message: "`trigger` has no member \"bdy\"\n | Order {{ trigger.bdy.id }}, {{ foo " +
			"}}\n |                  ^", Fix: `did you mean "body"?`},
		{Pointer: "/config/x/a", Message: "unknown name `foo`\n | Order {{ trigger.bdy.id }}, {{ foo }}\n |          " +
			"                      ^", Fix: "known: env, errors, loop, loops, nodes, system, trigger"},
		{Pointer: "/config/x/b/0", Message: "a secret is not available here\n | {{ secret.TOKEN }}\n |   ^",
			Fix: "secrets stand only in templates of kinds with effects, as a bare `{{ secret.NAME }}`"},
		{Pointer: "/config/x/c", Message: "a secret is not available here\n | {{ 'x' + secret.TOKEN }}\n |          ^",
			Fix: "secrets stand only in templates of kinds with effects, as a bare `{{ secret.NAME }}`"},
		{Pointer: "/config/x/d", Message: "this is text, though it reads like an expression\n | " +
			"trigger.body.order.id\n | ^", Fix: "write `{{ trigger.body.order.id }}` if its value is meant",
			Warning: true},
		{Pointer: "/config/x/e", Message: "this is text, though it reads like an expression\n | nodes.charge.status " +
			"== 200\n | ^", Fix: "write `{{ nodes.charge.status == 200 }}` if its value is meant", Warning: true},
		{Pointer: "/config/x/h", Message: "this is text, though it reads like an expression\n | " +
			"upper(trigger.body.text)\n | ^", Fix: "write `{{ upper(trigger.body.text) }}` if its value is meant",
			Warning: true},
	}, problems)
}

func TestASecretsNameIsChecked(t *testing.T) {
	t.Parallel()
	env := testEnvironment()
	env.Secrets = true
	f := &Template[string]{}
	require.NoError(t, f.Decode("x {{ secret.token }}"))
	require.Equal(t, []Problem{{Pointer: "/text",
		Message: "not the name of a secret\n | x {{ secret.token }}\n |     ^",
		Fix:     "a name has A-Z, 0-9 and _ only, and is at most 128 characters long"}}, f.Compile("/text", env))
}

func decodeAndEval[T any](t *testing.T, v any) (T, error) {
	t.Helper()
	f := &Template[T]{}
	require.NoError(t, f.Decode(v))
	require.Empty(t, f.Compile("/headers/X-Id", testEnvironment()))
	return f.Eval(testScope(t))
}

func requireGives[T any](t *testing.T, want T, v any) {
	t.Helper()
	got, err := decodeAndEval[T](t, v)
	require.NoError(t, err)
	require.Equal(t, want, got)
}

func requireEvalFails[T any](t *testing.T, want string, v any) {
	t.Helper()
	_, err := decodeAndEval[T](t, v)
	require.Equal(t, everhook.Errorf(everhook.TypeConfig, "%s", want), err)
}

func requireDecodeFails[T any](t *testing.T, want string, v any) {
	t.Helper()
	f := &Template[T]{}
	require.EqualError(t, f.Decode(v), want)
	require.False(t, f.IsSet())
}

func TestTemplatesGiveTheTypeOfTheirField(t *testing.T) {
	t.Parallel()
	requireGives[any](t, nil, nil)
	requireGives(t, "7", `{{ trigger.body.order.id }}`)
	requireGives(t, "7", 7)
	requireGives(t, "true", true)
	requireGives(t, "1.5", 1.5)
	requireGives(t, 7, `{{ trigger.body.order.id }}`)
	requireGives(t, 200, 200)
	requireGives(t, 1.5, `{{ trigger.body.float }}`)
	requireGives(t, 2.0, 2)
	requireGives(t, true, `{{ trigger.body.yes }}`)
	requireGives(t, false, false)
	requireGives(t, everhook.Duration(5*time.Second), `{{ trigger.body.number }}s`)
	requireGives(t, everhook.Duration(time.Hour), `{{ duration("1h") }}`)
	requireGives(t, everhook.Duration(0), 0)
	requireGives(t, time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC), `{{ date("2030-01-31") }}`)
	requireGives(t, []any{3, 1, 2}, `{{ trigger.body.list }}`)
	requireGives(t, []any{7}, []any{`{{ trigger.body.order.id }}`})
	requireGives(t, []string{"b", "a"}, `{{ trigger.body.words }}`)
	requireGives(t, []string{"x7", "1"}, []any{`x{{ trigger.body.order.id }}`, 1})
	requireGives(t, map[string]any{"b": 1}, `{{ {b: 1} }}`)
	requireGives(t, map[string]any{"a": "x7"}, map[string]any{"a": `x{{ trigger.body.order.id }}`})
	requireGives(t, map[string]string{"a": "7", "b": "1"}, map[string]any{"a": `{{ trigger.body.order.id }}`, "b": 1})
	requireGives(t, map[string]string{"c": "true"}, `{{ {c: true} }}`)
}

func TestValuesThatAFieldCannotTakeAreErrorsThatNameIt(t *testing.T) {
	t.Parallel()
	requireEvalFails[string](t, "headers.X-Id: nil where text is needed; use `?? \"\"`", `{{ trigger.body.missing }}`)
	requireEvalFails[string](t, "headers.X-Id: a list where text is needed", `{{ trigger.body.list }}`)
	requireEvalFails[int](t, "headers.X-Id: 1.5 where a whole number is needed; use `round`, `floor` or `ceil`",
		`{{ trigger.body.float }}`)
	requireEvalFails[int](t, "headers.X-Id: text where a whole number is needed; remove the quotes, or use `int(…)` "+
		"in a template", `{{ string(trigger.body.number) }}`)
	requireEvalFails[int](t, "headers.X-Id: nil where a whole number is needed; use `?? 0`",
		`{{ trigger.body.missing }}`)
	requireEvalFails[float64](t, "headers.X-Id: text where a number is needed", `{{ trigger.body.text }}`)
	requireEvalFails[float64](t, "headers.X-Id: text where a number is needed; remove the quotes, or use `float(…)` "+
		"in a template", `{{ "1.5" }}`)
	requireEvalFails[bool](t, "headers.X-Id: text where true or false is needed", `{{ trigger.body.text }}`)
	requireEvalFails[bool](t, "headers.X-Id: nil where true or false is needed; use `?? false`",
		`{{ trigger.body.missing }}`)
	requireEvalFails[everhook.Duration](t, "headers.X-Id: 5 has no unit; write 5s for seconds or 5ms for milliseconds",
		`{{ trigger.body.number }}`)
	requireEvalFails[everhook.Duration](t, "headers.X-Id: a boolean where a duration like 30s or P3D is needed",
		`{{ trigger.body.yes }}`)
	requireEvalFails[time.Time](t, "headers.X-Id: \"größe\" is not a time; write for example 2030-01-31T09:00:00Z",
		`{{ trigger.body.text }}`)
	requireEvalFails[time.Time](t, "headers.X-Id: a number where a time like 2030-01-31T09:00:00Z is needed",
		`{{ trigger.body.number }}`)
	requireEvalFails[[]any](t, "headers.X-Id: nil where a list is needed; use `?? []`", `{{ trigger.body.missing }}`)
	requireEvalFails[[]string](t, "headers.X-Id: [0]: a list where text is needed", `{{ [[]] }}`)
	requireEvalFails[map[string]any](t, "headers.X-Id: text where a mapping is needed", `{{ trigger.body.text }}`)
	requireEvalFails[map[string]string](t, "headers.X-Id: a: a list where text is needed",
		map[string]any{"a": `{{ [] }}`})
	requireGives(t, map[string]string{"b": "x"}, map[string]any{"a": `{{ trigger.body.missing }}`, "b": "x"})
	requireEvalFails[map[string]string](t, "headers.X-Id: nil where a mapping is needed; use `?? {}`",
		`{{ trigger.body.missing }}`)
}

func TestWhatIsKnownIsCheckedWhenDecoded(t *testing.T) {
	t.Parallel()
	requireDecodeFails[string](t, "nil where text is needed; use `?? \"\"`", nil)
	requireDecodeFails[string](t, "a mapping where text is needed", map[string]any{"a": "{{ 1 }}"})
	requireDecodeFails[int](t, "text where a whole number is needed; remove the quotes, or use `int(…)` in a template",
		"200")
	requireDecodeFails[int](t, "text where a whole number is needed; a template with text around it is always text, "+
		"so let the template be the whole value", "2{{ 1 }}")
	requireDecodeFails[int](t, "a list where a whole number is needed", []any{1})
	requireDecodeFails[bool](t, "text where true or false is needed; remove the quotes", "true")
	requireDecodeFails[everhook.Duration](t, "5 has no unit; write 5s for seconds or 5ms for milliseconds", 5)
	requireDecodeFails[[]any](t, "a mapping where a list is needed", map[string]any{})
	requireDecodeFails[[]string](t, "1: a mapping where text is needed", []any{"{{ 1 }}", map[string]any{}})
	requireDecodeFails[map[string]any](t, "text where a mapping is needed", "x")
	requireDecodeFails[map[string]string](t, "b: a list where text is needed",
		map[string]any{"a": "{{ 1 }}", "b": []any{}})
	require.ErrorContains(t, new(Template[complex128]).Decode(1), "a Template of complex128 is not supported")
}

func TestSecretsBecomePlacesThatTheDefinitionAloneTells(t *testing.T) {
	t.Parallel()
	scope := testScope(t)
	var recorded any
	scope.Record = func(pointer string, v any) {
		require.Equal(t, "/config/field", pointer)
		recorded = v
	}
	f := field(t, &Template[map[string]any]{}, map[string]any{
		"Authorization": "Bearer {{ secret.TOKEN }}",
		"X-Both":        "{{ secret.A }}{{ trigger.body.order.id }}{{secret.B}}!",
		"X-Id":          "{{ trigger.body.order.id }}", "list": []any{1, "{{ secret.TOKEN }}"},
	})
	require.Equal(t, References{Secrets: []string{"A", "B", "TOKEN"}, Trigger: true}, f.References())
	sealed, err := f.EvalSealed(scope)
	require.NoError(t, err)
	require.Equal(t, everhook.Sealed{
		Value: everhook.Value{V: map[string]any{"Authorization": nil, "X-Both": nil, "X-Id": 7, "list": []any{1, nil}}},
		Places: []everhook.Place{
			{At: []any{"Authorization"}, Segments: []everhook.Segment{{Text: "Bearer "}, {Secret: "TOKEN"}}},
			{At: []any{"X-Both"}, Segments: []everhook.Segment{{Secret: "A"}, {Text: "7"}, {Secret: "B"}, {Text: "!"}}},
			{At: []any{"list", 1}, Segments: []everhook.Segment{{Secret: "TOKEN"}}},
		},
	}, sealed)
	opened, err := sealed.Open(func(name string) (string, error) { return strings.ToLower(name), nil })
	require.NoError(t, err)
	require.Equal(t, map[string]any{"Authorization": "Bearer token", "X-Both": "a7b!", "X-Id": 7,
		"list": []any{1, "token"}}, opened)
	require.Equal(t, map[string]any{"Authorization": "Bearer {{ secret.TOKEN }}",
		"X-Both": "{{ secret.A }}7{{ secret.B }}!", "X-Id": 7, "list": []any{1, "{{ secret.TOKEN }}"}}, recorded)

	_, err = f.Eval(scope)
	require.Equal(t, everhook.Errorf(everhook.TypeSecret, "a secret cannot stand here: this field is used before the "+
		"effect runs"), err)
}

func TestASealedTemplateHasTheTypeOfItsField(t *testing.T) {
	t.Parallel()
	sealed, err := field(t, &Template[string]{}, `{{ trigger.body.order.id }}`).EvalSealed(testScope(t))
	require.NoError(t, err)
	require.Equal(t, everhook.Sealed{Value: everhook.Value{V: "7"}}, sealed)
	sealed, err = field(t, &Template[map[string]string]{}, map[string]any{"a": 1}).EvalSealed(testScope(t))
	require.NoError(t, err)
	require.Equal(t, map[string]any{"a": "1"}, sealed.Value.V)
	sealed, err = field(t, &Template[[]string]{}, []any{1}).EvalSealed(testScope(t))
	require.NoError(t, err)
	require.Equal(t, []any{"1"}, sealed.Value.V)
	sealed, err = field(t, &Template[everhook.Duration]{}, "60s").EvalSealed(testScope(t))
	require.NoError(t, err)
	require.Equal(t, "PT1M", sealed.Value.V)
	sealed, err = field(t, &Template[time.Time]{}, "2030-01-31").EvalSealed(testScope(t))
	require.NoError(t, err)
	require.Equal(t, "2030-01-31T00:00:00Z", sealed.Value.V)
	for v, want := range map[any]any{2: 2, 1.5: 1.5} {
		sealed, err = field(t, &Template[float64]{}, v).EvalSealed(testScope(t))
		require.NoError(t, err)
		require.Equal(t, want, sealed.Value.V)
	}
	_, err = field(t, &Template[map[string]any]{}, `{{ trigger.body.list }}`).EvalSealed(testScope(t))
	require.EqualError(t, err, "config.field: a list where a mapping is needed")
	_, err = field(t, &Template[int]{}, `{{ secret.PORT }}`).EvalSealed(testScope(t))
	require.EqualError(t, err, "config.field: text where a whole number is needed")
	_, err = field(t, &Template[string]{}, `x{{ trigger.body.missing + 1 }}`).EvalSealed(testScope(t))
	require.EqualError(t, err, "`trigger.body.missing` is nil; use `?? 0`")
}

func TestAFieldThatIsNotSetGivesTheZeroValue(t *testing.T) {
	t.Parallel()
	var template Template[int]
	n, err := template.Eval(&Scope{})
	require.NoError(t, err)
	require.Zero(t, n)
	sealed, err := template.EvalSealed(&Scope{})
	require.NoError(t, err)
	require.Zero(t, sealed)
	require.False(t, template.IsSet())
	require.Equal(t, ClassTemplate, template.Class())
	require.Empty(t, template.Compile("/x", testEnvironment()))
	require.Empty(t, new(Bool).Compile("/x", testEnvironment()))
	require.Empty(t, new(URL).Compile("/x", testEnvironment()))

	require.NoError(t, template.Decode(1))
	require.True(t, template.IsSet())
	_, err = template.Eval(&Scope{})
	require.Equal(t, everhook.TypeInternal, everhook.AsError(err).Type)
	_, err = template.EvalSealed(&Scope{})
	require.Equal(t, everhook.TypeInternal, everhook.AsError(err).Type)
}

func TestAConfigThatCannotWorkIsReportedToEveryRegistry(t *testing.T) {
	t.Parallel()
	type config struct {
		Unfit Template[chan int] `json:"unfit"`
	}
	for range 2 {
		require.ErrorContains(t, CheckConfig(reflect.TypeFor[config]()), "field Unfit")
	}
}
