//go:build !noembedded

package embedded

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// TestARestartKeepsRunsClientsAndWorkers restarts the server under a run that waits for a signal.
func TestARestartKeepsRunsClientsAndWorkers(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Options{Directory: t.TempDir(), Logger: quiet()})
	require.NoError(t, err)
	c, err := newClient(s)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	w := worker.New(c, "restart", worker.Options{})
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context) (text string, err error) {
		workflow.GetSignalChannel(ctx, "go").Receive(ctx, &text)
		return text, workflow.Sleep(ctx, 10*time.Millisecond)
	}, workflow.RegisterOptions{Name: "waits"})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "waits", TaskQueue: "restart"}, "waits")
	require.NoError(t, err)
	address, services := s.Address(), s.Services()

	require.NoError(t, s.Restart(t.Context()))
	require.NoError(t, s.Restart(t.Context()))
	require.Equal(t, 2, s.Restarts())
	require.NoError(t, s.Failing())
	require.Equal(t, address, s.Address())
	require.Equal(t, services, s.Services())
	require.NoError(t, c.SignalWorkflow(t.Context(), run.GetID(), run.GetRunID(), "go", "on"))
	var text string
	require.NoError(t, run.Get(t.Context(), &text))
	require.Equal(t, "on", text)

	require.NoError(t, s.Stop(context.Background()))
	require.ErrorContains(t, s.Restart(t.Context()), "has stopped")
}

// TestAFailedFlushEndsWithARestart closes the file that the server flushes.
func TestAFailedFlushEndsWithARestart(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Options{Directory: t.TempDir(), Logger: quiet()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	require.NoError(t, s.history.wal.Close())
	require.Error(t, s.history.flush())
	require.ErrorContains(t, s.Failing(), "can't be flushed to disk")
	require.NoError(t, s.Restart(t.Context()))
	require.NoError(t, s.Failing())
	require.NoError(t, s.history.flush())
}

// TestStartsLeaveNoTaskQueues starts and stops the server with a worker, again and again.
func TestStartsLeaveNoTaskQueues(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var counts []int
	for range 3 {
		s, err := Start(t.Context(), Options{Directory: dir, Logger: quiet()})
		require.NoError(t, err)
		c, err := newClient(s)
		require.NoError(t, err)
		w := worker.New(c, "queues", worker.Options{})
		w.RegisterWorkflowWithOptions(func(ctx workflow.Context) error { return workflow.Sleep(ctx, time.Millisecond) },
			workflow.RegisterOptions{Name: "sleeps"})
		require.NoError(t, w.Start())
		run, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: "queues"}, "sleeps")
		require.NoError(t, err)
		require.NoError(t, run.Get(t.Context(), nil))
		w.Stop()
		c.Close()
		require.NoError(t, s.Stop(context.Background()))
		counts = append(counts, queues(t, filepath.Join(dir, historyFile)))
	}
	require.Positive(t, counts[0])
	require.LessOrEqual(t, counts[2], counts[0]+1, "of one worker more at most: %v", counts)
}

// queues counts the task queues of a database.
func queues(t *testing.T, file string) (count int) {
	t.Helper()
	db, err := sql.Open("sqlite", readOnlySource(file))
	require.NoError(t, err)
	defer func() { _ = db.Close() }()
	require.NoError(t, db.QueryRow("SELECT (SELECT count(*) FROM task_queues) + (SELECT count(*) FROM task_queues_v2)").
		Scan(&count))
	return count
}
