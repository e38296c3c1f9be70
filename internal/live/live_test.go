package live

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/runs"
)

// fakeChanges are the runs that every look finds.
type fakeChanges struct {
	mutex sync.Mutex
	runs  []runs.Summary
	more  bool
	err   error
	looks int
	flows time.Time
}

func (f *fakeChanges) Changed(context.Context, time.Time, int) ([]runs.Summary, bool, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.looks++
	return f.runs, f.more, f.err
}

func (f *fakeChanges) set(change func()) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	change()
}

func (f *fakeChanges) at() time.Time {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.flows
}

// inHub runs a test in virtual time.
func inHub(t *testing.T, test func(t *testing.T, h *Hub, f *fakeChanges)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fakeChanges{}
		h := New(Options{Changes: f, Flows: f.at})
		defer h.Close()
		test(t, h, f)
	})
}

func open(t *testing.T, h *Hub, after int64) *Stream {
	t.Helper()
	s, err := h.Open("token:a", after)
	require.NoError(t, err)
	return s
}

func next(t *testing.T, s *Stream) Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	events, err := s.Next(ctx)
	require.NoError(t, err)
	require.Len(t, events, 1)
	return events[0]
}

func run(execution string, status everhook.Status) runs.Summary {
	return runs.Summary{Execution: execution, Status: status}
}

func TestAChangeIsToldOnceToEveryStream(t *testing.T) {
	inHub(t, func(t *testing.T, h *Hub, f *fakeChanges) {
		f.runs = []runs.Summary{run("old", everhook.Resolved)}
		one := open(t, h, 0)
		require.Equal(t, "old", next(t, one).Runs[0].Execution, "the page may have been read before it began")
		two := open(t, h, 0)
		require.Equal(t, "old", next(t, two).Runs[0].Execution)
		time.Sleep(10 * time.Second)
		started := run("new", everhook.Pending)
		f.set(func() { f.runs = append(f.runs, started) })
		require.Equal(t, []runs.Summary{started}, next(t, one).Runs)
		require.Equal(t, []runs.Summary{started}, next(t, two).Runs)
		ended := run("new", everhook.Failed)
		f.set(func() { f.runs = []runs.Summary{ended} })
		require.Equal(t, []runs.Summary{ended}, next(t, one).Runs)
		f.set(func() { f.flows = time.Now() })
		require.True(t, next(t, one).Flows)
	})
}

func TestAllStreamsShareOneLookASecond(t *testing.T) {
	inHub(t, func(t *testing.T, h *Hub, f *fakeChanges) {
		require.Zero(t, f.looks, "no page is open")
		for range maxOwn {
			open(t, h, 0)
		}
		time.Sleep(10*time.Second + 100*time.Millisecond)
		f.set(func() { require.Equal(t, 11, f.looks) })
	})
}

func TestAStreamResumesAfterItsLastEvent(t *testing.T) {
	inHub(t, func(t *testing.T, h *Hub, f *fakeChanges) {
		s := open(t, h, 0)
		f.set(func() { f.runs = []runs.Summary{run("a", everhook.Pending)} })
		first := next(t, s)
		s.Close()
		f.set(func() { f.runs = []runs.Summary{run("b", everhook.Pending)} })
		time.Sleep(5 * time.Second)
		s = open(t, h, first.ID)
		require.Equal(t, "b", next(t, s).Runs[0].Execution)
		s.Close()

		for name, unknown := range map[string]int64{"of another server": 1, "of the future": first.ID + 1000} {
			s = open(t, h, unknown)
			require.True(t, next(t, s).Reset, name)
			f.set(func() { f.runs = []runs.Summary{run(name, everhook.Pending)} })
			require.Equal(t, name, next(t, s).Runs[0].Execution)
			s.Close()
		}
		at := s.At()
		time.Sleep(idle + time.Minute)
		looks := 0
		f.set(func() { looks = f.looks })
		time.Sleep(time.Minute)
		f.set(func() { require.Equal(t, looks, f.looks, "no page is open") })
		s = open(t, h, at)
		require.True(t, next(t, s).Reset, "what happened while the hub did not look is not known")
	})
}

func TestAStreamThatFallsBehindIsReset(t *testing.T) {
	inHub(t, func(t *testing.T, h *Hub, f *fakeChanges) {
		s := open(t, h, 0)
		for range keptEvents + 1 {
			h.tell(Event{Flows: true})
		}
		require.True(t, next(t, s).Reset)
		f.set(func() { f.more = true })
		require.True(t, next(t, s).Reset, "more runs have changed than a look reads")
	})
}

func TestALookThatFailsIsMadeUpFor(t *testing.T) {
	inHub(t, func(t *testing.T, h *Hub, f *fakeChanges) {
		s := open(t, h, 0)
		f.set(func() { f.err = errors.New("Temporal is away") })
		time.Sleep(10 * time.Second)
		f.set(func() { f.err, f.runs = nil, []runs.Summary{run("a", everhook.Resolved)} })
		require.Equal(t, "a", next(t, s).Runs[0].Execution)
	})
}

func TestStreamsAreBounded(t *testing.T) {
	inHub(t, func(t *testing.T, h *Hub, _ *fakeChanges) {
		var last *Stream
		for range maxOwn {
			last = open(t, h, 0)
		}
		_, err := h.Open("token:a", 0)
		require.ErrorIs(t, err, ErrTooMany)
		last.Close()
		open(t, h, 0)
		for i := range maxStreams - maxOwn {
			_, err := h.Open("person:"+string(rune('a'+i/maxOwn)), 0)
			require.NoError(t, err)
		}
		_, err = h.Open("person:z", 0)
		require.ErrorIs(t, err, ErrTooMany)
	})
}

func TestClosingEndsTheStreams(t *testing.T) {
	inHub(t, func(t *testing.T, h *Hub, _ *fakeChanges) {
		s := open(t, h, 0)
		go h.Close()
		_, err := s.Next(t.Context())
		require.ErrorIs(t, err, ErrClosed)
		synctest.Wait()
		_, err = h.Open("token:a", 0)
		require.ErrorIs(t, err, ErrClosed)
	})
}
