package runs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

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
	if isStranded(info) {
		return unknownRun(r.client.TerminateWorkflow(ctx, workflowID, "", "cancelled: no worker executes runs of its "+
			"engine level"))
	}
	err = r.client.CancelWorkflow(ctx, workflowID, "")
	if _, ok := errors.AsType[*serviceerror.CancellationAlreadyRequested](err); ok {
		return nil
	}
	return unknownRun(err)
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
