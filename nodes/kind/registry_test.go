package kind_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// named is an effect that is only registered.
type named string

func (n named) Local() bool                            { return false }
func (n named) Name() string                           { return string(n) }
func (n named) Activity(d activities.Dependencies) any { return func() string { return string(n) } }

// oddConfig has a field that no value can fill.
type oddConfig[T any] struct {
	Nested []struct {
		Token expression.Template[T] `json:"token"`
	} `json:"nested"`
}

func (*oddConfig[T]) Spec() kind.Spec                       { return kind.Spec{Kind: "odd"} }
func (*oddConfig[T]) Validate(*kind.Validation)             {}
func (*oddConfig[T]) Execute(kind.Run) (kind.Result, error) { return kind.Result{}, nil }

func TestAFieldThatNoValueFillsIsFoundAtTheStart(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, `node kind "odd": field Nested.Token: a Template of everhook.Sealed has no type of its `+
		`own: write Template[string] or Template[any], and evaluate it with EvalSealed`,
		func() { kind.Add[oddConfig[everhook.Sealed]](kind.NewRegistry()) })
	require.PanicsWithValue(t, `node kind "odd": field Nested.Token: a Template of []int is not supported: write `+
		`Template[any], and read its value in Execute`, func() { kind.Add[oddConfig[[]int]](kind.NewRegistry()) })
	kind.Add[oddConfig[[]string]](kind.NewRegistry())

	var unregistered expression.Template[everhook.Sealed]
	require.ErrorContains(t, unregistered.Decode("x"), "evaluate it with EvalSealed")
}

func TestARegistryTakesEachEffectOnce(t *testing.T) {
	t.Parallel()
	r := kind.NewRegistry()
	require.Empty(t, r.Activities(activities.Dependencies{}))
	kind.AddEffect(r, named("acme.a"))
	kind.AddEffect(r, named("acme.b"))
	functions := r.Activities(activities.Dependencies{})
	require.Len(t, functions, 2)
	require.Equal(t, "acme.b", functions["acme.b"].(func() string)())
	require.PanicsWithValue(t, `effect "acme.a" is registered twice`, func() { kind.AddEffect(r, named("acme.a")) })
	require.Panics(t, func() { kind.AddEffect(r, named("everhook.http-request")) })
}
