package runs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/sync/errgroup"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/workflows"
)

// Refusal is the reason why an action on a run is not possible, and what to do instead. Nothing was changed.
type Refusal struct{ message string }

// Refusef makes a Refusal.
func Refusef(format string, args ...any) *Refusal { return &Refusal{fmt.Sprintf(format, args...)} }

func (r *Refusal) Error() string { return r.message }

// Cancel asks a run to end with status cancelled. The run ends as soon as its current step has stopped. A run that no
// worker of this release executes is terminated. everhook.ErrNoRun: the run is unknown or has expired. *Refusal: it
// has ended.
func (r *Operator) Cancel(ctx context.Context, flow string, id everhook.RunID) error {
	workflowID := everhook.WorkflowID(flow, id)
	// Temporal reports success for the cancellation of a run that has ended, so look first.
	description, err := r.client.DescribeWorkflowExecution(ctx, workflowID, "")
	if err != nil {
		return unknownRun(err)
	}
	info := description.GetWorkflowExecutionInfo()
	if info.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return Refusef("the run has ended already, as %s", statusOf(info))
	}
	_, err = r.requestEnd(ctx, info)
	return unknownRun(err)
}

// requestEnd asks an open run to end. It reports false if that was asked before.
func (r *Operator) requestEnd(ctx context.Context, info *workflowpb.WorkflowExecutionInfo) (asked bool, err error) {
	workflowID := info.GetExecution().GetWorkflowId()
	if isStranded(info) {
		return true, r.client.TerminateWorkflow(ctx, workflowID, "", "cancelled: no worker executes runs of its "+
			"engine level")
	}
	err = r.client.CancelWorkflow(ctx, workflowID, "")
	if _, ok := errors.AsType[*serviceerror.CancellationAlreadyRequested](err); ok {
		return false, nil
	}
	return err == nil, err
}

// requestEndOnce is requestEnd for a run that a list has as open. Lists lag, and Temporal reports success for every
// repetition, so it looks first.
func (r *Operator) requestEndOnce(ctx context.Context, info *workflowpb.WorkflowExecutionInfo) (asked bool, err error) {
	execution := info.GetExecution()
	now, err := r.client.DescribeWorkflowExecution(ctx, execution.GetWorkflowId(), execution.GetRunId())
	if err != nil {
		return false, err
	}
	if now.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING ||
		now.GetWorkflowExtendedInfo().GetCancelRequested() {
		return false, nil
	}
	return r.requestEnd(ctx, info)
}

// Numbers of CancelFlow.
const (
	// maxCancelled is how many runs one call asks to end.
	maxCancelled = 1000
	// cancelledAtOnce is how many of them at the same time.
	cancelledAtOnce = 8
)

// CancelFlow asks open runs of a flow to end, also those that other flows called: at most 1,000, and as many as it can
// in the time of ctx. It returns how many were asked that had not been asked before. Call it until it returns 0: runs
// that start in the meantime are asked then.
func (r *Operator) CancelFlow(ctx context.Context, flow string) (asked int, err error) {
	query, err := r.query(Filter{Flow: flow, Status: everhook.Pending})
	if err != nil {
		return 0, err
	}
	var page []byte
	for {
		response, err := r.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query,
			PageSize: maxPage, NextPageToken: page})
		if err != nil {
			return asked, err
		}
		more, err := r.requestEnds(ctx, response.GetExecutions(), maxCancelled-asked)
		asked += more
		if page = response.GetNextPageToken(); err != nil || len(page) == 0 || asked >= maxCancelled {
			return asked, err
		}
	}
}

// requestEnds asks listed runs to end, until most were asked.
func (r *Operator) requestEnds(ctx context.Context, listed []*workflowpb.WorkflowExecutionInfo,
	most int) (asked int, err error) {
	var count atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cancelledAtOnce)
	for _, info := range listed {
		if count.Load() >= int64(most) || ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			ok, err := r.requestEndOnce(ctx, info)
			if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
				return nil // it has ended
			}
			if ok {
				count.Add(1)
			}
			return err
		})
	}
	err = group.Wait()
	return int(count.Load()), err
}

// strandedQueues are the task queues of the engine levels before the first release. No worker polls them.
func strandedQueues() []string {
	var queues []string
	for level := 1; level < workflows.FirstLevel; level++ {
		queues = append(queues, workflows.TaskQueue(level))
	}
	return queues
}

func isStranded(info *workflowpb.WorkflowExecutionInfo) bool {
	for _, queue := range strandedQueues() {
		if info.GetTaskQueue() == queue {
			return true
		}
	}
	return false
}

// Stranded returns open runs that were started by builds from before the first release, at most limit, and how many
// there are. No worker of this release executes them.
func (r *Operator) Stranded(ctx context.Context, limit int) (runs []Summary, total int64, err error) {
	terms := make([]string, 0, workflows.FirstLevel)
	for _, queue := range strandedQueues() {
		terms = append(terms, fmt.Sprintf("TaskQueue = '%s'", queue))
	}
	if len(terms) == 0 {
		return nil, 0, nil
	}
	query := fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus = 'Running' AND (%s)", workflows.RunWorkflow,
		strings.Join(terms, " OR "))
	count, err := r.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	if err != nil || count.GetCount() == 0 {
		return nil, 0, err
	}
	response, err := r.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query,
		PageSize: int32(limit)})
	if err != nil {
		return nil, 0, err
	}
	for _, info := range response.GetExecutions() {
		if summary, ok := summaryOf(info); ok {
			runs = append(runs, summary)
		}
	}
	return runs, count.GetCount(), nil
}
