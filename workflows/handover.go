package workflows

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/kind"
)

// Budget is what one execution may use before its loops hand over what is left of them. Zero fields are the engine's
// own.
type Budget struct {
	Steps  int `json:"steps,omitempty"`
	Events int `json:"events,omitempty"`
	Units  int `json:"units,omitempty"`
}

func (b Budget) withDefaults() Budget {
	return Budget{Steps: cmp.Or(b.Steps, budgetSteps), Events: cmp.Or(b.Events, budgetEvents),
		Units: cmp.Or(b.Units, budgetUnits)}
}

// LoopStart is what an execution is started with, besides the definition and the Start of the run, that goes on with a
// loop.
type LoopStart struct {
	// Root is the execution of the run.
	Root everhook.Execution `json:"root"`
	// Node is the key of the loop, Path where in other loops it stands.
	Node string `json:"node"`
	Path string `json:"path,omitempty"`
	// State is how far the loop is.
	State kind.LoopState `json:"state"`
	// Nodes and Errors are those of the run's that the loop refers to, Assigned the variables among them that earlier
	// executions of the chain assigned.
	Nodes    everhook.Mapping `json:"nodes,omitempty"`
	Errors   everhook.Mapping `json:"errors,omitempty"`
	Assigned []string         `json:"assigned,omitempty"`
	// Loops are the loops around it.
	Loops []outerLoop `json:"loops,omitempty"`
	// Failure is set within onFailure.
	Failure *everhook.Value `json:"failure,omitempty"`
	// Answered tells that the caller has an answer.
	Answered bool `json:"answered,omitempty"`
	// Output and Answer are what earlier executions of the chain left for the run.
	Output *setOutput       `json:"output,omitempty"`
	Answer *everhook.Answer `json:"answer,omitempty"`
	// Line is where what the loop does stands in the order of what the run does.
	Line line `json:"line,omitzero"`
	// Log is how full the step log is.
	Log logState `json:"log"`
}

// setOutput is an output that was set, be it to null, which a pointer to a value could not tell from none.
type setOutput struct {
	Value everhook.Value `json:"value"`
	// At is when it was set.
	At moment `json:"at,omitzero"`
}

// output is what was set so far; nil: nothing.
func (r *run) output() *setOutput {
	if r.outcome.Output == nil {
		return nil
	}
	return &setOutput{*r.outcome.Output, r.outputAt}
}

// outerLoop is a loop as the nodes in it see it.
type outerLoop struct {
	Key    string         `json:"key"`
	Item   everhook.Value `json:"item"`
	Index  int            `json:"index"`
	Length *int           `json:"length,omitempty"`
}

// LoopOutcome is how far executions came with a loop, or a part of it. They always complete with one.
type LoopOutcome struct {
	State kind.LoopState `json:"state"`
	// Error is how an iteration ended that ends the loop, End that it ended the run.
	Error *everhook.Error `json:"error,omitempty"`
	End   *kind.End       `json:"end,omitempty"`
	// Assigned are variables outside the loop that were assigned.
	Assigned everhook.Mapping `json:"assigned,omitempty"`
	Output   *setOutput       `json:"output,omitempty"`
	Answer   *everhook.Answer `json:"answer,omitempty"`
	// Until is when it last went on from a wait.
	Until time.Time `json:"until,omitzero"`
	Log   logState  `json:"log"`
}

