package workflows

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/nodes/kind"
)

// maxSubflowDepth bounds the chain of calls, for flows that call themselves.
const maxSubflowDepth = 16

// subflowPauses are the pauses before a subflow is started again while its run of an earlier attempt has not ended.
var subflowPauses = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second}

// Subflow starts the run of another flow as a child workflow, and waits for it if the call says so. If the caller is
// cancelled or aborted, so is the child; the step ends after the child.
func (s *step) Subflow(ctx workflow.Context, call kind.SubflowCall) (kind.SubflowReply, error) {
	defer s.GoOn()
	id := s.calledRun(s.ID())
	if err := s.mayCall(call); err != nil {
		return kind.SubflowReply{}, err
	}
	if err := s.run.awaitSlot(ctx); err != nil {
		return kind.SubflowReply{}, err
	}
	inFlight, release := s.share(true)
	defer release()
	ctx = withEffect(ctx, s.effect())
	loaded, err := s.loadSubflow(ctx, call, id)
	if err != nil {
		return kind.SubflowReply{}, s.run.Failure(err)
	}
	if loaded.Skipped {
		s.Logf("no run: the condition `when` of the flow %s is false for this input", call.Flow)
		return kind.SubflowReply{}, nil
	}
	child := subflow{step: s, call: call, loaded: loaded, run: id, inFlight: inFlight}
	if !call.Wait {
		child.inFlight = s.run.start.InFlight
	}
	if child.descendants, err = s.run.takeDescendants(loaded.Calls); err != nil {
		return kind.SubflowReply{}, err
	}
	return child.perform(ctx)
}

// takeDescendants charges the start of a child. A child that calls flows itself gets a sixteenth of the remaining
// number, but enough for a chain of flows of the greatest length.
func (r *run) takeDescendants(calls bool) (given int, err error) {
	if r.descendants <= 0 {
		return 0, everhook.Errorf(everhook.TypeLimit,
			"the run, and the flows that it calls, have started as many runs "+
				"as they may; start fewer, or does a flow call itself?")
	}
	r.descendants--
	if calls {
		given = max(r.descendants/maxSubflowDepth, min(r.descendants, maxSubflowDepth))
		r.descendants -= given
	}
	return given, nil
}

// calledRun returns the ID of the run that the step calls. It is the same in every rerun of the caller. In a retry it
// is another one, with the same origin, so that effects keep their idempotency keys.
func (s *step) calledRun(caller everhook.RunID) everhook.RunID {
	return everhook.DerivedRunID([]byte(caller), s.Node().Key+"/"+s.Iteration())
}

func (s *step) mayCall(call kind.SubflowCall) error {
	if s.run.start.Depth >= maxSubflowDepth {
		return everhook.Errorf(everhook.TypeLimit, "%d flows call each other to here, and one more is over the "+
			"limit; does %s call itself?", maxSubflowDepth, call.Flow)
	}
	_, err := s.run.fits("the input of the subflow", call.Input)
	return err
}

// loadSubflow reads the definition by a local activity: the only time that a run reads the store. The result is
// recorded, so a replay uses the same.
func (s *step) loadSubflow(ctx workflow.Context, call kind.SubflowCall,
	id everhook.RunID) (loaded activities.LoadedSubflow, err error) {
	if err := s.run.releaseAnswer(ctx); err != nil {
		return loaded, err
	}
	s.run.events += eventsOfLocalActivity
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: activities.LoadTimeout, ScheduleToCloseTimeout: activities.LoadWithin,
		Summary: s.summary(),
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 3,
			MaximumInterval: 5 * time.Second, MaximumAttempts: activities.LoadAttempts},
	})
	caller := fmt.Sprintf("step %s of run %s of flow %s", EscapeMarkdown(s.summary()), s.ID(),
		s.run.Flow().Definition.Key)
	input := activities.LoadSubflowInput{Flow: call.Flow, Version: call.Version, Input: everhook.Value{V: call.Input},
		Run: id, Caller: caller}
	err = s.run.runLocally(ctx, &loaded, func() error {
		return workflow.ExecuteLocalActivity(ctx, activities.LoadSubflow, input).Get(ctx, &loaded)
	})
	return loaded, err
}

// subflow is one call of a loaded flow.
type subflow struct {
	step   *step
	call   kind.SubflowCall
	loaded activities.LoadedSubflow
	run    everhook.RunID
	// descendants is the number of runs that the child may start.
	descendants int
	// inFlight is Start.InFlight of the child.
	inFlight int
}

func (c *subflow) workflowID() string { return everhook.WorkflowID(c.call.Flow, c.run) }

// perform starts the child, and waits for its end if the call says so. The child has a disconnected context: stopChild
// cancels or aborts it with the caller.
func (c *subflow) perform(ctx workflow.Context) (kind.SubflowReply, error) {
	reply := kind.SubflowReply{RunID: c.run}
	c.step.Record().Subflow = c.workflowID()
	apart, cancel := workflow.NewDisconnectedContext(ctx)
	child, err := c.begin(ctx, apart)
	if err != nil || !c.call.Wait {
		return reply, err // the child goes on: cancelling apart would cancel it
	}
	defer cancel()
	c.step.run.showDetails(ctx)
	if err := workflow.Await(apart, func() bool { return child.IsReady() || ctx.Err() != nil }); err != nil {
		return reply, err
	}
	if !child.IsReady() {
		c.step.run.stopChild(apart, cancel, child, nil)
	}
	var outcome everhook.Outcome
	if err := child.Get(apart, &outcome); err != nil {
		if outcome, err = OutcomeOf(err); err != nil {
			return reply, everhook.Errorf(everhook.TypeInternal, "the end of %s cannot be read: %v", c.name(), err)
		}
	}
	if outcome.Status == everhook.Resolved {
		if outcome.Output != nil {
			reply.Output = outcome.Output.V
		}
		return reply, nil
	}
	if ctx.Err() != nil {
		return reply, ctx.Err() // the step ends as its caller does, not as the child
	}
	return reply, c.failure(outcome)
}

