// Package runs is the client side of runs: it starts, finds, shows, resumes, retries and cancels them. It is the only
// user of the Temporal client besides the wiring of a process.
package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/workflows"
)

// Operator lists, shows and cancels runs.
type Operator struct {
	client     client.Client
	registry   *kind.Registry
	attributes bool
}

// NewOperator makes an Operator for runs with the kinds of a registry. Attributes reports whether the namespace has the
// search attributes. Without them, filtering a list by flow is slow, and filtering by some statuses is not possible.
func NewOperator(c client.Client, registry *kind.Registry, attributes bool) *Operator {
	return &Operator{client: c, registry: registry, attributes: attributes}
}

// Summary is one execution of a run, as lists show it. A run that failed and was started again by a duplicate delivery
// has several executions.
type Summary struct {
	ID      everhook.RunID  `json:"id"`
	Flow    string          `json:"flow"`
	Title   string          `json:"title"`
	Version int             `json:"version"`
	Status  everhook.Status `json:"status"`
	Started time.Time       `json:"started"`
	Ended   *time.Time      `json:"ended,omitempty"`
	// RetryOf is the run that this run retries; empty for a run that a delivery started. RetryFrom is the node at which
	// the retry continued; empty if it began at the beginning.
	RetryOf everhook.RunID `json:"retryOf,omitempty"`
	// ReplayOf is the delivery on record that the run repeats; empty for none.
	ReplayOf  string `json:"replayOf,omitempty"`
	RetryFrom string `json:"retryFrom,omitempty"`
	// Caller is the run that called this subflow, as "<flow key>/<run ID>"; empty for other runs.
	Caller string `json:"caller,omitempty"`
	// Actor is the ID of the person or program that started the run by the admin API; empty for other runs.
	Actor string `json:"actor,omitempty"`
	// Execution is Temporal's run ID. Addresses of its UI contain it.
	Execution string `json:"execution"`
}

// Detail is one execution of a run with its steps.
type Detail struct {
	Summary
	// Events is the length of the history.
	Events int64 `json:"events"`
	// Outcome is nil if no worker answered in time.
	Outcome *everhook.Outcome `json:"outcome,omitempty"`
	// Steps are the steps that the log kept, including those of loops that continued in other executions. Total counts
	// all steps. Note says which steps are missing, and why.
	Steps []everhook.Step `json:"steps"`
	Total int             `json:"total"`
	Note  string          `json:"note,omitempty"`
	// At are the numbers of the steps that are running, the latest first. Steps that only contain other steps, such as
	// loops, are left out.
	At []int `json:"at,omitempty"`
	// Waiting is set if the run is not started yet, because its delivery waits in the inbox. Then its status is queued,
	// or error for a dead letter.
	Waiting *Waiting `json:"waiting,omitempty"`
	// Others are the other executions of the run, the latest first.
	Others []Summary `json:"others,omitempty"`
}

// Waiting is an accepted delivery whose run is not started yet.
type Waiting struct {
	// Delivery is its number in the inbox.
	Delivery int64     `json:"delivery"`
	Since    time.Time `json:"since"`
	// Reason says why a dead letter cannot be started; empty for a delivery that will be started.
	Reason string `json:"reason,omitempty"`
}

// Running gives the steps whose numbers are in At; none if the run has ended.
func (d *Detail) Running() []everhook.Step {
	var running []everhook.Step
	if d.Status.Ended() {
		return nil
	}
	for _, number := range d.At {
		for _, step := range d.Steps {
			if step.Number == number {
				running = append(running, step)
			}
		}
	}
	return running
}

// at gives the numbers of the steps that are running, the latest first, without those that contain other steps.
func (r *Operator) at(steps []everhook.Step) []int {
	var at []int
	for _, step := range slices.Backward(steps) {
		if step.Status == everhook.Pending && !r.hasBranches(step.Kind) {
			at = append(at, step.Number)
		}
	}
	return at
}

// hasBranches reports whether steps of a kind last as long as the steps in their branches.
func (r *Operator) hasBranches(name string) bool {
	config, ok := r.registry.Kind(name)
	return ok && (len(config.Spec().Branches) > 0 || config.Spec().NamedBranches)
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
	decode(fields[workflows.MemoReplayOf], &summary.ReplayOf)
	decode(fields[workflows.MemoRetryFrom], &summary.RetryFrom)
	decode(fields[workflows.MemoCaller], &summary.Caller)
	decode(fields[workflows.MemoActor], &summary.Actor)
	if ended := info.GetCloseTime(); ended != nil {
		at := ended.AsTime()
		summary.Ended = &at
	}
	return summary, true
}

