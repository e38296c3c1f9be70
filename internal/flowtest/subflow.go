package flowtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/workflows"
)

// subflowFields are the fields of the outcome of a subflow. Exactly one is set.
type subflowFields struct {
	// Result is the output of the called flow.
	Result *everhook.Value `json:"result"`
	// Failed is the end of a run that does not resolve.
	Failed *subflowFailure `json:"failed"`
	// Error is the message of a run that breaks.
	Error *string `json:"error"`
}

// subflowFailure is the end of a run that does not resolve: the text of its message, or a mapping with its status.
type subflowFailure struct {
	// Status is failed, rejected, error, aborted or cancelled. Default failed.
	Status everhook.Status `json:"status" enum:"failed,rejected,error,aborted,cancelled"`
	// Message is the message of the error.
	Message string `json:"message" required:"true"`
}

// Decode accepts text or a mapping.
func (f *subflowFailure) Decode(v any) error {
	if text, ok := v.(string); ok {
		v = map[string]any{"message": text}
	}
	type fields subflowFailure
	var problem error
	strict.Decode(v, (*fields)(f), "", func(pointer, message, fix string) {
		if problem == nil {
			problem = fmt.Errorf("%s %s; %s", pointer, message, fix)
		}
	})
	if f.Status == "" {
		f.Status = everhook.Failed
	}
	return problem
}

// subflowCall is the call of a subflow node, as a test expects it.
type subflowCall struct {
	// Flow is the key of the called flow, with the version if the node names one: stock or stock@3.
	Flow string `json:"flow"`
	// Input is the input of the called flow.
	Input everhook.Value `json:"input"`
}

func (p *parser) subflowOutcome(v any, pointer string) outcome {
	var fields subflowFields
	before := len(p.problems)
	strict.Decode(v, &fields, pointer, p.report)
	given := 0
	for _, is := range []bool{fields.Result != nil, fields.Failed != nil, fields.Error != nil} {
		if is {
			given++
		}
	}
	switch {
	case len(p.problems) > before:
	case given != 1:
		p.report(pointer, "an outcome is one of result, failed and error",
			"write `{ result: … }`, the output of the flow that is called, `{ failed: it is sold out }` or `{ "+
				"error: it broke }`")
	case fields.Result != nil:
		return outcome{ended: everhook.Outcome{Status: everhook.Resolved, Output: fields.Result}}
	case fields.Failed != nil:
		return outcome{ended: unresolved(fields.Failed.Status, fields.Failed.Message)}
	default:
		return outcome{ended: unresolved(everhook.Errored, *fields.Error)}
	}
	return outcome{}
}

func unresolved(status everhook.Status, message string) everhook.Outcome {
	return everhook.Outcome{Status: status, Error: &everhook.Error{Status: status, Type: everhook.TypeEnd,
		Message: message}}
}

// load records the call of a flow and returns a stand-in for it: its definition is never read.
func (e *effects) load(effect workflows.Effect, input activities.LoadSubflowInput) (activities.LoadedSubflow, error) {
	flow := input.Flow
	if input.Version > 0 {
		flow = fmt.Sprintf("%s@%d", flow, input.Version)
	}
	node := effect.Node.Key
	taken, ok := e.take(node, map[string]any{"flow": flow, "input": input.Input.V}, "a call of the flow "+flow)
	if !ok {
		return activities.LoadedSubflow{},
			activities.Fail(everhook.Errorf(everhook.TypeInternal, "the test has no outcome for %s", node), false, 0)
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.subflows[stepOf(effect)] = taken.ended
	return activities.LoadedSubflow{Definition: json.RawMessage("{}"), Version: testedVersion, Title: input.Flow,
		Trigger: "call"}, nil
}

func stepOf(effect workflows.Effect) string { return effect.Node.Key + " " + effect.Iteration }

// subflow returns the outcome of the flow that a step has loaded.
func (e *effects) subflow(effect workflows.Effect) everhook.Outcome {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return e.subflows[stepOf(effect)]
}

// ended is a child workflow that was started and has ended.
type ended struct {
	workflow.Future
	started workflow.Future
}

func (e ended) GetChildWorkflowExecution() workflow.Future { return e.started }

func (e ended) SignalChildWorkflow(workflow.Context, string, any) workflow.Future { return e.started }

// endedSubflow returns a child workflow that ends as everhook.run does.
func endedSubflow(ctx workflow.Context, outcome everhook.Outcome) workflow.ChildWorkflowFuture {
	started, start := workflow.NewFuture(ctx)
	start.SetValue(workflow.Execution{})
	future, end := workflow.NewFuture(ctx)
	if outcome.Status == everhook.Resolved {
		end.SetValue(outcome)
	} else {
		end.SetError(temporal.NewApplicationErrorWithOptions(outcome.Error.Message, string(outcome.Status),
			temporal.ApplicationErrorOptions{Details: []any{outcome}}))
	}
	return ended{future, started}
}

// startCall checks the input of a called flow as the calling node does.
func (p *parser) startCall(data everhook.Mapping, pointer string) {
	callable, ok := p.flow.Trigger.(kind.Callable)
	if !ok {
		return
	}
	problems, err := callable.CheckInput(data["input"])
	if err != nil {
		p.report(pointer+"/input", err.Error(), "call the flow with less")
	}
	for _, problem := range problems {
		p.report(pointer+"/input"+problem.Pointer, "the input does not fit the schema of the flow's trigger, so the "+
			"flow would not run: "+problem.Detail, "correct it; that calls are refused is tested by no test of the "+
			"flow that is called")
	}
}

// called returns the trigger value of a flow: the fields that the test gives and, for a called flow, the fields that
// every call has.
func (s *Suite) called(trigger everhook.Mapping, now time.Time) everhook.Mapping {
	if _, ok := s.flow.Trigger.(kind.Callable); !ok {
		return trigger
	}
	whole := everhook.Mapping{"input": nil, "id": string(runID), "receivedAt": everhook.FormatTime(now.UTC())}
	maps.Copy(whole, trigger)
	return whole
}
