package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// Operator lists, shows and cancels runs.
type Operator struct {
	client     client.Client
	attributes bool
}

// NewOperator makes one. Attributes says that the namespace has the search attributes; without them lists can be
// filtered by flow only slowly.
func NewOperator(c client.Client, attributes bool) *Operator {
	return &Operator{client: c, attributes: attributes}
}

// Summary is one line of a list of runs.
type Summary struct {
	ID      everhook.RunID  `json:"id"`
	Flow    string          `json:"flow"`
	Title   string          `json:"title"`
	Version int             `json:"version"`
	Status  everhook.Status `json:"status"`
	Started time.Time       `json:"started"`
	Ended   *time.Time      `json:"ended,omitempty"`
	// RetryOf is the run that this one is a retry of; empty for one that a delivery started. RetryFrom is the node at
	// which it went on; empty for one that began at the beginning.
	RetryOf   everhook.RunID `json:"retryOf,omitempty"`
	RetryFrom string         `json:"retryFrom,omitempty"`
	// Caller is the run that called this one, a subflow, as "<flow key>/<run ID>"; empty for others.
	Caller string `json:"caller,omitempty"`
	// Execution is Temporal's own run ID, which its UI's addresses have.
	Execution string `json:"execution"`
}

// Detail is one run with its steps.
type Detail struct {
	Summary
	// Events is the length of the history.
	Events int64 `json:"events"`
	// Outcome is how it stands or ended; nil when no worker answered in time.
	Outcome *everhook.Outcome `json:"outcome,omitempty"`
	// Steps are those that the step log kept, those of loops that other executions went on with included; Total counts
	// all. Note says which are missing and why.
	Steps []everhook.Step `json:"steps"`
	Total int             `json:"total"`
	Note  string          `json:"note,omitempty"`
}

// around are the kinds of steps that go on for as long as others below them.
var around = map[string]bool{
	(*nodes.Condition)(nil).Spec().Kind: true, (*nodes.MultiConditions)(nil).Spec().Kind: true,
	(*nodes.Loop)(nil).Spec().Kind: true, (*nodes.Parallel)(nil).Spec().Kind: true,
}

// At are the steps that a run is in, the latest first, without those that only stand around others.
func (d *Detail) At() []everhook.Step {
	var at []everhook.Step
	for _, step := range slices.Backward(d.Steps) {
		if step.Status == everhook.Pending && !around[step.Kind] && !d.Status.Ended() {
			at = append(at, step)
		}
	}
	return at
}

// Filter selects runs. Empty fields select all.
type Filter struct {
	Flow   string
	Status everhook.Status
	// Ended leaves out those that go on.
	Ended bool
	// Limit is how many are listed. Default 20, at most 1,000.
	Limit int
	// Page is where the page before ended.
	Page []byte
}

// maxRunPage bounds one page of a list.
const maxRunPage = 1000

// List gives runs and where the next page begins (nil: there is none): those that go on, the latest first, and then the
// others, of which the last to end is the first. Temporal has no other order. A run appears within a second of its
// start.
func (r *Operator) List(ctx context.Context, filter Filter) ([]Summary, []byte, error) {
	query, err := r.query(filter)
	if err != nil {
		return nil, nil, err
	}
	limit := filter.Limit
	if limit <= 0 {
		limit = 20
	}
	response, err := r.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query,
		PageSize: int32(min(limit, maxRunPage)), NextPageToken: filter.Page})
	if err != nil {
		return nil, nil, err
	}
	runs := make([]Summary, 0, len(response.GetExecutions()))
	for _, info := range response.GetExecutions() {
		if summary, ok := summaryOf(info); ok {
			runs = append(runs, summary)
		}
	}
	return runs, response.GetNextPageToken(), nil
}

