package kind_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/nodes/kind"
)

// named is an effect that is only registered.
type named string

func (n named) Local() bool                            { return false }
func (n named) Name() string                           { return string(n) }
func (n named) Activity(d activities.Dependencies) any { return func() string { return string(n) } }

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
