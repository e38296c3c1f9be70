package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/engine"
	"github.com/everhook/everhook/nodes/kind"
)

// LoopStart is the extra input of an execution that continues a loop.
type LoopStart struct {
	// Root is the execution of the run.
	Root everhook.Execution `json:"root"`
	engine.Part
}

// LoopEnd is the result of an execution that continued a loop.
type LoopEnd struct {
	engine.PartEnd
	// Descendants is the number of runs that it was allowed to start but did not.
	Descendants int `json:"descendants,omitempty"`
}

// Loop is the workflow of executions that continue a loop. They always complete, with the end of their part; only the
// run itself maps a status.
func (i *Interpreter) Loop(ctx workflow.Context, definition json.RawMessage, begin *Start,
	part *LoopStart) (*LoopEnd, error) {
	r := i.begin(ctx, definition, begin)
	defer r.release()
	r.root = &part.Root
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	s, state := r.Open(line{ctx}, &part.Part)
	if err := r.serveQueries(ctx); err != nil {
		return nil, err
	}
	if r.Flow().TakesCalls() {
		r.mailbox = newRelay(ctx, r)
	}
	listen(ctx, func(why *everhook.Error) { r.Abort(why, cancel) })
	err := s.Iterate(state)
	hearOthers(ctx)
	if err == nil && ctx.Err() == nil && !state.Over() {
		next := &LoopStart{Root: part.Root, Part: *s.NextPart(state.Rest())}
		start := r.wholeStart()
		start.Descendants = &r.descendants
		err = r.passOn(ctx, loopArguments{start, next}, new(loopArguments))
		hearOthers(ctx) // an abort may have arrived while there was no room
		if err == nil && ctx.Err() == nil {
			return nil, workflow.NewContinueAsNewError(ctx, LoopWorkflow, definition, start, next)
		}
		if failure, ok := errors.AsType[*everhook.Error](err); ok && failure.Type == everhook.TypeLimit {
			err = nil // the parent takes over what was gathered, and another chain continues without it
		}
	}
	if err == nil {
		err = ctx.Err()
	}
	end := &LoopEnd{PartEnd: *s.PartEnd(state, err), Descendants: r.descendants}
	closing, stop := workflow.NewDisconnectedContext(ctx)
	defer stop()
	if err := r.passOn(closing, end, new(LoopEnd)); err != nil {
		end.PartEnd = *end.Without(r.Failure(err).At(part.Node))
	}
	r.ended = &everhook.Outcome{Status: everhook.Resolved, Output: r.Run.Outcome().Output,
		Answer: r.Run.Outcome().Answer}
	r.showDetails(ctx)
	return end, nil
}

// hearOthers lets all other coroutines run, so that an abort that has arrived is processed. The next execution of a
// chain would not receive it.
func hearOthers(ctx workflow.Context) {
	apart, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	last := false
	workflow.GoNamed(apart, "last", func(workflow.Context) { last = true })
	_ = workflow.Await(apart, func() bool { return last })
}

// loopArguments are the arguments of an execution that continues a loop, without the definition.
type loopArguments struct {
	Start Start      `json:"start"`
	Part  *LoopStart `json:"part"`
}

// passOn measures values that pass from one execution to another, and checks that the other can decode them, before
// they are given to Temporal. Read is the target of the decoding.
func (r *run) passOn(ctx workflow.Context, values, read any) error {
	size, err := r.fits("the loop is longer than one execution, and what goes from one to the next", values)
	if err != nil {
		return err
	}
	encoded, err := everhook.EncodeJSON(values)
	if err == nil {
		err = json.Unmarshal(encoded, read)
	}
	if err != nil {
		return everhook.Errorf(everhook.TypeLimit, "the loop is longer than one execution, and what goes from one to "+
			"the next cannot be read: %v; nest it less deeply", err)
	}
	return r.reserve(ctx, size)
}

