package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDescendantsOfARunAreBounded(t *testing.T) {
	t.Parallel()
	// started counts the runs of a flow that calls itself as often as possible.
	var started func(most, depth int) int
	started = func(most, depth int) int {
		r, count := &run{descendants: most}, 0
		for depth < maxSubflowDepth {
			given, err := r.takeDescendants(true)
			if err != nil {
				require.ErrorContains(t, err, "have started as many runs as they may")
				break
			}
			count += 1 + started(given, depth+1)
		}
		return count
	}
	require.LessOrEqual(t, started(MaxDescendants, 0), MaxDescendants)

	leaves := &run{descendants: 3}
	for range 3 {
		given, err := leaves.takeDescendants(false)
		require.NoError(t, err)
		require.Zero(t, given)
	}
	_, err := leaves.takeDescendants(false)
	require.Error(t, err)
}

func TestAChainOfFlowsMayBeAsLongAsTheDepthAllows(t *testing.T) {
	t.Parallel()
	left := MaxDescendants
	for range maxSubflowDepth {
		r := &run{descendants: left}
		given, err := r.takeDescendants(true)
		require.NoError(t, err)
		left = given
	}
}
