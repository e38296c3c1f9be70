package expression

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestAnExpressionFieldTakesTextNumbersAndBooleans(t *testing.T) {
	t.Parallel()
	for v, want := range map[any]any{"trigger.body.order.id": 7, 5: 5, 1.5: 1.5, true: true} {
		f := field(t, &Expression{}, v)
		got, err := f.Eval(testScope(t))
		require.NoError(t, err)
		require.Equal(t, want, got)
		require.True(t, f.IsSet())
		require.Equal(t, ClassExpression, f.Class())
	}
	for v, want := range map[any]string{
		nil: "nothing where an expression is needed; write for example `trigger.body.id`, " +
			"or leave the field out",
		" {{ trigger.body.order.id }}": "this field is an expression, not a template; write it without braces: " +
			"`trigger.body.order.id`",
	} {
		require.EqualError(t, new(Expression).Decode(v), want)
	}
	require.EqualError(t, new(Expression).Decode([]any{}), "a list where an expression is needed; write it as text, "+
		"in single quotes")
}

func TestAnExpressionFieldReportsWhatDoesNotCompile(t *testing.T) {
	t.Parallel()
	f := &Expression{}
	require.NoError(t, f.Decode("trigger.bdy"))
	require.Equal(t, []Problem{{Pointer: "/config/over", Message: "`trigger` has no member \"bdy\"\n | trigger.bdy\n " +
		"|         ^", Fix: `did you mean "body"?`}}, f.Compile("/config/over", testEnvironment()))
	require.Zero(t, f.References())
	_, err := f.Eval(&Scope{})
	require.Equal(t, everhook.TypeInternal, everhook.AsError(err).Type)
	require.Equal(t, "trigger.bdy", f.Source())
}

func TestABooleanFieldIsNothingElse(t *testing.T) {
	t.Parallel()
	is, err := field(t, &Bool{}, `trigger.body.order.status == "paid"`).Eval(testScope(t))
	require.NoError(t, err)
	require.True(t, is)
	for source, want := range map[string]string{
		`trigger.body.paid`: "`trigger.body.paid` is nil; use `?? false`",
		`trigger.body.text`: "`trigger.body.text` is text, not a boolean; compare it with something, for example " +
			"with `==`",
		`trigger.body.x.y`: "`trigger.body.x.y` is nil; use `?? false`",
	} {
		_, err := field(t, &Bool{}, source).Eval(testScope(t))
		require.Equal(t, everhook.Errorf(everhook.TypeExpression, "%s", want), err)
	}
	for _, source := range []string{`"yes"`, `1`, `len(trigger.body.list)`, `trigger.body.list[1:] ?? []; []`,
		`trigger.body.yes ? "a" : "b"`} {
		f := &Bool{}
		require.NoError(t, f.Decode(source))
		problems := f.Compile("/config/when", testEnvironment())
		require.Len(t, problems, 1, source)
		require.Regexp(t, "^the expression gives (text|a number|a list), not a boolean\n", problems[0].Message)
	}
	f := &Bool{}
	require.NoError(t, f.Decode("foo"))
	require.Len(t, f.Compile("/config/when", testEnvironment()), 1)
	is, err = new(Bool).Eval(&Scope{})
	require.NoError(t, err)
	require.False(t, is)
}

func TestEvaluatedFieldsAreRecorded(t *testing.T) {
	t.Parallel()
	scope := testScope(t)
	recorded := map[string]any{}
	scope.Record = func(pointer string, v any) { recorded[pointer] = v }
	_, err := field(t, &Bool{}, `trigger.body.yes`).Eval(scope)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"/config/field": true}, recorded)
	_, err = field(t, &Template[string]{}, `{{ trigger.body.order.id }}`).Eval(scope)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"/config/field": 7}, recorded)
	_, err = field(t, &Expression{}, `1 / trigger.body.missing`).Eval(scope)
	require.Error(t, err)
	require.Equal(t, map[string]any{"/config/field": 7}, recorded)
}

type walked struct {
	When   Bool   `json:"when,omitzero"`
	Plain  string `json:"plain"`
	Nested struct {
		URL URL `json:"url"`
	} `json:"nested"`
	Cases []struct {
		When Bool `json:"when"`
	} `json:"cases"`
	Pointer *Template[int]              `json:"a/b"`
	Missing *Template[int]              `json:"missing"`
	Map     map[string]Template[string] `json:"map"`
	Numbers map[int]Expression          `json:"numbers"`
	Ignored Expression                  `json:"-"`
	Named   Expression
	hidden  Expression
	Embedded
}

type Embedded struct {
	Inner Expression `json:"inner"`
}

func TestWalkVisitsEveryFieldInOrder(t *testing.T) {
	t.Parallel()
	config := walked{Pointer: &Template[int]{}, Map: map[string]Template[string]{"b": {}, "a": {}},
		Numbers: map[int]Expression{1: {}}}
	config.Cases = append(config.Cases, struct {
		When Bool `json:"when"`
	}{}, struct {
		When Bool `json:"when"`
	}{})
	var pointers []string
	Walk(&config, func(pointer string, f Field) {
		pointers = append(pointers, pointer)
		require.NoError(t, f.Decode(map[bool]any{true: 1, false: "https://example.com/"}[pointer == "/a~1b"]))
	})
	require.Equal(t, []string{"/when", "/nested/url", "/cases/0/when", "/cases/1/when", "/a~1b", "/map/a", "/map/b",
		"/Named", "/inner"}, pointers)
	require.True(t, config.Cases[1].When.IsSet())
	require.True(t, config.Pointer.IsSet())
	a := config.Map["a"]
	require.True(t, a.IsSet())
	require.True(t, config.Inner.IsSet())
	require.False(t, config.hidden.IsSet())
	require.Panics(t, func() { Walk(config, func(string, Field) {}) })
}

func TestProgramsAreSharedByGoroutines(t *testing.T) {
	t.Parallel()
	p, err := Compile(`let n = trigger.body.number; sum(map(1..100, {let x = #; x * n + #index})) + `+
		`len(sortBy(trigger.body.order.items, .price))`, testEnvironment())
	require.NoError(t, err)
	f := field(t, &Template[any]{}, map[string]any{"a": "{{ trigger.body.order.id }}/{{ uuid() }}",
		"b": []any{"{{ trigger.body.map }}"}})
	want, err := f.Eval(testScope(t))
	require.NoError(t, err)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				v, err := p.Eval(testScope(t))
				assert.NoError(t, err)
				assert.Equal(t, 5*5050+4950+2, v)
				got, err := f.Eval(testScope(t))
				assert.NoError(t, err)
				assert.Equal(t, want, got)
			}
		})
	}
	group.Wait()
}
