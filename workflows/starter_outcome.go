package workflows

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"

	"github.com/everhook/everhook"
)

// await gives the answer of a run that exists, or nil when there is none after wait.
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
	// minAttach is how long Outcome asks for an answer at least: without a wait, the answer that is there is still
	// found.
	minAttach = 500 * time.Millisecond
	// attachPause is between two attempts to attach to a run that refuses, because its worker is not ready or Temporal
	// is away.
	attachPause = 100 * time.Millisecond
)

// closedAnswer gives the answer of a run that has closed, of its close event; nil while it is open.
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
	answer := DerivedAnswer(outcome, id)
	decode(info.GetMemo().GetFields()[MemoDelivery], &answer.Delivery)
	decode(info.GetMemo().GetFields()[MemoDigest], &answer.Digest)
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
	return outcomeOf(err)
}

// outcomeOf reads the outcome from the error that a run closed with.
func outcomeOf(err error) (everhook.Outcome, error) {
	var outcome everhook.Outcome
	if failure, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		if failure.Details(&outcome) == nil && outcome.Status.Ended() {
			return outcome, nil
		}
		return everhook.Outcome{Status: everhook.Errored, Error: everhook.Errorf(everhook.TypeInternal, "%s",
			failure.Message())}, nil
	}
	if cancelled, ok := errors.AsType[*temporal.CanceledError](err); ok {
		if cancelled.Details(&outcome) == nil && outcome.Status.Ended() {
			return outcome, nil
		}
		return everhook.Outcome{Status: everhook.Cancelled}, nil
	}
	if _, ok := errors.AsType[*temporal.TerminatedError](err); ok {
		return everhook.Outcome{Status: everhook.Cancelled, Error: &everhook.Error{Status: everhook.Cancelled,
			Type: everhook.TypeCancelled, Message: "the run was terminated"}}, nil
	}
	if _, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		return everhook.Outcome{Status: everhook.Aborted, Error: &everhook.Error{Status: everhook.Aborted,
			Type: everhook.TypeTimeout, Message: "Temporal timed the run out"}}, nil
	}
	return everhook.Outcome{}, err
}

// Outcome tells how a run stands, after waiting up to wait for the answer of a sync flow. ErrNoRun: it is unknown or
// has expired.
func (s *Starter) Outcome(ctx context.Context, flow string, id everhook.RunID, sync bool,
	wait time.Duration) (everhook.Outcome, error) {
	workflowID := everhook.WorkflowID(flow, id)
	description, err := s.client.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		if _, ok := errors.AsType[*serviceerror.NotFound](err); ok {
			return everhook.Outcome{}, ErrNoRun
		}
		return everhook.Outcome{}, err
	}
	outcome := everhook.Outcome{Status: everhook.Pending}
	closed := description.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	if closed {
		if outcome, err = s.closeEvent(ctx, workflowID); err != nil {
			return everhook.Outcome{}, err
		}
		wait = startTimeout
	}
	if !sync {
		return outcome, nil
	}
	outcome.Answer = s.await(ctx, workflowID, id, max(wait, minAttach))
	if closed && outcome.Answer == nil {
		return everhook.Outcome{}, fmt.Errorf("the answer of %s is not given within %s", workflowID, startTimeout)
	}
	return outcome, nil
}
