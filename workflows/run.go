package workflows

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/kind"
)

// run is the state of one run. Its coroutines take turns, so it needs no lock.
type run struct {
	flow    *compile.Flow
	start   Start
	log     *stepLog
	outcome everhook.Outcome
	// outputAt is when the output was set.
	outputAt moment
	// answer is what the caller of a sync flow receives, once it is settled.
	answer *everhook.Answer
	// aborted is set when the time is over that something has, and says how it ends.
	aborted *everhook.Error
	// failing is set while onFailure runs.
	failing bool
	// part is set in an execution that goes on with a loop.
	part *LoopStart
	// answers is set when the run takes answers from such executions.
	answers bool

	steps, events, units, inFlight int
	// expected is how many events iterations that run beside each other may add.
	expected int
	// stretch counts the units that passed since the workflow task was broken last, breaking is set while it is broken.
	stretch  int
	breaking bool
	clock    func() time.Time
	// stopped reports whether the execution itself was cancelled: by an operator, or by who started it.
	stopped func() bool
	// bytes is the size of the history, as of the last workflow task: the same on every replay.
	bytes func() int
	// task tells the workflow tasks apart: the length of the history when the one that goes on began, the same on every
	// replay.
	task func() int
	// answered is the workflow task in which the answer was given.
	answered int
	// definition is the flow as the run was started with it, budget when its loops hand over.
	definition json.RawMessage
	budget     Budget

	// root is the data of the nodes at the top, marks the steps at which a retry can go on.
	root  *data
	marks []mark
	// mailbox takes the calls that steps wait for, waiting names what they wait for now.
	mailbox               mailbox
	waiting, shownWaiting []string
	// handed is what the workflow task that goes on has handed over so far.
	handed handed
}

func newRun(ctx workflow.Context, flow *compile.Flow, definition json.RawMessage, start Start) *run {
	info := workflow.GetInfo(ctx)
	return &run{
		flow: flow, start: start, log: newStepLog(logState{}), outcome: everhook.Outcome{Status: everhook.Pending},
		events:     info.GetCurrentHistoryLength(),
		definition: definition, budget: start.Budget.withDefaults(),
		clock: func() time.Time { return workflow.Now(ctx) }, stopped: func() bool { return ctx.Err() != nil },
		task: info.GetCurrentHistoryLength, bytes: info.GetCurrentHistorySize,
	}
}

// list runs nodes one after the other and gives the result of the last.
func (r *run) list(ctx workflow.Context, list []*compile.Node, d *data) (last any, err error) {
	for _, node := range list {
		if err := r.step(ctx, node, d); err != nil {
			return nil, err
		}
		last = d.nodes[node.Key]
	}
	return last, nil
}

// step runs one node. Its error ends the list.
func (r *run) step(ctx workflow.Context, node *compile.Node, d *data) error {
	if err := r.spend(ctx, node); err != nil {
		return err
	}
	now := workflow.Now(ctx)
	record := r.log.begin(node, d.position.path, now)
	outer := d.position
	d.at(r, node, record, now)
	if node.OnLine {
		r.mark(node.Key)
	}
	result, err := node.Kind.Execute(ctx, &step{run: r, node: node, data: d, record: record, outer: outer.path})
	d.leave(node.Key, outer)
	r.charge(d.spent())
	if node.Foreign { // it may have waited by itself
		d.waited(workflow.Now(ctx))
	}
	if err == nil && node.Foreign {
		result.Value, err = canonicalResult(result.Value)
	}
	if err == nil {
		d.nodes[node.Key] = result.Value
		delete(d.errors, node.Key)
		r.log.resolve(record, workflow.Now(ctx), result.Value)
		return nil
	}
	delete(d.nodes, node.Key)
	if end, ok := errors.AsType[*kind.End](err); ok {
		r.log.end(record, workflow.Now(ctx), end, result.Value)
		return end
	}
	failure := r.failure(err).At(node.Key)
	r.log.fail(record, workflow.Now(ctx), failure)
	d.errors[node.Key] = errorValue(failure)
	if !failure.Status.Catchable() || node.OnError == "" || node.OnError == everhook.OnErrorFail {
		return failure
	}
	if node.OnError == everhook.OnErrorBranch {
		_, err := r.list(ctx, node.Branch(everhook.ErrorBranch), d)
		return err
	}
	return nil
}

