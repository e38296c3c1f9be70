package runs

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/workflows"
)

// Closed is an execution of a run that has ended.
type Closed struct {
	Summary
	// At is when it ended.
	At time.Time
	// Root is the flow of the run that this one was called for, directly or through others; its own flow if a delivery
	// started it.
	Root string
	// Keyed is set if its delivery had a dedupe key: while Temporal has the run, duplicates get its answer.
	Keyed bool
}

// closedStatuses are Temporal's statuses of closed executions. Usual ones are those of runs that were left alone.
var (
	usualStatuses = []enumspb.WorkflowExecutionStatus{enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED,
		enumspb.WORKFLOW_EXECUTION_STATUS_FAILED}
	otherStatuses = []enumspb.WorkflowExecutionStatus{enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED,
		enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT}
)

// ClosedSince visits the executions that ended since a time, a page at a time. Usual is set to leave out those that
// were cancelled or terminated or had a timeout. Lists lag: an execution may appear after others that ended later.
func (r *Operator) ClosedSince(ctx context.Context, since time.Time, usual bool,
	visit func([]Closed) error) error {
	statuses := usualStatuses
	if !usual {
		statuses = append(statuses[:len(statuses):len(statuses)], otherStatuses...)
	}
	for _, status := range statuses {
		// The list is ordered by the time of the end. A condition on that time would make an embedded server read to
		// the end of the list.
		query := fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = '%s'", workflows.RunWorkflow, status)
		if err := r.closed(ctx, query, since, visit); err != nil {
			return err
		}
	}
	return nil
}

// closedPage is how many executions are read at a time.
const closedPage = 200

// closed visits the executions of a query until one ended before the time.
func (r *Operator) closed(ctx context.Context, query string, since time.Time, visit func([]Closed) error) error {
	var page []byte
	for {
		response, err := r.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query,
			PageSize: closedPage, NextPageToken: page})
		if err != nil {
			return explained(err)
		}
		found := make([]Closed, 0, len(response.GetExecutions()))
		reached := false
		for _, info := range response.GetExecutions() {
			run, ok := closedOf(info)
			if reached = ok && run.At.Before(since); reached {
				break
			}
			if ok {
				found = append(found, run)
			}
		}
		if len(found) > 0 {
			if err := visit(found); err != nil {
				return err
			}
		}
		if page = response.GetNextPageToken(); reached || len(page) == 0 {
			return nil
		}
	}
}

func closedOf(info *workflowpb.WorkflowExecutionInfo) (Closed, bool) {
	summary, ok := summaryOf(info)
	if !ok || summary.Ended == nil {
		return Closed{}, false
	}
	_, keyed := info.GetMemo().GetFields()[workflows.MemoKey]
	root, _, ok := everhook.ParseWorkflowID(info.GetRootExecution().GetWorkflowId())
	if !ok {
		root = summary.Flow
	}
	return Closed{Summary: summary, At: *summary.Ended, Root: root, Keyed: keyed}, true
}

// ClosedOf visits the executions of a flow that ended with a status between two times.
func (r *Operator) ClosedOf(ctx context.Context, flow string, status everhook.Status, since, before time.Time,
	visit func([]Closed) error) error {
	query, err := r.query(Filter{Flow: flow, Status: status})
	if err != nil {
		return err
	}
	query += fmt.Sprintf(" AND CloseTime < '%s'", everhook.FormatTime(before.UTC()))
	return r.closed(ctx, query, since, visit)
}

// IsOver reports whether a deletion left nothing to delete: it succeeded, the run is gone, or was started again.
func IsOver(err error) bool {
	_, goesOn := errors.AsType[*Refusal](err)
	return err == nil || goesOn || errors.Is(err, everhook.ErrNoRun)
}

// Exists reports whether Temporal has a run.
func (r *Operator) Exists(ctx context.Context, flow string, id everhook.RunID) (bool, error) {
	_, err := r.client.DescribeWorkflowExecution(ctx, everhook.WorkflowID(flow, id), "")
	if err = unknownRun(err); errors.Is(err, everhook.ErrNoRun) {
		return false, nil
	}
	return err == nil, err
}

// Latest returns the latest execution of a run. everhook.ErrNoRun: the run is unknown or has expired. *Refusal: it goes
// on.
func (r *Operator) Latest(ctx context.Context, flow string, id everhook.RunID) (Closed, error) {
	description, err := r.client.DescribeWorkflowExecution(ctx, everhook.WorkflowID(flow, id), "")
	if err != nil {
		return Closed{}, unknownRun(err)
	}
	run, ok := closedOf(description.GetWorkflowExecutionInfo())
	if !ok {
		return Closed{}, Refusef("the run still goes on; cancel it first, or wait until it has ended")
	}
	return run, nil
}

// EndOf returns how an execution of a run ended. everhook.ErrNoRun: Temporal no longer has it.
func (r *Operator) EndOf(ctx context.Context, flow string, id everhook.RunID,
	execution string) (outcome everhook.Outcome, err error) {
	if err = r.client.GetWorkflow(ctx, everhook.WorkflowID(flow, id), execution).Get(ctx, &outcome); err == nil {
		return outcome, nil
	}
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return outcome, everhook.ErrNoRun
	}
	if ctx.Err() != nil {
		return outcome, err
	}
	return workflows.OutcomeOf(err)
}
