package runs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/workflows"
)

// Eraser deletes runs.
type Eraser struct {
	runs      *Operator
	namespace string
	resolve   func(context.Context, *commonpb.Payloads) (*commonpb.Payloads, error)
	count     func(context.Context, []Closed) error
}

// NewEraser makes an Eraser for the runs of a namespace. Resolve gives payloads of a history with the values that are
// kept outside of it. Count is called before executions are deleted: they can't be counted later.
func NewEraser(runs *Operator, namespace string,
	resolve func(context.Context, *commonpb.Payloads) (*commonpb.Payloads, error),
	count func(context.Context, []Closed) error) *Eraser {
	return &Eraser{runs, namespace, resolve, count}
}

// Delete removes a run that has ended with all its executions, also those that continued its loops. Its answer can no
// longer be fetched, and a duplicate of its delivery starts a new run. Large values are swept later, and runs that it
// called stay. Temporal deletes in the background. everhook.ErrNoRun: the run is unknown. *Refusal: it goes on.
func (e *Eraser) Delete(ctx context.Context, flow string, id everhook.RunID) error {
	latest, err := e.runs.Latest(ctx, flow, id)
	if err != nil {
		return err
	}
	if err := e.count(ctx, []Closed{latest}); err != nil {
		return err
	}
	workflowID := everhook.WorkflowID(flow, id)
	executions := map[string]*commonpb.WorkflowExecution{latest.Execution: {WorkflowId: workflowID,
		RunId: latest.Execution}}
	var page []byte
	for {
		response, err := e.runs.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("(WorkflowId = '%s' OR WorkflowId STARTS_WITH '%s/') AND ExecutionStatus != 'Running'",
				workflowID, workflowID), PageSize: maxPage, NextPageToken: page})
		if err != nil {
			return explained(err)
		}
		for _, info := range response.GetExecutions() {
			of := info.GetExecution()
			executions[of.GetRunId()] = of
			if earlier, ok := closedOf(info); ok {
				if err := e.count(ctx, []Closed{earlier}); err != nil {
					return err
				}
			}
		}
		if page = response.GetNextPageToken(); len(page) == 0 {
			break
		}
	}
	// The latest one goes last: as long as it is there, a deletion that was cut off can be repeated.
	last := executions[latest.Execution]
	delete(executions, latest.Execution)
	for _, run := range everhook.SortedKeys(executions) {
		if err := e.delete(ctx, executions[run]); err != nil {
			return err
		}
	}
	return e.delete(ctx, last)
}

func (e *Eraser) delete(ctx context.Context, execution *commonpb.WorkflowExecution) error {
	_, err := e.runs.client.WorkflowService().DeleteWorkflowExecution(ctx,
		&workflowservice.DeleteWorkflowExecutionRequest{Namespace: e.namespace, WorkflowExecution: execution})
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return nil
	}
	return explained(err)
}

// Match selects runs by a value of what they were started with.
type Match struct {
	// Path points into the body of the delivery, or into the whole of it ("headers.x", "query.customer").
	Path everhook.Path
	// Value is the value there, as text. A number is compared by its digits.
	Value string
}

// Matches reports whether a delivery has the value.
func (m Match) Matches(d *everhook.Delivery) bool {
	for _, root := range []any{d.Trigger["body"], d.Trigger["input"], map[string]any(d.Trigger)} {
		if found, ok := m.Path.Get(root); ok && m.equals(found) {
			return true
		}
	}
	return false
}

// equals compares a value, or one of a list.
func (m Match) equals(value any) bool {
	switch value := value.(type) {
	case nil:
		return false
	case string:
		return value == m.Value
	case []any:
		for _, element := range value {
			if m.equals(element) {
				return true
			}
		}
		return false
	case map[string]any, everhook.Mapping:
		return false
	default:
		text, err := everhook.EncodeJSON(value)
		return err == nil && string(text) == m.Value
	}
}

// erasePage is how many runs one call of Erase examines: each is read from its history.
const erasePage = 100

// Erased is what one call of Erase did.
type Erased struct {
	// Found are the runs that match, also those that go on, with those that they called.
	Found []Summary
	// Examined is how many runs were read, Unreadable how many of them could not be.
	Examined, Unreadable int
	// Next is the page of the next call; nil: all runs were examined.
	Next []byte
}

// Erase finds runs by what they were started with, and deletes those that have ended, with the runs that they called.
// Dry only finds them. Open runs are found and stay: end them, and erase again.
func (e *Eraser) Erase(ctx context.Context, match Match, dry bool, page []byte) (Erased, error) {
	response, err := e.runs.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Query: "WorkflowType = '" + workflows.RunWorkflow + "'", PageSize: erasePage, NextPageToken: page})
	if err != nil {
		return Erased{}, explained(err)
	}
	erased := Erased{Next: response.GetNextPageToken()}
	for _, info := range response.GetExecutions() {
		delivery, err := e.delivery(ctx, info)
		if ctx.Err() != nil {
			return Erased{}, ctx.Err()
		}
		erased.Examined++
		switch {
		case errors.Is(err, everhook.ErrNoRun): // deleted since, or one of those that were called
		case err != nil:
			erased.Unreadable++
		case match.Matches(delivery):
			family, err := e.family(ctx, info)
			if err != nil {
				return Erased{}, err
			}
			if erased.Found = append(erased.Found, family...); dry {
				continue
			}
			for _, run := range family {
				if err := e.erase(ctx, run); err != nil {
					return Erased{}, err
				}
			}
		}
	}
	return erased, nil
}

// erase deletes a run unless it goes on.
func (e *Eraser) erase(ctx context.Context, run Summary) error {
	if !run.Status.Ended() {
		return nil
	}
	if err := e.Delete(ctx, run.Flow, run.ID); !IsOver(err) {
		return err
	}
	return nil
}

// family returns a run and those that it called, directly and through others.
func (e *Eraser) family(ctx context.Context, info *workflowpb.WorkflowExecutionInfo) ([]Summary, error) {
	self, ok := summaryOf(info)
	if !ok {
		return nil, nil
	}
	family := []Summary{self}
	var page []byte
	for {
		response, err := e.runs.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowType = '%s' AND RootWorkflowId = '%s' AND WorkflowId != '%s'",
				workflows.RunWorkflow, everhook.WorkflowID(self.Flow, self.ID), everhook.WorkflowID(self.Flow,
					self.ID)),
			PageSize: maxPage, NextPageToken: page})
		if err != nil {
			return nil, explained(err)
		}
		for _, called := range response.GetExecutions() {
			if summary, ok := summaryOf(called); ok {
				family = append(family, summary)
			}
		}
		if page = response.GetNextPageToken(); len(page) == 0 {
			return family, nil
		}
	}
}

// delivery reads what an execution was started with.
func (e *Eraser) delivery(ctx context.Context, info *workflowpb.WorkflowExecutionInfo) (*everhook.Delivery, error) {
	events := e.runs.client.GetWorkflowHistory(ctx, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId(),
		false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !events.HasNext() {
		return nil, everhook.ErrNoRun
	}
	first, err := events.Next()
	if err != nil {
		return nil, unknownRun(err)
	}
	input := first.GetWorkflowExecutionStartedEventAttributes().GetInput()
	if e.resolve != nil {
		if input, err = e.resolve(ctx, input); err != nil {
			return nil, err
		}
	}
	var definition json.RawMessage
	var start workflows.Start
	if err := workflows.DataConverter().FromPayloads(input, &definition, &start); err != nil {
		return nil, err
	}
	return &start.Delivery, nil
}