func (r *Operator) query(filter Filter) (string, error) {
	terms := []string{"WorkflowType = '" + workflows.RunWorkflow + "'"}
	if filter.Flow != "" {
		if !everhook.IsFlowKey(filter.Flow) {
			return "", fmt.Errorf("%q is not a flow key", filter.Flow)
		}
		if r.attributes {
			terms = append(terms, fmt.Sprintf("%s = '%s'", workflows.AttributeFlow.GetName(), filter.Flow))
		} else {
			terms = append(terms, fmt.Sprintf("WorkflowId STARTS_WITH '%s/'", filter.Flow))
		}
	}
	if filter.Ended {
		terms = append(terms, "ExecutionStatus != 'Running'")
	}
	switch filter.Status {
	case "":
	case everhook.Pending:
		terms = append(terms, "ExecutionStatus = 'Running'")
	case everhook.Resolved:
		terms = append(terms, "ExecutionStatus = 'Completed'")
	case everhook.Cancelled:
		terms = append(terms, "(ExecutionStatus = 'Canceled' OR ExecutionStatus = 'Terminated')")
	case everhook.Failed, everhook.Errored, everhook.Aborted, everhook.Rejected:
		if !r.attributes {
			return "", fmt.Errorf("runs cannot be listed by status %q: the Temporal namespace lacks the search "+
				"attributes of Everhook", filter.Status)
		}
		terms = append(terms, fmt.Sprintf("%s = '%s'", workflows.AttributeStatus.GetName(), filter.Status))
	default:
		return "", fmt.Errorf("runs cannot be listed by status %q", filter.Status)
	}
	return strings.Join(terms, " AND "), nil
}

func summaryOf(info *workflowpb.WorkflowExecutionInfo) (Summary, bool) {
	flow, id, ok := everhook.ParseWorkflowID(info.GetExecution().GetWorkflowId())
	if !ok {
		return Summary{}, false
	}
	summary := Summary{ID: id, Flow: flow, Title: flow, Status: statusOf(info), Started: info.GetStartTime().AsTime(),
		Execution: info.GetExecution().GetRunId()}
	fields := info.GetMemo().GetFields()
	decode(fields[workflows.MemoTitle], &summary.Title)
	decode(fields[workflows.MemoVersion], &summary.Version)
	decode(fields[workflows.MemoRetryOf], &summary.RetryOf)
	decode(fields[workflows.MemoRetryFrom], &summary.RetryFrom)
	decode(fields[workflows.MemoCaller], &summary.Caller)
	if ended := info.GetCloseTime(); ended != nil {
		at := ended.AsTime()
		summary.Ended = &at
	}
	return summary, true
}

// decode leaves the target as it is when there is nothing to decode.
func decode(payload *commonpb.Payload, target any) {
	if payload != nil {
		_ = converter.GetDefaultDataConverter().FromPayload(payload, target)
	}
}

// statusOf reads a run's status as far as the list tells it.
func statusOf(info *workflowpb.WorkflowExecutionInfo) everhook.Status {
	switch info.GetStatus() {
	case enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:
		return everhook.Resolved
	case enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return everhook.Cancelled
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return everhook.Aborted
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		var text string
		decode(info.GetSearchAttributes().GetIndexedFields()[workflows.AttributeStatus.GetName()], &text)
		if status, err := everhook.ParseStatus(text); err == nil {
			return status
		}
		return everhook.Failed
	default:
		return everhook.Pending
	}
}

// Find tells to which flow a run belongs; without search attributes only the given ones are tried. everhook.ErrNoRun:
// to none, or it has expired.
func (r *Operator) Find(ctx context.Context, flows []string, id everhook.RunID) (string, error) {
	// Lists lag behind, and without the search attribute they do not know: then the flows are asked.
	listed, listErr := r.listed(ctx, id)
	if listed != "" {
		return listed, nil
	}
	for _, flow := range flows {
		_, err := r.client.DescribeWorkflowExecution(ctx, everhook.WorkflowID(flow, id), "")
		if err == nil {
			return flow, nil
		}
		if _, ok := errors.AsType[*serviceerror.NotFound](err); !ok {
			return "", err
		}
	}
	return "", cmp.Or(listErr, everhook.ErrNoRun)
}

