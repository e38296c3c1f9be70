package workflows

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/engine"
	"github.com/everhook/everhook/internal/packed"
	"github.com/everhook/everhook/nodes/kind"
)

// run is one execution of a run on Temporal. Its coroutines take turns, so it needs no lock.
type run struct {
	*engine.Run
	// start is the input, without the values of the delivery and of the retry point, which the engine has.
	start Start
	// values keeps heavy values; nil keeps them as they are.
	values *packed.Run
	// definition is the flow that the run was started with.
	definition json.RawMessage
	// ended is the outcome of the execution; nil before its end.
	ended *everhook.Outcome

	// root is the root execution, for executions that continue its loops; nil in the root itself.
	root *everhook.Execution
	// takesAnswers is set when the run takes answers from executions that continue its loops.
	takesAnswers bool
	// answered is the workflow task in which the answer was given.
	answered int

	// events counts the events that the execution added to its history. Above budget, its loops continue in another
	// execution. inFlight counts the effects and children that it waits for.
	events, budget, inFlight int
	// most bounds inFlight.
	most int

	// descendants is the number of runs of other flows that the execution may still start.
	descendants int

	// stopped reports whether the execution itself was cancelled: by an operator, or by the execution that started it.
	stopped func() bool
	// bytes is the size of the history at the last workflow task. task identifies the workflow task: it is the length
	// of the history at its beginning. Both are the same on every replay.
	bytes, task func() int

	// mailbox receives the calls that steps wait for. waiting lists the current waits, shownWaiting is the value of the
	// search attribute.
	mailbox               mailbox
	waiting, shownWaiting []string
	// handed counts the bytes that the current workflow task passes to Temporal.
	handed handed
}

// handed counts the bytes that a workflow task passes to Temporal, which accepts at most 4 MiB in one task. Values are
// charged before, and the task is broken in time.
type handed struct {
	task, bytes int
	// breaking makes coroutines that need the next workflow task wait in line. local does so for local activities. Both
	// are nil until they are needed.
	breaking, local workflow.Mutex
}

var _ engine.Host = (*run)(nil)

// newRun takes the values out of the start.
func newRun(ctx workflow.Context, flow *compile.Flow, definition json.RawMessage, start *Start,
	values *packed.Run) *run {
	info := workflow.GetInfo(ctx)
	r := &run{
		values: values, definition: definition, events: info.GetCurrentHistoryLength(), budget: start.Budget.events(),
		descendants: MaxDescendants, most: cmp.Or(start.InFlight, maxInFlight),
		stopped: func() bool { return ctx.Err() != nil },
		bytes:   info.GetCurrentHistorySize, task: info.GetCurrentHistoryLength,
	}
	if start.Descendants != nil {
		r.descendants = *start.Descendants
	}
	r.Run = engine.New(flow, start.engine(), r, func() time.Time { return now(ctx) })
	start.Delivery.Trigger = nil
	if from := start.From; from != nil {
		start.From = &RetryPoint{Of: from.Of, Node: from.Node}
	}
	r.start = *start
	return r
}

// Keep keeps a value in less memory while the run does not use it.
func (r *run) Keep(v any) any {
	if r.values == nil {
		return v
	}
	return r.values.Keep(v)
}

// release reports that the execution has ended, or that the worker has dropped it.
func (r *run) release() {
	if r.values != nil {
		r.values.End()
	}
}

// outcome is the state of the run, or its end.
func (r *run) outcome() everhook.Outcome {
	if r.ended != nil {
		return *r.ended
	}
	return r.Outcome()
}

// After starts a timer.
func (r *run) After(on engine.Line, left time.Duration, name string, fire func()) {
	ctx := contextOf(on)
	timer := workflow.NewTimerWithOptions(ctx, left, workflow.TimerOptions{Summary: name})
	r.events += eventsOfTimer
	workflow.GoNamed(ctx, "timeout", func(ctx workflow.Context) {
		if timer.Get(ctx, nil) == nil {
			fire()
		}
	})
}

// Listen aborts a subflow when its caller sends the abort signal.
func (r *run) Listen(on engine.Line, abort func(*everhook.Error)) {
	if r.start.Depth > 0 {
		listen(contextOf(on), abort)
	}
}

// listen waits for the abort signal of the execution that started this one. The signal contains the error to end with,
// which a cancellation could not.
func listen(ctx workflow.Context, abort func(*everhook.Error)) {
	workflow.GoNamed(ctx, "caller", func(ctx workflow.Context) {
		var why *everhook.Error
		workflow.GetSignalChannel(ctx, AbortSignal).Receive(ctx, &why)
		if why == nil {
			why = &everhook.Error{Status: everhook.Aborted, Type: everhook.TypeTimeout,
				Message: "the run that called it was aborted while it waited"}
		}
		abort(why)
	})
}

// yieldTimeout bounds an activity that does nothing. After that it counts as lost with its worker, and is retried: a
// killed worker delays a run by that long.
const yieldTimeout = 5 * time.Second

// Break ends the workflow task by an activity that does nothing.
func (r *run) Break(on engine.Line) error {
	timePasses(contextOf(on))
	r.events += eventsOfActivity
	yielding := workflow.WithActivityOptions(contextOf(on), workflow.ActivityOptions{StartToCloseTimeout: yieldTimeout,
		Summary: "pause between steps"})
	return workflow.ExecuteActivity(yielding, activities.Yield).Get(yielding, nil)
}

// breakTask ends the workflow task.
func (r *run) breakTask(ctx workflow.Context) error { return r.Run.Break(line{ctx}) }

// Limit ends a run whose history is about to become too large for Temporal. It uses the size at the beginning of the
// workflow task, which the history records.
func (r *run) Limit() *kind.End {
	message := ""
	switch size := r.bytes(); {
	case r.events > maxEvents:
		message = fmt.Sprintf("the run reached the limit of %d events in its history outside of loops; let each "+
			"iteration or delivery do less", maxEvents)
	case size > maxHistory:
		message = fmt.Sprintf("the history of the run has %d bytes, of %d; let each delivery do less, or hand smaller "+
			"values to effects", size, maxHistory)
	default:
		return nil
	}
	return &kind.End{Status: everhook.Errored, Type: everhook.TypeLimit, Message: message}
}

// UsedUp reports whether the history is so long or so large that loops continue in another execution.
func (r *run) UsedUp() bool { return r.events >= r.budget || r.bytes() >= budgetBytes }

// Error converts an error of the SDK.
func (r *run) Error(err error) (failure *everhook.Error, cancelled bool) {
	if temporal.IsCanceledError(err) || errors.Is(err, workflow.ErrCanceled) {
		return nil, true
	}
	return activities.FromError(err), false
}
