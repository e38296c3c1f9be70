package jobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/jobs"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/internal/store/storetest"
)

// world has objects, and keeps what was done with them.
type world struct {
	mutex  sync.Mutex
	items  []jobs.Item
	done   []string
	actors map[string]access.Actor
	// hold keeps actions waiting until their context ends, once held is set.
	held chan struct{}
	hold bool
}

func newWorld() *world {
	w := &world{held: make(chan struct{}, 100), actors: map[string]access.Actor{"token:a": {ID: "token:a",
		Role: access.Operator}}}
	for _, id := range []everhook.RunID{"aaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbb",
		"cccccccccccccccccccccccccc"} {
		w.items = append(w.items, jobs.Item{Run: id, Flow: "orders"})
	}
	return w
}

func (w *world) Find(ctx context.Context, _ json.RawMessage) ([]jobs.Item, bool, error) {
	if access.From(ctx).ID != "token:a" {
		return nil, false, errors.New("not with the rights of the job")
	}
	return append(w.items, w.items[0]), false, nil
}

func (w *world) Act(ctx context.Context, _ json.RawMessage, item jobs.Item, key []byte) error {
	w.mutex.Lock()
	hold := w.hold
	if !hold {
		w.done = append(w.done, string(item.Run[0])+" "+string(key))
	}
	w.mutex.Unlock()
	if hold {
		w.held <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (w *world) actor(_ context.Context, id string) (access.Actor, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if actor, ok := w.actors[id]; ok {
		return actor, nil
	}
	return access.Actor{}, access.ErrNoSession
}

// process is one that works on the jobs of a store.
func (w *world) process(s jobs.Store) *jobs.Jobs {
	return jobs.New(jobs.Options{Store: s, Works: map[jobs.Action]jobs.Work{jobs.Retry: w},
		Actor: w.actor, Lease: 300 * time.Millisecond})
}

func (w *world) holding(hold bool) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.hold = hold
}

func (w *world) all() []string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	done := slices.Clone(w.done)
	slices.Sort(done)
	return done
}

// ended waits until a job has ended, as a process sees it.
func ended(t *testing.T, process *jobs.Jobs, id string) (job jobs.Job) {
	t.Helper()
	require.Eventually(t, func() bool {
		var err error
		job, err = process.Get(t.Context(), id)
		return err == nil && job.State == jobs.Ended
	}, time.Minute, time.Millisecond)
	return job
}

var retry = jobs.Request{Actor: "token:a", Action: jobs.Retry, Of: json.RawMessage("{}")}

func TestAJobIsSeenByAllAndDoneByOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		w := newWorld()
		one, other := w.process(at.Open(t)), w.process(at.Open(t))
		defer one.Close()
		defer other.Close()
		_, err := one.Begin(t.Context(), "j1", retry, store.Change{Action: "retry", Object: "runs"})
		require.NoError(t, err)
		again, err := other.Begin(t.Context(), "j1", retry, store.Change{Action: "retry", Object: "runs"})
		require.NoError(t, err)
		require.Equal(t, "j1", again.ID)
		job := ended(t, other, "j1")
		require.Equal(t, 3, job.Found)
		require.Equal(t, 3, job.Done)
		require.Zero(t, job.Failed+job.Refused+job.Takeovers, job.Problems)
		require.Equal(t, "token:a", job.Actor())
		require.Equal(t, []string{"a job j1", "b job j1", "c job j1"}, w.all())
		_, err = one.Get(t.Context(), "none")
		require.ErrorIs(t, err, store.ErrNotFound)
	})
}

func TestAnotherProcessGoesOnWithTheJobOfADeadOne(t *testing.T) {
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		w := newWorld()
		w.holding(true)
		died := w.process(at.Open(t))
		_, err := died.Begin(t.Context(), "j1", retry, store.Change{})
		require.NoError(t, err)
		<-w.held
		died.Close()
		w.holding(false)
		next := w.process(at.Open(t))
		defer next.Close()
		job := ended(t, next, "j1")
		require.Equal(t, 1, job.Takeovers)
		require.Equal(t, 3, job.Done)
		require.Zero(t, job.Failed, job.Problems)
		require.Len(t, w.all(), 3)
	})
}

func TestAJobThatKillsItsProcessesEnds(t *testing.T) {
	t.Parallel()
	at := storetest.Place(t.TempDir() + "/everhook.db")
	s := at.Open(t)
	w := newWorld()
	w.holding(true)
	process := w.process(s)
	_, err := process.Begin(t.Context(), "j1", retry, store.Change{})
	require.NoError(t, err)
	for range 4 {
		<-w.held
		process.Close()
		for len(w.held) > 0 {
			<-w.held
		}
		process = w.process(s)
		if job, _ := process.Get(t.Context(), "j1"); job.Takeovers >= 3 {
			break
		}
	}
	defer func() { process.Close() }()
	job := ended(t, process, "j1")
	require.Contains(t, job.Problems[0].Detail, "died, one after the other")
	require.Empty(t, w.all())
}

func TestAJobEndsWithTheRightsOfItsActor(t *testing.T) {
	t.Parallel()
	w := newWorld()
	process := w.process(storetest.Place(t.TempDir() + "/everhook.db").Open(t))
	defer process.Close()
	delete(w.actors, "token:a")
	_, err := process.Begin(t.Context(), "j1", retry, store.Change{})
	require.NoError(t, err)
	job := ended(t, process, "j1")
	require.Contains(t, job.Problems[0].Detail, "the rights of token:a")
	require.Empty(t, w.all())
}

func TestADryJobOnlyCounts(t *testing.T) {
	t.Parallel()
	w := newWorld()
	process := w.process(storetest.Place(t.TempDir() + "/everhook.db").Open(t))
	defer process.Close()
	dry := retry
	dry.Dry = true
	_, err := process.Begin(t.Context(), "j1", dry, store.Change{})
	require.NoError(t, err)
	job := ended(t, process, "j1")
	require.Equal(t, 3, job.Found)
	require.Zero(t, job.Done)
	require.Empty(t, w.all())
}
