package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/store"
)

func TestJobsAreBoundedAndHeldByOne(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		begin := func(id, holder string, lease time.Duration) (bool, error) {
			_, isNew, err := s.BeginJob(t.Context(), store.Job{ID: id, Request: "{}", Progress: "1",
				Started: time.Now()}, store.Change{Action: "retry", Object: "runs"}, holder, lease, 2)
			return isNew, err
		}
		isNew, err := begin("a", "h1", time.Hour)
		require.NoError(t, err)
		require.True(t, isNew)
		isNew, err = begin("a", "h2", time.Hour)
		require.NoError(t, err)
		require.False(t, isNew)
		_, err = begin("b", "h1", -time.Hour)
		require.NoError(t, err)
		_, err = begin("c", "h1", time.Hour)
		require.ErrorIs(t, err, store.ErrTooManyJobs)
		_, err = s.Job(t.Context(), "c")
		require.ErrorIs(t, err, store.ErrNotFound, "what is refused is not there")
		entries, err := s.Audit(t.Context(), store.AuditFilter{Object: "runs"})
		require.NoError(t, err)
		require.Len(t, entries, 2)

		job, taken, err := s.TakeJob(t.Context(), "h2", time.Hour)
		require.NoError(t, err)
		require.True(t, taken)
		require.Equal(t, "b", job.ID)
		require.Equal(t, 1, job.Takeovers)
		_, taken, err = s.TakeJob(t.Context(), "h3", time.Hour)
		require.NoError(t, err)
		require.False(t, taken)
		job.Progress, job.Ended = "2", time.Now()
		held, err := s.SaveJob(t.Context(), job, "h1", time.Hour)
		require.NoError(t, err)
		require.False(t, held, "another holder has it")
		held, err = s.SaveJob(t.Context(), job, "h2", time.Hour)
		require.NoError(t, err)
		require.True(t, held)
		job, err = s.Job(t.Context(), "b")
		require.NoError(t, err)
		require.Equal(t, "2", job.Progress)
		require.False(t, job.Ended.IsZero())
	})
}

func TestEndedJobsAreForgottenOldestFirst(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "everhook.db"))
	now := time.Now()
	for i := range 1003 {
		job := store.Job{ID: fmt.Sprint(i), Request: "{}", Progress: "{}", Started: now}
		_, _, err := s.BeginJob(t.Context(), job, store.Change{}, "h", time.Hour, 2)
		require.NoError(t, err)
		if job.Ended = now.Add(time.Duration(i) * time.Microsecond); i == 1000 {
			job.Ended = now.Add(-25 * time.Hour)
		}
		_, err = s.SaveJob(t.Context(), job, "h", time.Hour)
		require.NoError(t, err)
	}
	for id, kept := range map[string]bool{"0": false, "1": true, "999": true, "1000": false, "1002": true} {
		_, err := s.Job(t.Context(), id)
		require.Equal(t, kept, err == nil, id)
	}
}