// listed gives the flow of a run that has the search attribute; empty for one that is not listed.
func (r *Operator) listed(ctx context.Context, id everhook.RunID) (string, error) {
	if !r.attributes {
		return "", nil
	}
	query := fmt.Sprintf("%s = '%s' AND WorkflowType = '%s'", workflows.AttributeRun.GetName(), id,
		workflows.RunWorkflow)
	response, err := r.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query,
		PageSize: 1})
	for _, info := range response.GetExecutions() {
		if flow, _, ok := everhook.ParseWorkflowID(info.GetExecution().GetWorkflowId()); ok {
			return flow, nil
		}
	}
	return "", err
}

// Times of reading a run.
const (
	// queryTimeout bounds what a page waits for a worker to answer. It is longer than the five seconds for which
	// Temporal keeps a question for a worker that had the run and has just died, before it asks another.
	queryTimeout = 10 * time.Second
	// ShowTimeout is how long Show may ask for the steps of a run whose loops are in many executions. What is not told
	// then is in the note.
	ShowTimeout = 20 * time.Second
)

// Show gives one run with its steps. everhook.ErrNoRun: it is unknown or has expired.
func (r *Operator) Show(ctx context.Context, flow string, id everhook.RunID) (*Detail, error) {
	workflowID := everhook.WorkflowID(flow, id)
	description, err := r.client.DescribeWorkflowExecution(ctx, workflowID, "")
	if _, ok := errors.AsType[*serviceerror.NotFound](err); ok {
		return nil, everhook.ErrNoRun
	}
	if err != nil {
		return nil, err
	}
	info := description.GetWorkflowExecutionInfo()
	summary, ok := summaryOf(info)
	if !ok {
		return nil, everhook.ErrNoRun
	}
	detail := &Detail{Summary: summary, Events: info.GetHistoryLength(), Steps: []everhook.Step{}}
	if info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING &&
		description.GetPendingWorkflowTask().GetAttempt() == 1 && info.GetHistoryLength() <= 2 {
		detail.Status = everhook.Queued
	}
	ctx, cancel := context.WithTimeout(ctx, ShowTimeout)
	defer cancel()
	switch err := r.fill(ctx, detail, workflowID); {
	case err == nil:
	case late(ctx, err):
		detail.Note = "no worker told its steps in time; look again, and see whether one runs"
	default:
		detail.Note = fmt.Sprintf("no worker told its steps: %v", err)
	}
	return detail, nil
}

// fill takes the outcome before the steps, which can be in many executions.
func (r *Operator) fill(ctx context.Context, detail *Detail, workflowID string) error {
	execution := everhook.Execution{WorkflowID: workflowID, RunID: detail.Execution}
	var outcome everhook.Outcome
	if err := r.ask(ctx, execution, &outcome, workflows.OutcomeQuery); err != nil {
		return err
	}
	detail.Outcome = &outcome
	if outcome.Status.Ended() && detail.Status.Ended() {
		detail.Status = outcome.Status
	}
	log := runLog{runs: r, total: &detail.Total}
	if err := log.read(ctx, execution); err != nil {
		return err
	}
	detail.Steps, detail.Note = log.merged(), log.gap()
	return nil
}

// late tells whether an answer is missing because it took too long.
func late(ctx context.Context, err error) bool {
	_, tooLate := errors.AsType[*serviceerror.DeadlineExceeded](err)
	return tooLate || ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)
}

func (r *Operator) ask(ctx context.Context, execution everhook.Execution, result any, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	answer, err := r.client.QueryWorkflow(ctx, execution.WorkflowID, execution.RunID, query, args...)
	if err != nil {
		return err
	}
	return answer.Get(result)
}
