package workflows

import (
	"strconv"
	"strings"

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

// EffectOf tells interceptors of workflow.ExecuteActivity for which step it is called; false for what the engine calls
// for itself. It costs no event, and is the same on every replay.
func EffectOf(ctx workflow.Context) (Effect, bool) {
	effect, ok := ctx.Value(effectKey{}).(Effect)
	return effect, ok
}

func withEffect(ctx workflow.Context, effect Effect) workflow.Context {
	return workflow.WithValue(ctx, effectKey{}, effect)
}

// CannedCall is what ends a wait for a call where there is nobody who calls: the call itself, or an error. Without both
// the wait goes on to its deadline.
type CannedCall struct {
	Call everhook.Mapping
	Err  error
}

type cannedCallsKey struct{}

// WithCalls gives runs their calls, for trying flows without callers: calls is asked in workflow code at each step that
// waits for one, and must answer the same on every replay. An interceptor of workflow executions uses it.
func WithCalls(ctx workflow.Context, calls func(Effect) CannedCall) workflow.Context {
	return workflow.WithValue(ctx, cannedCallsKey{}, calls)
}

func cannedCall(ctx workflow.Context, waiting Effect) (CannedCall, bool) {
	calls, ok := ctx.Value(cannedCallsKey{}).(func(Effect) CannedCall)
	if !ok {
		return CannedCall{}, false
	}
	return calls(waiting), true
}

// EffectID is the activity ID of an effect: the number of its step, and the count of the step's effects. It lets
// readers match the pending activities of an execution with the steps of its log.
func EffectID(step, effect int) string {
	return "step-" + strconv.Itoa(step) + "." + strconv.Itoa(effect)
}

// ParseEffectID returns the step number in an activity ID. It returns false for activities of the engine itself.
func ParseEffectID(id string) (step int, ok bool) {
	text, found := strings.CutPrefix(id, "step-")
	number, _, _ := strings.Cut(text, ".")
	step, err := strconv.Atoi(number)
	return step, found && err == nil
}
