package catalog

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

func TestAnOpenRouteIsThatOfTheFlowWithoutItsCredentials(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	version := f.apply(t, orders)
	_, served := flow(t, f.Catalog, "orders")
	compiled, _ := compile.Definition(version.Definition, nodes.Standard())

	route, ok := OpenRoute(version, compiled, func() map[string]string { return map[string]string{"REGION": "eu"} })

	require.True(t, ok)
	require.True(t, route.Enabled)
	require.Empty(t, route.Basic)
	require.Equal(t, []any{served.Flow, served.Mode, served.MaxBody, served.Headers, served.Query, served.Body,
		served.Wait},
		[]any{route.Flow, route.Mode, route.MaxBody, route.Headers, route.Query, route.Body, route.Wait})
	answer, err := route.AsyncAnswer(everhook.Mapping{"headers": map[string]any{"x-id": "a"}}, "run")
	require.NoError(t, err)
	require.Equal(t, everhook.Answer{Status: 201,
		Body: everhook.Of(map[string]any{"run": "run", "id": "a", "region": "eu", "other": nil})}, answer)
}

// clock is a trigger that is not a webhook.
type clock struct{}

func (*clock) Spec() kind.TriggerSpec                         { return kind.TriggerSpec{Kind: "clock"} }
func (*clock) Validate(*kind.Validation)                      {}
func (*clock) Shape() *expression.Shape                       { return &expression.Shape{} }
func (*clock) FieldRoots(string) map[string]*expression.Shape { return nil }

func TestAFlowWithAnotherTriggerHasNoOpenRoute(t *testing.T) {
	t.Parallel()
	registry := nodes.Standard()
	kind.AddTrigger[clock](registry)
	definition := &everhook.Definition{Key: "ticking", Mode: everhook.Async, Trigger: everhook.Trigger{Type: "clock"}}
	compiled, problems := compile.Definition(definition, registry)
	require.Empty(t, problems)
	_, ok := OpenRoute(everhook.Version{Definition: definition}, compiled, nil)
	require.False(t, ok)
}
