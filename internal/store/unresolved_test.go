package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/store"
)

func TestUnresolvedRunsWaitUntilAFlowIsTold(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		since, err := s.TellSince(t.Context(), false)
		require.NoError(t, err)
		again, err := s.TellSince(t.Context(), false)
		require.NoError(t, err)
		require.True(t, since.Equal(again) && time.Since(since) < time.Hour, "a restart keeps the time")

		at := time.Now().UTC().Truncate(time.Microsecond)
		failed := store.ClosedRun{Execution: "e1", Flow: "a", Run: "r1", Version: 2, Status: everhook.Failed,
			ClosedAt: at, Tell: true}
		resolved, silent := failed, failed
		resolved.Execution, resolved.Status = "e2", everhook.Resolved
		silent.Execution, silent.Tell = "e3", false
		for range 2 {
			require.NoError(t, s.CountRuns(t.Context(), []store.ClosedRun{failed, resolved, silent}, at))
		}
		waiting, err := s.Unresolved(t.Context(), 10)
		require.NoError(t, err)
		failed.Tell = false
		require.Equal(t, []store.ClosedRun{failed}, waiting)

		require.NoError(t, s.Told(t.Context(), "e1"))
		failed.Tell = true
		require.NoError(t, s.CountRuns(t.Context(), []store.ClosedRun{failed}, at), "it is found once more")
		waiting, err = s.Unresolved(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, waiting, "what was told of is not told of again")

		failed.Execution = "e4"
		require.NoError(t, s.CountRuns(t.Context(), []store.ClosedRun{failed}, at))
		_, err = s.TellSince(t.Context(), true)
		require.NoError(t, err)
		waiting, err = s.Unresolved(t.Context(), 10)
		require.NoError(t, err)
		require.Empty(t, waiting, "without a flow nothing is kept")
	})
}