// Loop is the workflow of executions that go on with a loop. It walks the same code as Run.
func (i *Interpreter) Loop(ctx workflow.Context, definition json.RawMessage, start Start,
	part LoopStart) (*LoopOutcome, error) {
	r := i.begin(ctx, definition, start)
	r.part, r.log = &part, newStepLog(part.Log)
	r.answer = part.Answer
	if part.Output != nil {
		r.setOutput(*part.Output)
	}
	if err := r.serveQueries(ctx); err != nil {
		return nil, err
	}
	if r.flow.TakesCalls() {
		r.mailbox = newRelay(ctx, r)
	}
	ctx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	r.abortWith(ctx, cancel)
	node, kind := r.iterating(part.Node)
	s := &step{run: r, node: node, data: r.partData(&part), record: &everhook.Step{}, outer: part.Path}
	s.data.at(r, node, s.record, workflow.Now(ctx))
	state := part.State
	err := kind.Iterate(ctx, s, &state)
	hearOthers(ctx)
	if err == nil && ctx.Err() == nil && !state.Over() {
		next := s.loopStart(state.Rest())
		next.Assigned, next.Output, next.Answer, next.Line = s.assignedOutside(), r.output(), r.answer, s.data.line
		err = r.handOverLoop(ctx, loopArguments{start, next}, new(loopArguments))
		hearOthers(ctx) // an abort may have arrived while there was no room
		if err == nil && ctx.Err() == nil {
			return nil, workflow.NewContinueAsNewError(ctx, LoopWorkflow, definition, start, next)
		}
		if failure, ok := errors.AsType[*everhook.Error](err); ok && failure.Type == everhook.TypeLimit {
			err = nil // what was gathered goes back by itself, and another chain goes on without it
		}
	}
	if err == nil {
		err = ctx.Err()
	}
	outcome := s.loopOutcome(&state, err)
	closing, stop := workflow.NewDisconnectedContext(ctx)
	defer stop()
	if err := r.handOverLoop(closing, outcome, new(LoopOutcome)); err != nil {
		outcome = outcome.without(r.failure(err).At(part.Node))
	}
	r.outcome.Status = everhook.Resolved
	r.showDetails(ctx)
	return outcome, nil
}

// hearOthers lets all other coroutines go on that can: an abort that has arrived is then known. The next execution of a
// chain would not hear of it.
func hearOthers(ctx workflow.Context) {
	apart, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	last := false
	workflow.GoNamed(apart, "last", func(workflow.Context) { last = true })
	_ = workflow.Await(apart, func() bool { return last })
}

// iterating finds the loop with that key. A worker that has none there cannot run the execution, and panics as begin
// does.
func (r *run) iterating(key string) (*compile.Node, kind.Iterating) {
	if node := r.flow.Node(key); node != nil {
		if kind, ok := node.Kind.(kind.Iterating); ok {
			return node, kind
		}
	}
	panic(fmt.Sprintf("this worker has no loop %q in flow %q", key, r.flow.Definition.Key))
}

// partData is the data of the run, as far as the loop refers to it.
func (r *run) partData(part *LoopStart) *data {
	d := r.rootData()
	d.fill(part)
	for _, loop := range part.Loops {
		seen := map[string]any{"item": loop.Item.V, "index": loop.Index, "sequence": loop.Index + 1, "length": nil}
		if loop.Length != nil {
			seen["length"] = *loop.Length
		}
		d.loops[loop.Key] = seen
	}
	if part.Failure != nil {
		d.scope.Values["failure"] = part.Failure.V
		r.failing = true
	}
	d.position.path = part.Path
	return d
}

// loopOutcome is what the execution has for the one that handed the loop over.
func (s *step) loopOutcome(state *kind.LoopState, err error) *LoopOutcome {
	r := s.run
	outcome := &LoopOutcome{State: *state, Output: r.output(), Answer: r.answer, Log: r.log.state(s.node.Below),
		Assigned: everhook.Mapping{}, Until: s.data.line.Since}
	outcome.State.Items = nil
	if err != nil { // the loop has no result
		outcome.State.Collected, outcome.State.Errors = nil, nil
	}
	for _, variable := range s.assignedOutside() {
		outcome.Assigned[variable] = s.data.nodes[variable]
	}
	if end, ok := errors.AsType[*kind.End](err); ok {
		outcome.End = end
	} else if err != nil {
		outcome.Error = r.failure(err)
	}
	return outcome
}

// without is what remains of an outcome that cannot be handed over. What ended the run, nothing catches: neither does
// it catch this.
func (o *LoopOutcome) without(failure *everhook.Error) *LoopOutcome {
	left := &LoopOutcome{Answer: o.Answer, Log: o.Log, Until: o.Until}
	if o.End == nil {
		left.Error = failure
	} else {
		left.End = &kind.End{Status: failure.Status, Type: failure.Type, Message: failure.Message, Node: failure.Node}
	}
	return left
}

