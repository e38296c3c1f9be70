package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Start is the input of a run, besides its flow.
type Start struct {
	// Version is the number of the flow's version.
	Version int
	// Delivery is the call that started the run.
	Delivery everhook.Delivery
	// Env are the settings that the flow refers to.
	Env map[string]string
	// Resume makes the URLs that resume the run; nil for a flow that waits for no call.
	Resume *everhook.Resume
	// Origin is the run that this one retries, over all retries; empty for a run that a delivery started.
	Origin everhook.RunID
	// From is where a retry begins; nil for the beginning of the flow.
	From *RetryPoint
	// Budget is what an execution may use before its loops continue in another one.
	Budget Budget
}

// Run is the state of one execution of a run.
type Run struct {
	flow  *compile.Flow
	start Start
	host  Host
	now   func() time.Time
	log   *Log
	meter meter

	outcome everhook.Outcome
	// outputAt is when the output was set.
	outputAt Moment
	// answer is what the caller of a sync flow receives, once it is decided.
	answer *everhook.Answer
	// answered is set when an earlier execution gave the answer.
	answered bool
	// aborted is the error to end with once a timeout has fired.
	aborted *everhook.Error
	// failing is set while onFailure runs.
	failing bool

	// trigger is the values of the delivery, as the host keeps them.
	trigger any
	// root is the data of the nodes at the top. marks are the steps at which a retry can begin.
	root  *data
	marks []mark
}

// New makes the state of an execution. Clock is the run's clock, and must be the same on every replay.
func New(flow *compile.Flow, start Start, host Host, clock func() time.Time) *Run {
	return &Run{flow: flow, start: start, host: host, now: clock, log: newLog(LogState{}),
		meter:   newMeter(start.Budget),
		outcome: everhook.Outcome{Status: everhook.Pending}}
}

// Flow is the flow that the run executes.
func (r *Run) Flow() *compile.Flow { return r.flow }

// Outcome returns the state of the run.
func (r *Run) Outcome() everhook.Outcome { return r.outcome }

// Answer returns the answer for the caller; nil until it is decided.
func (r *Run) Answer() *everhook.Answer { return r.answer }

// Aborted is the error that the run ends with after a timeout; nil for a run that goes on.
func (r *Run) Aborted() *everhook.Error { return r.aborted }

// Log is the step log.
func (r *Run) Log() *Log { return r.log }

// Origin is the run that keys of effects derive from.
func (r *Run) Origin() everhook.RunID {
	if r.start.Origin != "" {
		return r.start.Origin
	}
	return r.start.Delivery.RunID
}

// failureTimeout bounds onFailure.
const failureTimeout = 10 * time.Minute

// Execute walks the flow within its timeout, then onFailure if the run did not resolve. Outcome says how the run ended.
func (r *Run) Execute(line Line) {
	r.root = r.rootData()
	failure := r.ending(r.executeNodes(line))
	if failure != nil && failure.Status != everhook.Cancelled && failure.Status != everhook.Pending {
		r.executeOnFailure(line, failure)
	}
	r.outcome.Status, r.outcome.Error = everhook.Resolved, failure
	if failure != nil {
		r.outcome.Status = failure.Status
	}
}

func (r *Run) executeNodes(line Line) error {
	line, cancel := line.Cancellable()
	defer cancel()
	if timeout := r.flow.Definition.Options.Timeout.Std(); timeout > 0 {
		left := timeout
		if r.start.Origin == "" { // a retry has the whole time again
			left -= line.Now().Sub(r.start.Delivery.ReceivedAt)
		}
		r.abortAfter(line, cancel, left, "timeout of the run", &everhook.Error{Status: everhook.Aborted,
			Type: everhook.TypeTimeout, Message: fmt.Sprintf("the run did not end within its timeout of %s",
				r.flow.Definition.Options.Timeout)})
	}
	r.host.Listen(line, func(why *everhook.Error) { r.Abort(why, cancel) })
	return r.walk(line)
}

// executeOnFailure runs the nodes that a flow has for runs that did not resolve. They do not change how the run ends.
func (r *Run) executeOnFailure(line Line, failure *everhook.Error) {
	if len(r.flow.OnFailure) == 0 {
		return
	}
	line, cancel := line.Cancellable()
	defer cancel()
	r.aborted, r.failing = nil, true
	r.abortAfter(line, cancel, failureTimeout, "limit of onFailure", &everhook.Error{Status: everhook.Aborted,
		Type: everhook.TypeTimeout, Message: "onFailure did not end within ten minutes"})
	r.root.scope.Values["failure"] = map[string]any{"status": string(failure.Status), "node": failure.Node,
		"message": failure.Message}
	// The step log tells how it ended.
	_, _ = r.list(line, r.flow.OnFailure, r.root)
}

// abortAfter ends the run with an error when the time is over.
func (r *Run) abortAfter(line Line, cancel func(), left time.Duration, name string, why *everhook.Error) {
	if left <= 0 {
		r.Abort(why, cancel)
		return
	}
	r.host.After(line, left, name, func() { r.Abort(why, cancel) })
}

