//go:build !noembedded

package embedded

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/persistence/visibility/manager"
	visibilitystore "go.temporal.io/server/common/persistence/visibility/store"
)

func TestEveryCallerOfAFlushGetsOne(t *testing.T) {
	t.Parallel()
	f := newFlusher(t)
	var group sync.WaitGroup
	for range 200 {
		group.Go(func() { require.NoError(t, f.flush()) })
	}
	group.Wait()
	require.NoError(t, f.close())
}

func TestAFlushThatFailedOnceNeverSucceedsAgain(t *testing.T) {
	t.Parallel()
	f := newFlusher(t)
	require.NoError(t, f.wal.Close())
	require.ErrorContains(t, f.flush(), "can't be flushed to disk; check the disk")
	var err error
	f.wal, err = os.OpenFile(f.wal.Name(), os.O_RDWR, 0)
	require.NoError(t, err)
	require.Error(t, f.flush())
	require.NoError(t, f.close())
}

func TestNothingIsToldThatIsNotOnDisk(t *testing.T) {
	t.Parallel()
	broken := newFlusher(t)
	require.NoError(t, broken.close())
	refused := errors.New("already started")
	for name, test := range map[string]struct {
		flusher *flusher
		request any
		err     error
		held    bool
	}{
		"a response that is on disk": {newFlusher(t), &workflowservice.StartWorkflowExecutionRequest{}, nil,
			false},
		"an error about what is on disk": {newFlusher(t), &workflowservice.StartWorkflowExecutionRequest{},
			refused, false},
		"a response that is not": {broken, &workflowservice.StartWorkflowExecutionRequest{}, nil, true},
		"an error about what is not": {broken, &workflowservice.StartWorkflowExecutionRequest{}, refused,
			true},
		"an activity task that is not":       {broken, &workflowservice.PollActivityTaskQueueRequest{}, nil, true},
		"a workflow task, which can be lost": {broken, &workflowservice.PollWorkflowTaskQueueRequest{}, nil, false},
		"a response where power cuts may undo": {&flusher{}, &workflowservice.StartWorkflowExecutionRequest{}, nil,
			false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response, err := test.flusher.intercept(t.Context(), test.request, nil,
				func(context.Context, any) (any, error) {
					return "told", test.err
				})
			if test.held {
				unavailable := new(serviceerror.Unavailable)
				require.ErrorAs(t, err, &unavailable)
				require.Nil(t, response)
				return
			}
			require.Equal(t, test.err, err)
			require.Equal(t, "told", response)
		})
	}
}

func TestVisibilityIsWrittenWhenItIsOnDisk(t *testing.T) {
	t.Parallel()
	broken := newFlusher(t)
	require.NoError(t, broken.close())
	ctx, failure := t.Context(), errors.New("no such table")
	for name, write := range map[string]func(durableVisibility) error{
		"start":  func(v durableVisibility) error { return v.RecordWorkflowExecutionStarted(ctx, nil) },
		"close":  func(v durableVisibility) error { return v.RecordWorkflowExecutionClosed(ctx, nil) },
		"upsert": func(v durableVisibility) error { return v.UpsertWorkflowExecution(ctx, nil) },
		"delete": func(v durableVisibility) error { return v.DeleteWorkflowExecution(ctx, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, write(durableVisibility{fakeVisibility{}, &flusher{}}))
			require.ErrorContains(t, write(durableVisibility{fakeVisibility{}, broken}), "can't be flushed")
			require.Equal(t, failure, write(durableVisibility{fakeVisibility{err: failure}, broken}))
		})
	}
}

// fakeVisibility is a store whose writes end with err.
type fakeVisibility struct {
	visibilitystore.VisibilityStore
	err error
}

func (f fakeVisibility) RecordWorkflowExecutionStarted(context.Context,
	*visibilitystore.InternalRecordWorkflowExecutionStartedRequest) error {
	return f.err
}

func (f fakeVisibility) RecordWorkflowExecutionClosed(context.Context,
	*visibilitystore.InternalRecordWorkflowExecutionClosedRequest) error {
	return f.err
}

func (f fakeVisibility) UpsertWorkflowExecution(context.Context,
	*visibilitystore.InternalUpsertWorkflowExecutionRequest) error {
	return f.err
}

func (f fakeVisibility) DeleteWorkflowExecution(context.Context,
	*manager.VisibilityDeleteWorkflowExecutionRequest) error {
	return f.err
}

func newFlusher(t *testing.T) *flusher {
	t.Helper()
	s := store{path: filepath.Join(t.TempDir(), historyFile)}
	require.NoError(t, os.WriteFile(s.path+"-wal", []byte("frames"), 0o600))
	f := &flusher{}
	require.NoError(t, f.open(s))
	return f
}
