package flowgen

import (
	"cmp"
	"maps"
	"slices"

	"github.com/everhook/everhook"
)

// Step is the part of a step that is equal in every execution of a comparable flow.
type Step struct {
	Node, Iteration string
	Status          everhook.Status
	// Result is set for kinds whose results do not depend on the clock.
	Result any
	// ErrorType is empty for resolved steps.
	ErrorType string
}

// CanonicalSteps returns the steps of a comparable flow in an order that two executions share: sorted by iteration and
// node. Steps of parallel branches begin in any order.
func CanonicalSteps(steps []everhook.Step) []Step {
	list := make([]Step, len(steps))
	for i, step := range steps {
		list[i] = Step{Node: step.Node, Iteration: step.Iteration, Status: step.Status}
		if step.Error != nil {
			list[i].ErrorType = step.Error.Type
		}
		list[i].Result = resultOf(step)
	}
	slices.SortStableFunc(list, func(a, b Step) int {
		return cmp.Or(cmp.Compare(a.Iteration, b.Iteration), cmp.Compare(a.Node, b.Node))
	})
	return list
}

// resultOf returns a step's result without the parts that depend on the clock or on the run ID.
func resultOf(step everhook.Step) any {
	if step.Result == nil || step.Kind == "delay" || step.Kind == "http-request" {
		return nil
	}
	fields, ok := step.Result.V.(map[string]any)
	if !ok || step.Kind != "wait-for-call" && step.Kind != "subflow" {
		return step.Result.V
	}
	fields = maps.Clone(fields)
	delete(fields, "receivedAt")
	delete(fields, "runId")
	return fields
}

// CanonicalOutcome returns the outcome of a comparable flow without the parts that differ between executions.
func CanonicalOutcome(outcome everhook.Outcome) everhook.Outcome {
	if outcome.Answer != nil {
		answer := *outcome.Answer
		answer.Delivery, answer.Digest = "", ""
		if answer.Problem != nil {
			problem := *answer.Problem
			problem.RunID = ""
			answer.Problem = &problem
		}
		outcome.Answer = &answer
	}
	if outcome.Error != nil {
		failure := *outcome.Error
		failure.Attempts, failure.Response = 0, nil
		if failure.Type == everhook.TypeSubflow {
			failure.Message = "" // it contains the run ID
		}
		outcome.Error = &failure
	}
	return outcome
}