// assignedOutside are the variables that were assigned in the loop and are declared outside of it.
func (s *step) assignedOutside() []string {
	var outside []string
	for _, variable := range everhook.SortedKeys(s.data.assigned) {
		if !slices.Contains(s.node.Below, variable) {
			outside = append(outside, variable)
		}
	}
	return outside
}

// loopStart is what another execution needs to go on with the loop that the step is.
func (s *step) loopStart(state kind.LoopState) *LoopStart {
	r, d := s.run, s.data
	start := &LoopStart{
		Node: s.node.Key, Path: s.outer, State: state, Nodes: everhook.Mapping{}, Errors: everhook.Mapping{},
		Answered: r.answer != nil || r.part != nil && r.part.Answered, Log: r.log.state(s.node.Below),
	}
	for _, key := range s.node.Uses.Nodes {
		if slices.Contains(s.node.Below, key) {
			continue
		}
		if v, ok := d.nodes[key]; ok {
			start.Nodes[key] = v
		}
		if v, ok := d.errors[key]; ok {
			start.Errors[key] = v
		}
	}
	for _, key := range everhook.SortedKeys(d.loops) {
		seen := d.loops[key].(map[string]any)
		if key == s.node.Key || !slices.Contains(s.node.Uses.Nodes, key) {
			continue
		}
		loop := outerLoop{Key: key, Item: everhook.Value{V: seen["item"]}, Index: seen["index"].(int)}
		if length, ok := seen["length"].(int); ok {
			loop.Length = &length
		}
		start.Loops = append(start.Loops, loop)
	}
	if failure, ok := d.scope.Values["failure"]; ok {
		start.Failure = everhook.Of(failure)
	}
	if r.part != nil {
		start.Root = r.part.Root
	}
	return start
}

// loopArguments are what an execution that goes on with a loop is started with, besides the definition.
type loopArguments struct {
	Start Start      `json:"start"`
	Part  *LoopStart `json:"part"`
}

// handOverLoop measures what goes from one execution to another before it is handed to Temporal, which would not take
// too much, and sees that the other can read it. Read is where it is decoded to.
func (r *run) handOverLoop(ctx workflow.Context, values, read any) error {
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
	return r.handOver(ctx, size)
}

// Spent is kind.Run's.
func (s *step) Spent() bool {
	r := s.run
	return r.steps >= r.budget.Steps || r.events >= r.budget.Events ||
		r.units+s.data.scope.Spent-s.data.charged >= r.budget.Units || r.bytes() >= budgetBytes
}

// AtOnce is kind.Run's: what is under way when the budget is used up, in all loops together, may have as many events
// as the budget again.
func (s *step) AtOnce() int {
	others := s.run.expected - s.underWay*s.eventsOfIteration()
	return max(1, (budgetEvents-others)/s.eventsOfIteration())
}

// UnderWay is kind.Run's.
func (s *step) UnderWay(iterations int) {
	s.run.expected += (iterations - s.underWay) * s.eventsOfIteration()
	s.underWay = iterations
}

// eventsOfIteration is what an iteration may add to the history.
func (s *step) eventsOfIteration() int { return eventsOfActivity * max(1, len(s.node.Below)) }

