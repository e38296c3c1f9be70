package runs

import (
	"context"
	"errors"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/workflows"
)

// Answered is the state of a run for its caller.
type Answered struct {
	Summary
	// Answer is nil while there is none. A run of an async flow has one when it ends.
	Answer *everhook.Answer
}

// Answer returns the state of a run. It waits up to wait for the answer. everhook.ErrNoRun: the run is unknown or has
// expired.
func (s *Starter) Answer(ctx context.Context, flow string, id everhook.RunID,
	wait time.Duration) (answered Answered, err error) {
	workflowID := everhook.WorkflowID(flow, id)
	description, err := s.client.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return answered, unknownRun(err)
	}
	summary, ok := summaryOf(description.GetWorkflowExecutionInfo())
	if !ok {
		return answered, everhook.ErrNoRun
	}
	answered.Summary = summary
	if !summary.Status.Ended() && s.options.Async != nil && s.options.Async(flow) {
		return s.awaitEnd(ctx, answered, wait)
	}
	outcome, err := s.Outcome(ctx, flow, id, wait)
	if err != nil {
		return answered, err
	}
	answered.Status, answered.Answer = outcome.Status, outcome.Answer
	if outcome.Status.Ended() && outcome.Answer == nil {
		answered.Answer = new(workflows.DerivedAnswer(*outcome, id))
	}
	return answered, nil
}

// awaitEnd waits for the end of a run of an async flow.
func (s *Starter) awaitEnd(ctx context.Context, answered Answered, wait time.Duration) (Answered, error) {
	waiting, cancel := context.WithTimeout(ctx, max(wait, minAttach))
	defer cancel()
	outcome, err := s.closeEvent(waiting, everhook.WorkflowID(answered.Flow, answered.ID))
	switch {
	case err == nil:
		answered.Status, answered.Answer = outcome.Status, new(workflows.DerivedAnswer(outcome, answered.ID))
		return answered, nil
	case ctx.Err() == nil && (waiting.Err() != nil || isLate(waiting, err)):
		return answered, nil
	default:
		return answered, errors.Join(err, ctx.Err())
	}
}