// begin starts the child. If the step waits for the child, the child must be new; a child of an earlier attempt of the
// caller ends soon, because that attempt has ended. A child that the step does not wait for may already be running.
func (c *subflow) begin(ctx, apart workflow.Context) (workflow.ChildWorkflowFuture, error) {
	for attempt := 0; ; attempt++ {
		start := c.start(ctx)
		if err := c.step.run.reserve(ctx, len(c.loaded.Definition)+encodedSize(start)); err != nil {
			return nil, err
		}
		c.step.run.events += eventsOfChild
		child := workflow.ExecuteChildWorkflow(workflow.WithChildOptions(apart, c.options()), RunWorkflow,
			c.loaded.Definition, start)
		err := child.GetChildWorkflowExecution().Get(apart, nil)
		running := temporal.IsWorkflowExecutionAlreadyStartedError(err)
		switch {
		case err == nil || running && !c.call.Wait:
			return child, nil
		case !running:
			return nil, everhook.Errorf(everhook.TypeUnavailable, "%s cannot be started: %v", c.name(), err)
		case attempt == len(subflowPauses):
			return nil, everhook.Errorf(everhook.TypeUnavailable, "%s runs still, since before this run was started "+
				"again; cancel it or wait for its end", c.name())
		}
		if err := c.step.Sleep(ctx, subflowPauses[attempt]); err != nil {
			return nil, err
		}
	}
}

func (c *subflow) start(ctx workflow.Context) Start {
	parent, now := c.step.run.start, workflow.Now(ctx).UTC()
	start := Start{
		Level: parent.Level, Version: c.loaded.Version, Env: c.loaded.Env, Attributes: parent.Attributes,
		Budget: parent.Budget, MaxPayload: parent.MaxPayload, Resume: c.loaded.Resume, Depth: parent.Depth + 1,
		Descendants: &c.descendants, InFlight: c.inFlight,
		Delivery: everhook.Delivery{RunID: c.run, ReceivedAt: now, Trigger: everhook.Mapping{
			"input": c.call.Input, "id": string(c.run), "receivedAt": everhook.FormatTime(now),
		}, Failure: c.loaded.Failure},
	}
	if origin := c.step.calledRun(c.step.Origin()); origin != c.run {
		start.Origin = origin
	}
	return start
}

func (c *subflow) options() workflow.ChildWorkflowOptions {
	run := c.step.run
	shown := Presentation{Flow: c.call.Flow, Title: c.loaded.Title, Version: c.loaded.Version,
		Trigger: c.loaded.Trigger, Run: c.run}
	options := workflow.ChildWorkflowOptions{
		WorkflowID: c.workflowID(), TaskQueue: TaskQueue(run.start.Level),
		WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WaitForCancellation:   true, ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		StaticSummary: shown.Summary(), StaticDetails: everhook.Shorten(c.loaded.Details, MaxDetails),
		Memo: shown.Memo(), Priority: shown.Priority(),
	}
	options.Memo[MemoCaller] = everhook.WorkflowID(run.Flow().Definition.Key, run.start.Delivery.RunID)
	if !c.call.Wait {
		options.ParentClosePolicy = enumspb.PARENT_CLOSE_POLICY_ABANDON
	}
	if run.start.Attributes {
		options.TypedSearchAttributes = shown.Attributes()
	}
	return options
}

// stopChild cancels or aborts a child with its caller. An abort is a signal with the error, because a cancellation
// cannot carry one. If the caller is cancelled while the child still runs its onFailure, the child is cancelled too.
func (r *run) stopChild(apart workflow.Context, cancel workflow.CancelFunc, child workflow.ChildWorkflowFuture,
	why *everhook.Error) {
	if r.Aborted() != nil && child.SignalChildWorkflow(apart, AbortSignal, why).Get(apart, nil) == nil &&
		workflow.Await(apart, func() bool { return child.IsReady() || r.stopped() }) == nil && child.IsReady() {
		return
	}
	cancel()
}

// name returns the name of the child for messages.
func (c *subflow) name() string {
	return "run " + string(c.run) + " of flow " + c.call.Flow
}

// failure returns the error of the step: the child's status and message, and the child's run ID.
func (c *subflow) failure(outcome everhook.Outcome) error {
	failure := &everhook.Error{Status: outcome.Status, Type: everhook.TypeSubflow, Message: c.name() + " ended " +
		string(outcome.Status)}
	if outcome.Error != nil {
		failure.Message += ": " + outcome.Error.Error()
		failure.Response = outcome.Error.Response
	}
	failure.Message = everhook.Shorten(failure.Message, maxMessage)
	return failure
}
