package compile_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/trigger"
)

type renamedKind struct{ nodes.Calculation }

func (*renamedKind) Spec() kind.Spec { return kind.Spec{Kind: "compute", Aliases: []string{"reckon"}} }

type renamedTrigger struct{ trigger.Call }

func (*renamedTrigger) Spec() kind.TriggerSpec {
	return kind.TriggerSpec{Kind: "callable", Aliases: []string{"called"}}
}

func TestAnEarlierNameOfAKindStillCompiles(t *testing.T) {
	t.Parallel()
	registry := kind.NewRegistry()
	kind.Add[renamedKind](registry)
	kind.AddTrigger[renamedTrigger](registry)
	d := &everhook.Definition{Key: "old", Mode: everhook.Async, Trigger: everhook.Trigger{Type: "called"},
		Nodes: []everhook.Node{{Key: "sum", Type: "reckon", Config: everhook.Mapping{"expression": "1 + 1"}}}}
	flow, problems := compile.Definition(d, registry)
	require.NotNil(t, flow)
	require.Equal(t, []kind.Problem{
		{Pointer: "/trigger/type", Warning: true, Message: "called is an earlier name of the kind callable",
			Fix: "write `type: callable`"},
		{Pointer: "/nodes/0/type", Node: "sum", Warning: true, Message: "reckon is an earlier name of the kind compute",
			Fix: "write `type: compute`"},
	}, problems)
	_, err := compile.ForRun(d, registry)
	require.NoError(t, err)
	require.Equal(t, []string{"compute"}, registry.Names())
	require.Panics(t, func() { kind.Add[renamedKind](registry) })
}
