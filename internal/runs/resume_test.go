package runs

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// updates is a Temporal client whose updates end when the test decides.
type updates struct {
	client.Client
	release chan struct{}
	count   atomic.Int32
}

func (u *updates) UpdateWorkflow(ctx context.Context,
	options client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle,
	error) {
	u.count.Add(1)
	select {
	case <-u.release:
		var call everhook.ResumeCall
		payload := options.Args[0].(converter.RawValue).Payload()
		err := workflows.DataConverter().FromPayload(payload, &call)
		return answered{answer: call.Answer}, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type answered struct {
	client.WorkflowUpdateHandle
	answer everhook.Answer
}

func (a answered) Get(_ context.Context, target any) error {
	*target.(*everhook.Answer) = a.answer
	return nil
}

func resume(ctx context.Context, s *Starter, run everhook.RunID, id string) (everhook.Resumed, error) {
	call, err := s.PrepareCall("f", run, everhook.ResumeCall{ID: id, Node: "wait",
		Answer: everhook.Answer{Status: 200}})
	if err != nil {
		return everhook.Resumed{}, err
	}
	return call.Resume(ctx)
}

func TestAJoiningCallHasItsOwnDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &updates{release: make(chan struct{})}
		s := NewStarter(c, compile.NewVersions(nodes.Standard()), StarterOptions{})
		run := everhook.NewRunID()
		short, cancel := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		callers.Go(func() {
			_, err := resume(short, s, run, "first")
			require.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		callers.Go(func() {
			resumed, err := resume(t.Context(), s, run, "second")
			require.NoError(t, err)
			require.True(t, resumed.Duplicate)
			require.Equal(t, "first", resumed.Answer.Delivery)
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(c.release)
		callers.Wait()
		require.Equal(t, int32(1), c.count.Load(), "one delivery serves both calls")
	})
}

func TestACallThatJoinsLateIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &updates{release: make(chan struct{})}
		s := NewStarter(c, compile.NewVersions(nodes.Standard()), StarterOptions{})
		run := everhook.NewRunID()
		var callers sync.WaitGroup
		callers.Go(func() { _, _ = resume(t.Context(), s, run, "first") })
		time.Sleep(startTimeout - time.Second)
		callers.Go(func() {
			_, err := resume(t.Context(), s, run, "second")
			require.NoError(t, err)
		})
		time.Sleep(2 * time.Second)
		close(c.release)
		callers.Wait()
		require.Equal(t, int32(2), c.count.Load())
	})
}
