package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowgen"
	"github.com/everhook/everhook/workflows"
)

// TestRandomFlowsEndTheSameWhereverTheirLoopsAreHandedOver compares runs whose loops are handed over after every k steps with uninterrupted ones.
func TestRandomFlowsEndTheSameWhereverTheirLoopsAreHandedOver(t *testing.T) {
	t.Parallel()
	options := flowgen.Options{Comparable: true, Partner: "http://partner.example"}
	handedOver := 0
	for _, seed := range seeds(*randomFlows / 2) {
		flow := flowgen.Generate(seed, options)
		whole := tryRandom(t, flow)
		want := flowgen.CanonicalOutcome(runRandom(t, whole, flow))
		for _, steps := range []int{1, 2, 3, 5, 8} {
			try := tryRandom(t, flow)
			try.start.Budget = workflows.Budget{Steps: steps}
			// The test environment has no workflow that could be signalled. The answer comes again with the outcome of the loop.
			try.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, workflows.AnswerSignal, mock.Anything).Return(nil).Maybe()
			got := flowgen.CanonicalOutcome(runRandom(t, try, flow))
			require.Equal(t, want, got, "after %d steps\n%s", steps, flow)
			if len(try.steps(t)) < len(whole.steps(t)) {
				handedOver++
			}
		}
	}
	t.Logf("%d runs handed over", handedOver)
	if *randomSeed == 0 {
		require.NotZero(t, handedOver)
	}
}