// decode leaves the target unchanged if there is no payload.
func decode(payload *commonpb.Payload, target any) {
	if payload != nil {
		_ = converter.GetDefaultDataConverter().FromPayload(payload, target)
	}
}

// statusOf reads the status of a run from a list entry. Without search attributes, all statuses of runs that did not
// resolve are Failed.
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

// Bounds of reading a run.
const (
	// queryTimeout bounds one query. It is longer than five seconds: for that long, Temporal keeps a query for the
	// worker that last had the run, even if that worker has died.
	queryTimeout = 10 * time.Second
	// ShowTimeout bounds Show: the loops of one run can be in many executions. Steps that were not read by then are
	// reported in Detail.Note.
	ShowTimeout = 20 * time.Second
	// maxOthers bounds Detail.Others.
	maxOthers = 10
)

// Show returns one execution of a run with its steps; an empty execution means the latest one. everhook.ErrNoRun: the
// run is unknown or has expired.
func (r *Operator) Show(ctx context.Context, flow string, id everhook.RunID, execution string) (*Detail, error) {
	workflowID := everhook.WorkflowID(flow, id)
	description, err := r.client.DescribeWorkflowExecution(ctx, workflowID, execution)
	if err != nil {
		return nil, unknownRun(err)
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
	detail.Others = r.others(ctx, workflowID, detail.Execution)
	if isStranded(info) && !detail.Status.Ended() {
		detail.Note = "no worker executes this run, because a build from before the first release started it; cancel " +
			"it, and retry it"
		return detail, nil
	}
	switch err := r.fill(ctx, detail, workflowID, retriesOf(description)); {
	case err == nil:
	case isLate(ctx, err):
		detail.Note = "the steps could not be read in time; look again, and check that a worker is running"
	default:
		detail.Note = fmt.Sprintf("the steps could not be read: %v", err)
	}
	return detail, nil
}

// others lists the other executions of a run. They are not worth an error: the page of the run is complete without.
func (r *Operator) others(ctx context.Context, workflowID, execution string) []Summary {
	response, err := r.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query:    fmt.Sprintf("WorkflowId = '%s' AND WorkflowType = '%s'", workflowID, workflows.RunWorkflow),
		PageSize: maxOthers + 1})
	if err != nil {
		return nil
	}
	var others []Summary
	for _, info := range response.GetExecutions() {
		if summary, ok := summaryOf(info); ok && summary.Execution != execution {
			others = append(others, summary)
		}
	}
	slices.SortFunc(others, func(a, b Summary) int {
		return cmp.Or(b.Started.Compare(a.Started), cmp.Compare(a.Execution, b.Execution))
	})
	return others[:min(len(others), maxOthers)]
}

// fill reads the outcome first: the steps can be in many executions, and take long.
func (r *Operator) fill(ctx context.Context, detail *Detail, workflowID string,
	retries map[int]*everhook.Retrying) error {
	execution := everhook.Execution{WorkflowID: workflowID, RunID: detail.Execution}
	var outcome everhook.Outcome
	if err := r.ask(ctx, execution, &outcome, workflows.OutcomeQuery); err != nil {
		return err
	}
	detail.Outcome = &outcome
	if outcome.Status.Ended() && detail.Status.Ended() {
		detail.Status = outcome.Status
	}
	log := stepLog{operator: r, total: &detail.Total}
	if err := log.read(ctx, execution, retries); err != nil {
		return err
	}
	detail.Steps, detail.Note = log.merged(), log.gap()
	if !detail.Status.Ended() {
		detail.At = r.at(detail.Steps)
	}
	return nil
}

// isLate reports whether an error means that an answer took too long.
func isLate(ctx context.Context, err error) bool {
	_, timedOut := errors.AsType[*serviceerror.DeadlineExceeded](err)
	return timedOut || ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded)
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

// explained says what an error of Temporal means to an operator. Other errors stay unchanged.
func explained(err error) error {
	_, late := errors.AsType[*serviceerror.DeadlineExceeded](err)
	_, away := errors.AsType[*serviceerror.Unavailable](err)
	switch {
	case late || errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("no answer from Temporal in time; /readyz and the log of the server say more (%w)", err)
	case away:
		return fmt.Errorf("no answer from Temporal; /readyz and the log of the server say more (%w)", err)
	default:
		return err
	}
}

// unknownRun returns everhook.ErrNoRun for Temporal's error of an unknown execution, and other errors explained.
func unknownRun(err error) error {
	if _, ok := errors.AsType[*serviceerror.NotFound](err); ok {
		return everhook.ErrNoRun
	}
	return explained(err)
}