// HandOver continues a loop in other executions, and takes over their results.
func (r *run) HandOver(of *engine.Step, state *kind.LoopState) error {
	s, ctx := &step{Step: of, run: r}, contextOf(of.Line())
	timePasses(ctx)
	part := &LoopStart{Part: *s.Part(state.Part(maxPartItems))}
	if r.root != nil {
		part.Root = *r.root
	} else {
		info := workflow.GetInfo(ctx).WorkflowExecution
		part.Root = everhook.Execution{WorkflowID: info.ID, RunID: info.RunID}
		r.takeAnswers(ctx)
	}
	start := r.wholeStart()
	start.From, start.Early = nil, nil
	// Loops that are handed over at the same time share the remaining number.
	given := (r.descendants + 1) / 2
	start.Descendants = &given
	if !s.Compiled().Uses.Trigger {
		start.Delivery.Trigger = nil
	}
	if err := r.passOn(ctx, loopArguments{start, part}, new(loopArguments)); err != nil {
		return err
	}
	r.descendants -= given
	end, err := s.continueElsewhere(ctx, start, part)
	if err != nil {
		return err
	}
	r.descendants += end.Descendants
	before := r.Answer()
	err = s.Take(&part.Part, &end.PartEnd, state)
	if r.Answer() != before {
		r.answered = r.task()
	}
	return err
}

// wholeStart is the input with the values of the delivery, for another execution.
func (r *run) wholeStart() Start {
	start := r.start
	start.Delivery.Trigger = r.Trigger()
	return start
}

// continueElsewhere runs executions that continue the loop, until one reaches the end of the part.
func (s *step) continueElsewhere(ctx workflow.Context, start Start, part *LoopStart) (*LoopEnd, error) {
	r := s.run
	if err := r.awaitSlot(ctx); err != nil {
		return nil, err
	}
	r.events += eventsOfChild
	inFlight, release := s.share(false)
	defer release()
	start.InFlight = inFlight
	r.showDetails(ctx)
	// The child has a context of its own. A cancellation can't carry a reason, so a signal reports an abort.
	apart, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	future := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(apart, s.childOptions(part)), LoopWorkflow,
		r.definition, start, part)
	part.State.Items, part.Nodes, part.Errors, part.Loops = nil, nil, nil, nil // the other execution has them
	var execution workflow.Execution
	if future.GetChildWorkflowExecution().Get(apart, &execution) == nil {
		r.Log().HandedOver(s.Record(), everhook.Execution{WorkflowID: execution.ID, RunID: execution.RunID})
	}
	if err := workflow.Await(apart, func() bool { return future.IsReady() || ctx.Err() != nil }); err != nil {
		return nil, err
	}
	if !future.IsReady() {
		r.stopChild(apart, cancel, future, r.Aborted())
	}
	var end LoopEnd
	err := future.Get(apart, &end)
	switch {
	case err == nil:
		return &end, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	default:
		return nil, everhook.Errorf(everhook.TypeInternal, "an execution that continued the loop was lost: %s",
			lostChild(err))
	}
}

// lostChild returns an error about a child that did not complete. It does not wrap the original error: a CanceledError
// in it would be mistaken for the run's own.
func lostChild(err error) string {
	cause := err
	if child, ok := errors.AsType[*temporal.ChildWorkflowExecutionError](err); ok && child.Unwrap() != nil {
		cause = child.Unwrap()
	}
	return everhook.Shorten(cause.Error(), 500)
}

func (s *step) childOptions(part *LoopStart) workflow.ChildWorkflowOptions {
	r := s.run
	position := s.Node().Key + "[" + strconv.Itoa(part.State.Next) + "]"
	if s.Iteration() != "" {
		position = s.Iteration() + "." + position
	}
	// A provider's retry runs a run again under the same ID, while a child of an earlier attempt that was terminated
	// may still be stopping.
	if d := r.start.Delivery; d.DedupeKey != "" {
		digest := sha256.Sum256([]byte(d.ID))
		position += "." + hex.EncodeToString(digest[:4])
	}
	id := everhook.WorkflowID(r.Flow().Definition.Key, r.start.Delivery.RunID) + "/" + position
	if len(id) > maxWorkflowID {
		digest := sha256.Sum256([]byte(position))
		id = everhook.WorkflowID(r.Flow().Definition.Key, r.start.Delivery.RunID) + "/" + hex.EncodeToString(digest[:])
	}
	options := workflow.ChildWorkflowOptions{
		WorkflowID: id, WaitForCancellation: true, ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		StaticSummary: everhook.Shorten(r.Flow().Definition.Name()+": "+s.Node().Name()+" from "+position, 200),
	}
	if r.start.Attributes {
		options.TypedSearchAttributes = temporal.NewSearchAttributes(AttributeRun.ValueSet(
			string(r.start.Delivery.RunID)), AttributeFlow.ValueSet(r.Flow().Definition.Key))
	}
	return options
}
