package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
)

// Effect tells which step an activity is called for.
type Effect struct {
	// Node is the node that the step executes.
	Node *everhook.Node
	// Iteration is where in its loops the step stands, as in "items[3].lines[0]"; empty outside loops.
	Iteration string
}

type effectKey struct{}

// EffectOf tells interceptors of workflow.ExecuteActivity for which step it is called; false for what the engine calls for itself. It costs no
// event, and is the same on every replay.
func EffectOf(ctx workflow.Context) (Effect, bool) {
	effect, ok := ctx.Value(effectKey{}).(Effect)
	return effect, ok
}

func withEffect(ctx workflow.Context, effect Effect) workflow.Context {
	return workflow.WithValue(ctx, effectKey{}, effect)
}
