package runs

import (
	"context"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/workflows"
)

// await returns the answer of a run that exists, or nil if there is none after wait.
func (s *Starter) await(ctx context.Context, workflowID string, id everhook.RunID,
	wait time.Duration) *everhook.Answer {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	for {
		handle, err := s.client.UpdateWorkflow(ctx, answerUpdate(workflowID))
		if err == nil {
			var answer everhook.Answer
			if err = handle.Get(ctx, &answer); err == nil {
				return &answer
			}
		}
		if answer := s.closedAnswer(ctx, workflowID, id); answer != nil {
			return answer
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(attachPause):
		}
	}
}

const (
	// minAttach is the shortest wait of Outcome for an answer, so that an existing answer is found even without a wait.
	minAttach = 500 * time.Millisecond
	// attachPause is the pause before another attempt to attach to a run that refuses, because its worker is not ready
	// or Temporal is unavailable.
	attachPause = 100 * time.Millisecond
)

// closedAnswer returns the answer of a closed run, from its close event; nil while it is open.
func (s *Starter) closedAnswer(ctx context.Context, workflowID string, id everhook.RunID) *everhook.Answer {
	description, err := s.client.DescribeWorkflowExecution(ctx, workflowID, "")
	info := description.GetWorkflowExecutionInfo()
	if err != nil || info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return nil
	}
	outcome, err := s.closeEvent(ctx, workflowID)
	if err != nil {
		return nil
	}
	answer := workflows.DerivedAnswer(outcome, id)
	decode(info.GetMemo().GetFields()[workflows.MemoDelivery], &answer.Delivery)
	decode(info.GetMemo().GetFields()[workflows.MemoDigest], &answer.Digest)
	return &answer
}

// closeEvent reads how a closed run ended.
func (s *Starter) closeEvent(ctx context.Context, workflowID string) (everhook.Outcome, error) {
	var outcome everhook.Outcome
	err := s.client.GetWorkflow(ctx, workflowID, "").Get(ctx, &outcome)
	if err == nil {
		return outcome, nil
	}
	if ctx.Err() != nil {
		return everhook.Outcome{}, err
	}
	return workflows.OutcomeOf(err)
}

// Outcome returns the state of a run. For a sync flow it waits up to wait for the answer; of an async flow it returns
// the status alone. everhook.ErrNoRun: the run is unknown or has expired.
func (s *Starter) Outcome(ctx context.Context, flow string, id everhook.RunID,
	wait time.Duration) (*everhook.Outcome, error) {
	workflowID := everhook.WorkflowID(flow, id)
	description, err := s.client.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return nil, unknownRun(err)
	}
	outcome := everhook.Outcome{Status: everhook.Pending}
	closed := description.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	if closed {
		if outcome, err = s.closeEvent(ctx, workflowID); err != nil {
			return nil, err
		}
		wait = startTimeout
	}
	if s.options.Async != nil && s.options.Async(flow) {
		return &outcome, nil
	}
	outcome.Answer = s.await(ctx, workflowID, id, max(wait, minAttach))
	if closed && outcome.Answer == nil {
		return nil, fmt.Errorf("the answer of %s was not available within %s", workflowID, startTimeout)
	}
	return &outcome, nil
}
