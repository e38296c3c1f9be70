package flowgen

import (
	"cmp"
	"maps"
	"slices"

	"github.com/everhook/everhook"
)

// Step is what of a step is the same in every execution of a comparable flow.
type Step struct {
	Node, Iteration string
	Status          everhook.Status
	// Result is that of kinds which do not tell the time.
	Result any
	// ErrorType is empty for steps that resolved.
	ErrorType string
}

// CanonicalSteps gives the steps of a comparable flow so that those of two executions can be compared: by iteration and
// node, because steps of branches that run at once begin in any order.
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

// resultOf is what of a step's result does not tell the time and names no run.
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

// CanonicalOutcome gives the outcome of a comparable flow so that those of two executions can be compared.
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
			failure.Message = "" // which names the run
		}
		outcome.Error = &failure
	}
	return outcome
}