// spend charges a step to the budget of the execution.
func (r *run) spend(ctx workflow.Context, node *compile.Node) error {
	r.steps++
	if limit := r.overLimit(); limit != "" {
		return &kind.End{Status: everhook.Errored, Type: everhook.TypeLimit, Node: node.Key, Message: limit}
	}
	if err := tooLong(ctx); err != nil && !r.failing {
		err.Node = node.Key
		return err
	}
	if err := r.pause(ctx, stepUnits); err != nil {
		return r.failure(err).At(node.Key)
	}
	return nil
}

// overLimit says what an execution has too much of. Nothing catches it.
func (r *run) overLimit() string {
	if !r.failing && (r.steps > maxSteps || r.events > maxEvents || r.units > maxUnits) {
		return fmt.Sprintf("the run reached the limit of %d steps, %d events or %d units of evaluation outside of "+
			"loops; let each iteration or delivery do less", maxSteps, maxEvents, maxUnits)
	}
	return ""
}

// charge counts units of evaluation.
func (r *run) charge(units int) { r.units, r.stretch = r.units+units, r.stretch+units }

// pause charges units to the stretch that goes on without a break, and breaks the workflow task when it has become
// long: by an activity that does nothing. Its error is that of a cancelled run.
func (r *run) pause(ctx workflow.Context, units int) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.charge(units)
	if r.breaking {
		return workflow.Await(ctx, func() bool { return !r.breaking })
	}
	if r.stretch < maxStretch {
		return nil
	}
	return r.breakTask(ctx)
}

// release lets an answer leave that was given in this workflow task: it leaves when the task ends, and a local activity
// keeps the task open.
func (r *run) release(ctx workflow.Context) error {
	if r.answer == nil || r.answered != r.task() {
		return nil
	}
	return r.breakTask(ctx)
}

// yieldTimeout is when an activity that does nothing is taken for lost, with the worker that had it, and tried again:
// so long a killed worker holds up a run.
const yieldTimeout = 5 * time.Second

// breakTask ends the workflow task by an activity that does nothing.
func (r *run) breakTask(ctx workflow.Context) error {
	r.stretch, r.breaking = 0, true
	defer func() { r.breaking = false }()
	r.events += eventsOfActivity
	yielding := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: yieldTimeout,
		Summary: "pause between steps"})
	return workflow.ExecuteActivity(yielding, activities.Yield).Get(ctx, nil)
}

// failure makes an *everhook.Error of what a kind or the SDK returned. A cancelled context means that the run was
// aborted or cancelled, or that the branch lost.
func (r *run) failure(err error) *everhook.Error {
	if temporal.IsCanceledError(err) || errors.Is(err, workflow.ErrCanceled) {
		if r.aborted != nil {
			aborted := *r.aborted
			return &aborted
		}
		return &everhook.Error{Status: everhook.Cancelled, Type: everhook.TypeCancelled, Message: "cancelled"}
	}
	failure := *activities.FromError(err)
	failure.Message = everhook.Shorten(failure.Message, maxMessage)
	return &failure
}

// ending is the error that a run ends with; nil when it resolved.
func (r *run) ending(err error) *everhook.Error {
	if end, ok := errors.AsType[*kind.End](err); ok {
		if end.Status == everhook.Resolved {
			return nil
		}
		return &everhook.Error{Status: end.Status, Type: end.Type, Message: everhook.Shorten(end.Error(), maxMessage),
			Node: end.Node}
	}
	if err == nil {
		return nil
	}
	return r.failure(err)
}

func errorValue(e *everhook.Error) map[string]any {
	v := map[string]any{"status": string(e.Status), "type": e.Type, "message": e.Message, "attempts": e.Attempts,
		"response": nil}
	if e.Response != nil {
		v["response"] = e.Response.V
	}
	return v
}

// canonicalResult makes a result canonical that a kind of somebody else gave; the kinds of package nodes give canonical
// ones.
func canonicalResult(v any) (any, error) {
	v, err := everhook.Canonical(v)
	if err != nil {
		return nil, everhook.Errorf(everhook.TypeInternal, "the result is not data: %v", err)
	}
	return v, nil
}
