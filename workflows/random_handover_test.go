package workflows_test

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowgen"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// TestRandomFlowsEndTheSameWhereverTheirLoopsAreHandedOver compares runs whose loops are handed over after every k
// steps with uninterrupted ones.
func TestRandomFlowsEndTheSameWhereverTheirLoopsAreHandedOver(t *testing.T) {
	t.Parallel()
	options := flowgen.Options{Comparable: true, Partner: "http://partner.example"}
	handedOver, unplayable := 0, 0
	for _, seed := range seeds(*randomFlows / 2) {
		flow := flowgen.Generate(seed, options)
		whole := tryRandom(t, flow)
		want := flowgen.CanonicalOutcome(runRandom(t, whole, flow))
		for _, steps := range []int{1, 2, 3, 5, 8} {
			try := tryRandom(t, flow)
			try.start.Budget = workflows.Budget{Steps: steps}
			// The test environment has no workflow to signal. The answer comes again with the outcome of the loop.
			try.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, workflows.AnswerSignal,
				mock.Anything).Return(nil).Maybe()
			outcome, ok := playRandom(t, try, flow)
			if !ok {
				unplayable++
				continue
			}
			require.Equal(t, want, flowgen.CanonicalOutcome(outcome), "after %d steps\n%s", steps, flow)
			if len(try.steps(t)) < len(whole.steps(t)) {
				handedOver++
			}
		}
	}
	t.Logf("%d runs handed over, %d unplayable", handedOver, unplayable)
	if *randomSeed == 0 {
		require.Greater(t, handedOver, 20*unplayable)
	}
}

// playRandom is runRandom, but returns false for a flow that the test environment cannot run: it panics if an execution
// is cancelled before its first workflow task.
func playRandom(t *testing.T, try *trial, flow *flowgen.Flow) (outcome everhook.Outcome, ok bool) {
	t.Helper()
	defer func() {
		if recovered := recover(); recovered != nil {
			require.Contains(t, string(debug.Stack()), "testWorkflowEnvironmentImpl).RequestCancelExternalWorkflow",
				"%v\n%s", recovered, flow)
			t.Logf("seed %d cannot be played with a budget of %d steps", flow.Seed, try.start.Budget.Steps)
		}
	}()
	return runRandom(t, try, flow), true
}

// TestEveryFunctionGivesTheSameAfterAHandOver evaluates every function of the language in a loop that is handed over
// after its first iteration.
func TestEveryFunctionGivesTheSameAfterAHandOver(t *testing.T) {
	t.Parallel()
	run := func(budget workflows.Budget) (outcome everhook.Outcome, logged int) {
		try := tryDefinition(t, flowgen.FunctionFlow("functions"), nil, nodes.Standard())
		try.start.Budget, try.start.Resume = budget, randomResume
		outcome = try.run(t)
		return outcome, len(try.steps(t))
	}
	whole, all := run(workflows.Budget{})
	handed, left := run(workflows.Budget{Steps: 1})
	require.Less(t, left, all, "the second iteration runs elsewhere")
	require.Equal(t, everhook.Resolved, whole.Status)
	require.Greater(t, len(whole.Output.V.([]any)[1].([]any)), len(flowgen.FunctionResults()))
	require.Equal(t, whole, handed)
}