// Abort ends the run with an error, by cancelling its line.
func (r *Run) Abort(why *everhook.Error, cancel func()) {
	r.aborted = why
	cancel()
}

// refuse ends a run whose delivery could not be judged, at a step of its own.
func (r *Run) refuse(line Line, failure *everhook.Error) error {
	trigger := &compile.Node{Node: &everhook.Node{Key: everhook.TriggerStep, Type: r.flow.Definition.Trigger.Type}}
	failure = failure.At(everhook.TriggerStep)
	r.log.fail(r.log.begin(trigger, "", line.Now()), line.Now(), failure)
	return failure
}

// list runs nodes one after the other and gives the result of the last.
func (r *Run) list(line Line, list []*compile.Node, d *data) (last any, err error) {
	for _, node := range list {
		if err := r.step(line, node, d); err != nil {
			return nil, err
		}
	}
	if n := len(list); n > 0 {
		last = expression.Load(d.nodes[list[n-1].Key])
	}
	return last, nil
}

// step runs one node. Its error ends the list.
func (r *Run) step(line Line, node *compile.Node, d *data) error {
	if err := r.countStep(line, node); err != nil {
		return err
	}
	now := line.Now()
	record := r.log.begin(node, d.position.path, now)
	outer := d.position
	d.at(r, node, record, now)
	if node.OnLine {
		r.mark(node.Key)
	}
	result, err := r.perform(&Step{run: r, line: line, node: node, data: d, record: record, outer: outer.path})
	d.leave(node.Key, outer)
	r.meter.charge(d.takeUnits())
	if err == nil && !node.Spec.Canonical {
		result.Value, err = canonicalResult(result.Value)
	}
	if err == nil {
		d.nodes[node.Key] = r.host.Keep(result.Value)
		delete(d.errors, node.Key)
		r.log.resolve(record, line.Now(), result.Value)
		return nil
	}
	delete(d.nodes, node.Key)
	if end, ok := errors.AsType[*kind.End](err); ok {
		r.log.end(record, line.Now(), end, result.Value)
		return err
	}
	failure := r.failure(err).At(node.Key)
	r.log.fail(record, line.Now(), failure)
	d.errors[node.Key] = r.host.Keep(errorValue(failure))
	if !failure.Status.Catchable() || node.OnError == "" || node.OnError == everhook.OnErrorFail {
		return failure
	}
	if node.OnError == everhook.OnErrorBranch {
		_, err := r.list(line, node.Branch(everhook.ErrorBranch), d)
		return err
	}
	return nil
}

// perform executes the kind of a step.
func (r *Run) perform(s *Step) (kind.Result, error) {
	defer s.release()
	if pure, ok := s.node.Kind.(kind.Pure); ok {
		return pure.Execute(s)
	}
	result, err := r.host.Wait(s)
	s.GoOn() // time has passed
	return result, err
}

// maxMessage bounds the message of an error that a run keeps.
const maxMessage = 4000

// failure makes an *everhook.Error of an error of a kind or the host. A cancelled line means that the run was aborted
// or cancelled, or that the branch is not needed any more.
func (r *Run) failure(err error) *everhook.Error {
	failure, cancelled := r.host.Error(err)
	switch {
	case cancelled && r.aborted != nil:
		aborted := *r.aborted
		return &aborted
	case cancelled:
		return &everhook.Error{Status: everhook.Cancelled, Type: everhook.TypeCancelled, Message: "cancelled"}
	}
	kept := *failure
	kept.Message = everhook.Shorten(kept.Message, maxMessage)
	return &kept
}

// Failure is how the run sees an error of the host.
func (r *Run) Failure(err error) *everhook.Error { return r.failure(err) }

// ending is the error that a run ends with; nil for a run that resolved.
func (r *Run) ending(err error) *everhook.Error {
	if err == nil {
		return nil
	}
	if end, ok := errors.AsType[*kind.End](err); ok {
		if end.Status == everhook.Resolved {
			return nil
		}
		return &everhook.Error{Status: end.Status, Type: end.Type, Message: everhook.Shorten(end.Error(), maxMessage),
			Node: end.Node}
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

// canonicalResult makes the result of a kind canonical.
func canonicalResult(v any) (any, error) {
	v, err := everhook.Canonical(v)
	if err != nil {
		return nil, everhook.Errorf(everhook.TypeInternal, "the result is not data: %v", err)
	}
	return v, nil
}

// resumeURL gives the URL that ends the wait of a node, for a position in that iteration of its loops.
func (r *Run) resumeURL(key, iteration string) (string, error) {
	loops, ok := r.flow.LoopsAround(key)
	switch {
	case !ok:
		return "", fmt.Errorf("no node %q waits for a call", key)
	case r.start.Resume == nil:
		return "", fmt.Errorf("this run was started without a URL that could resume it")
	}
	return r.start.Resume.URL(r.start.Delivery.RunID, key, everhook.OuterIteration(iteration, loops)), nil
}