// HandOver is kind.Run's.
func (s *step) HandOver(ctx workflow.Context, state *kind.LoopState) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r := s.run
	start := s.loopStart(state.Part(maxPartItems))
	start.Line = line{moment: s.data.line.next()}
	if r.part == nil {
		info := workflow.GetInfo(ctx).WorkflowExecution
		start.Root = everhook.Execution{WorkflowID: info.ID, RunID: info.RunID}
		r.takeAnswers(ctx)
	}
	passed := r.start
	passed.From = nil
	if !s.node.Uses.Trigger {
		passed.Delivery.Trigger = nil
	}
	if err := r.handOverLoop(ctx, loopArguments{passed, start}, new(loopArguments)); err != nil {
		return err
	}
	given := start.Log
	outcome, err := s.goOn(ctx, passed, start)
	if err != nil {
		return err
	}
	r.log.join(given, outcome.Log)
	state.Join(&outcome.State)
	for _, variable := range everhook.SortedKeys(outcome.Assigned) {
		s.SetVariable(variable, outcome.Assigned[variable])
	}
	s.data.waited(outcome.Until)
	if outcome.Output != nil {
		r.setOutput(*outcome.Output)
	}
	if outcome.Answer != nil && r.answer == nil {
		r.adopt(outcome.Answer)
	}
	switch {
	case outcome.End != nil:
		return outcome.End
	case outcome.Error == nil:
		return ctx.Err()
	case ctx.Err() != nil && !outcome.Error.Status.Catchable():
		return r.failure(ctx.Err()).At(outcome.Error.Node) // the other execution knows where it was, but perhaps not why it had to end
	}
	return outcome.Error
}

// goOn runs the executions that go on with the loop, until one has an outcome.
func (s *step) goOn(ctx workflow.Context, passed Start, part *LoopStart) (*LoopOutcome, error) {
	r := s.run
	if err := r.awaitSlot(ctx); err != nil {
		return nil, err
	}
	r.events += eventsOfChild
	r.inFlight++
	defer func() { r.inFlight-- }()
	r.showDetails(ctx)
	// The child's own context is apart: a cancellation could not say why, so an abort is passed on by a signal.
	apart, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	future := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(apart, s.childOptions(part)), LoopWorkflow,
		r.definition, passed, part)
	var execution workflow.Execution
	if future.GetChildWorkflowExecution().Get(apart, &execution) == nil {
		r.log.handedOver(s.record, everhook.Execution{WorkflowID: execution.ID, RunID: execution.RunID})
	}
	if err := workflow.Await(apart, func() bool { return future.IsReady() || ctx.Err() != nil }); err != nil {
		return nil, err
	}
	if !future.IsReady() {
		r.stopChild(apart, cancel, future, r.aborted)
	}
	var outcome LoopOutcome
	err := future.Get(apart, &outcome)
	switch {
	case err == nil:
		return &outcome, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	default:
		return nil, everhook.Errorf(everhook.TypeInternal, "an execution that went on with the loop was lost: %s",
			lostChild(err))
	}
}

// lostChild says what became of a child that did not complete. It hides the error itself: a CanceledError in it would
// pass for the run's.
func lostChild(err error) string {
	cause := err
	if child, ok := errors.AsType[*temporal.ChildWorkflowExecutionError](err); ok && child.Unwrap() != nil {
		cause = child.Unwrap()
	}
	return everhook.Shorten(cause.Error(), 500)
}

func (s *step) childOptions(part *LoopStart) workflow.ChildWorkflowOptions {
	r := s.run
	place := s.node.Key + "[" + strconv.Itoa(part.State.Next) + "]"
	if s.outer != "" {
		place = s.outer + "." + place
	}
	// A provider's retry runs a run again under the same ID; what an attempt that was closed from outside left behind
	// may still be stopping.
	if d := r.start.Delivery; d.DedupeKey != "" {
		digest := sha256.Sum256([]byte(d.ID))
		place += "." + hex.EncodeToString(digest[:4])
	}
	id := everhook.WorkflowID(r.flow.Definition.Key, r.start.Delivery.RunID) + "/" + place
	if len(id) > maxWorkflowID {
		digest := sha256.Sum256([]byte(place))
		id = everhook.WorkflowID(r.flow.Definition.Key, r.start.Delivery.RunID) + "/" + hex.EncodeToString(digest[:])
	}
	options := workflow.ChildWorkflowOptions{
		WorkflowID: id, WaitForCancellation: true, ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		StaticSummary: everhook.Shorten(r.flow.Definition.Name()+": "+s.node.Name()+" from "+place, 200),
	}
	if r.start.Attributes {
		options.TypedSearchAttributes = temporal.NewSearchAttributes(AttributeRun.ValueSet(string(r.start.Delivery.RunID)), AttributeFlow.ValueSet(r.flow.Definition.Key))
	}
	return options
}
