package server

import (
	"math"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheMemoryLimitBoundsTheCachedRuns(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int64]int{
		1:       minCachedRuns,
		1 << 30: 1638,
		4 << 30: 6553,
		1 << 40: maxCachedRuns,
	} {
		require.Equal(t, want, memory{limit: limit}.cachedRuns(), "%d bytes", limit)
	}
}

func TestTheMemoryLimitIsTheNearestOne(t *testing.T) {
	machine := (&Options{}).memoryLimit()
	require.Greater(t, machine.limit, int64(256<<20))
	require.Equal(t, memory{limit: 1 << 30, enforce: true}, (&Options{MemoryLimit: 1 << 30}).memoryLimit())

	debug.SetMemoryLimit(3 << 30)
	t.Cleanup(func() { debug.SetMemoryLimit(math.MaxInt64) })
	require.Equal(t, memory{limit: 3 << 30}, (&Options{}).memoryLimit(), "GOMEMLIMIT is known to the runtime")
	require.Equal(t, memory{limit: 1 << 30, enforce: true}, (&Options{MemoryLimit: 1 << 30}).memoryLimit())
}
