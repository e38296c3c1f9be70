package workflows

import (
	"strconv"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
)

// Effect identifies the step that calls an activity.
type Effect struct {
	// Node is the node that the step executes.
	Node *everhook.Node
	// Iteration is the position of the step in its loops, for example "items[3].lines[0]"; empty outside loops.
	Iteration string
}

type effectKey struct{}

// EffectOf returns the step that calls an activity, for interceptors of workflow.ExecuteActivity. It returns false for
// the engine's own activities. It costs no event, and is the same on every replay.
func EffectOf(ctx workflow.Context) (Effect, bool) {
	effect, ok := ctx.Value(effectKey{}).(Effect)
	return effect, ok
}

func withEffect(ctx workflow.Context, effect Effect) workflow.Context {
	return workflow.WithValue(ctx, effectKey{}, effect)
}

// CannedCall ends a wait for a call, by the call or by an error, if there are no real callers. Without both the wait
// lasts until its deadline.
type CannedCall struct {
	Call everhook.Mapping
	Err  error
	// After is the time from the beginning of the wait to the call. A call after the deadline is too late.
	After time.Duration
}

type cannedCallsKey struct{}

// WithCalls gives runs their calls, to try flows without callers. The function calls is called in workflow code at each
// step that waits, and must return the same on every replay. Use it in an interceptor of workflow executions.
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
