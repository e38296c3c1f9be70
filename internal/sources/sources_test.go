package sources

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/catalog"
	"github.com/everhook/everhook/nodes/kind"
)

const patience = 60 * time.Second

// source is a kind.Source whose Serve is given by the test.
type source struct {
	kind.Trigger
	serve func(ctx context.Context, flow kind.SourceFlow) error
}

func (s *source) Serve(ctx context.Context, flow kind.SourceFlow) error { return s.serve(ctx, flow) }

// world is the environment of sources.
type world struct {
	mutex      sync.Mutex
	flows      []catalog.Sourced
	deliveries []everhook.Delivery
	records    []Record
	fails      error
	// during is called during a start.
	during func()
	log    bytes.Buffer
}

func (w *world) Write(line []byte) (int, error) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.log.Write(line)
}

func (w *world) logged() string {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.log.String()
}

func (w *world) set(flows ...catalog.Sourced) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.flows = flows
}

func (w *world) start(ctx context.Context, _ *everhook.Version, d everhook.Delivery) (everhook.Started, error) {
	if w.during != nil {
		w.during()
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if w.fails != nil || ctx.Err() != nil {
		return everhook.Started{}, errors.Join(w.fails, ctx.Err())
	}
	w.deliveries = append(w.deliveries, d)
	return everhook.Started{Duplicate: len(w.deliveries) > 1 && w.deliveries[0].RunID == d.RunID}, nil
}

// sources starts to serve the flows of the world.
func (w *world) sources(t *testing.T) *Sources {
	t.Helper()
	s := New(Options{
		Flows: func() []catalog.Sourced {
			w.mutex.Lock()
			defer w.mutex.Unlock()
			return w.flows
		},
		Start: w.start, Logger: slog.New(slog.NewTextHandler(w, nil)), Pause: time.Millisecond,
		Secret: func(name string) (string, error) { return "value of " + name, nil },
		Redact: func(text string) string { return strings.ReplaceAll(text, "hunter2", "[secret]") },
		Observe: func(r Record) {
			w.mutex.Lock()
			defer w.mutex.Unlock()
			w.records = append(w.records, r)
		},
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, s.Stop(ctx))
	})
	return s
}

// version is a version of a flow with that source.
func version(number int, serve func(ctx context.Context, flow kind.SourceFlow) error) catalog.Sourced {
	definition := &everhook.Definition{Key: "w", Mode: everhook.Async, Trigger: everhook.Trigger{Type: "watcher"}}
	return catalog.Sourced{Version: &everhook.Version{Number: number, Definition: definition},
		Source: &source{serve: serve}, Secret: []byte("secret of w")}
}

// waiting serves until its context ends, and reports its start and its end.
func waiting(told chan<- string, name string) func(context.Context, kind.SourceFlow) error {
	return func(ctx context.Context, _ kind.SourceFlow) error {
		told <- name + " begins"
		<-ctx.Done()
		told <- name + " ends"
		return ctx.Err()
	}
}

func heard(t *testing.T, told <-chan string, want string) {
	t.Helper()
	select {
	case got := <-told:
		require.Equal(t, want, got)
	case <-time.After(patience):
		require.Fail(t, "nothing was told", want)
	}
}

func TestASourceIsServedAsLongAsItsVersion(t *testing.T) {
	t.Parallel()
	w, told := &world{}, make(chan string, 10)
	s := w.sources(t)
	w.set(version(1, waiting(told, "one")))
	s.Changed()
	heard(t, told, "one begins")
	s.Changed() // although no flow has changed

	w.set(version(2, waiting(told, "two")))
	s.Changed()
	heard(t, told, "one ends")
	heard(t, told, "two begins")

	w.set()
	s.Changed()
	heard(t, told, "two ends")

	w.set(version(2, waiting(told, "two")))
	s.Changed()
	heard(t, told, "two begins")
	require.NoError(t, s.Stop(t.Context()))
	heard(t, told, "two ends")
	require.Empty(t, told)
	require.NotContains(t, w.logged(), "level=ERROR")
}

func TestAnotherVersionWaitsUntilTheOneBeforeHasEnded(t *testing.T) {
	t.Parallel()
	w, told, release := &world{}, make(chan string, 10), make(chan struct{})
	w.set(version(1, func(ctx context.Context, flow kind.SourceFlow) error {
		err := waiting(told, "one")(ctx, flow)
		<-release
		told <- "one is gone"
		return err
	}))
	s := w.sources(t)
	heard(t, told, "one begins")
	w.set(version(2, waiting(told, "two")))
	s.Changed()
	heard(t, told, "one ends")
	close(release)
	heard(t, told, "one is gone")
	heard(t, told, "two begins")
}

func TestASourceThatFailsIsServedAgain(t *testing.T) {
	t.Parallel()
	w, told := &world{}, make(chan string, 10)
	times := 0
	w.set(version(1, func(ctx context.Context, flow kind.SourceFlow) error {
		switch times++; times {
		case 1:
			return errors.New("the password hunter2 is wrong")
		case 2:
			panic("a defect")
		default:
			return waiting(told, "it")(ctx, flow)
		}
	}))
	w.sources(t)
	heard(t, told, "it begins")
	require.Contains(t, w.logged(),
		`msg="the trigger failed and is started again" flow=w version=1 trigger=watcher error="the password `+
			`[secret] is wrong"`)
	require.Contains(t, w.logged(), "it panicked: a defect")
	require.NotContains(t, w.logged(), "hunter2")
}

func TestASourceThatIsThroughIsNotServedAgain(t *testing.T) {
	t.Parallel()
	w, told := &world{}, make(chan string, 10)
	w.set(version(1, func(context.Context, kind.SourceFlow) error {
		told <- "it is through"
		return nil
	}))
	s := w.sources(t)
	heard(t, told, "it is through")
	require.Eventually(t, func() bool { return strings.Contains(w.logged(), "the trigger has ended") }, patience,
		time.Millisecond)
	for range 5 {
		s.Changed()
	}
	w.set(version(2, waiting(told, "two")))
	s.Changed()
	heard(t, told, "two begins")
}

func TestAnEventBecomesADeliveryOfItsKey(t *testing.T) {
	t.Parallel()
	w, told := &world{}, make(chan string, 10)
	w.set(version(1, func(ctx context.Context, flow kind.SourceFlow) error {
		password, err := flow.Secret("P")
		if err != nil {
			return err
		}
		for _, event := range []kind.Event{
			{Key: "a", Data: map[string]any{"n": int32(7), "password": password}}, {Key: "a", Rerun: true}, {Key: "b"},
			{}, {Key: "c", Data: map[string]any{"c": make(chan int)}},
		} {
			started, err := flow.Start(ctx, event)
			told <- fmt.Sprint(started.RunID == everhook.DerivedRunID([]byte("secret of w"), "watcher\x00"+event.Key),
				" ", started.Duplicate, " ", err)
		}
		return nil
	}))
	w.sources(t)
	heard(t, told, "true false <nil>")
	heard(t, told, "true true <nil>")
	heard(t, told, "true false <nil>")
	heard(t, told, "false false an event without a key: what is given twice could not be told from what happens twice")
	require.Contains(t, <-told, "the data of the event c: ")
	w.mutex.Lock()
	defer w.mutex.Unlock()
	first, again := w.deliveries[0], w.deliveries[1]
	require.Equal(t, everhook.Mapping{"n": 7, "password": "value of P"}, first.Trigger)
	require.Equal(t, "a", first.DedupeKey)
	require.NotEqual(t, first.ID, again.ID)
	require.NotEqual(t, first.Digest, again.Digest)
	require.Equal(t, everhook.DuplicatePolicy{}, *first.Duplicates)
	require.Equal(t, everhook.DuplicatePolicy{Rerun: true}, *again.Duplicates)
	require.Len(t, w.records, 3)
	require.Equal(t, Record{Flow: "w", Run: first.RunID, Bytes: len(`{"n":7,"password":"value of P"}`),
		Took: w.records[0].Took}, w.records[0])
	require.True(t, w.records[1].Duplicate)
}

// choosy is a source that takes events by their data.
type choosy struct{ source }

func (*choosy) Filters() bool { return true }

func (*choosy) Takes(event map[string]any) (bool, error) {
	if event["take"] == nil {
		return false, everhook.Errorf(everhook.TypeExpression, "no")
	}
	return event["take"].(bool), nil
}

func TestAnEventThatTheFlowSkipsStartsNoRun(t *testing.T) {
	t.Parallel()
	w, told := &world{}, make(chan string, 10)
	flow := version(1, nil)
	flow.Source = &choosy{source{serve: func(ctx context.Context, flow kind.SourceFlow) error {
		for i, take := range []any{false, true, nil} {
			started, err := flow.Start(ctx, kind.Event{Key: fmt.Sprint(i), Data: map[string]any{"take": take}})
			told <- fmt.Sprint(started.Skipped, " ", started.RunID != "", " ", err)
		}
		return nil
	}}}
	w.set(flow)
	w.sources(t)
	heard(t, told, "true false <nil>")
	heard(t, told, "false true <nil>")
	heard(t, told, "false true <nil>")
	w.mutex.Lock()
	defer w.mutex.Unlock()
	require.Len(t, w.deliveries, 2)
	require.Nil(t, w.deliveries[0].Failure)
	require.Equal(t, "trigger: no", w.deliveries[1].Failure.Error())
	require.True(t, w.records[0].Skipped)
	require.False(t, w.records[1].Skipped)
}

func TestAStartThatFailsIsTold(t *testing.T) {
	t.Parallel()
	w, told := &world{fails: everhook.Errorf(everhook.TypeLimit, "too large")}, make(chan string, 10)
	w.set(version(1, func(ctx context.Context, flow kind.SourceFlow) error {
		_, err := flow.Start(ctx, kind.Event{Key: "a"})
		told <- everhook.AsError(err).Type
		return nil
	}))
	w.sources(t)
	heard(t, told, everhook.TypeLimit)
	w.mutex.Lock()
	defer w.mutex.Unlock()
	require.True(t, w.records[0].Failed)
}

func TestAStartThatIsUnderWayOutlivesItsSource(t *testing.T) {
	t.Parallel()
	w, told, begun, release := &world{}, make(chan string, 10), make(chan struct{}), make(chan struct{})
	w.during = func() {
		close(begun)
		<-release
	}
	w.set(version(1, func(ctx context.Context, flow kind.SourceFlow) error {
		context.AfterFunc(ctx, func() { close(release) })
		started, err := flow.Start(ctx, kind.Event{Key: "a"})
		told <- fmt.Sprint(len(started.RunID), " ", err)
		_, err = flow.Start(ctx, kind.Event{Key: "b"})
		told <- fmt.Sprint(err)
		return ctx.Err()
	}))
	s := w.sources(t)
	<-begun
	require.NoError(t, s.Stop(t.Context()))
	heard(t, told, "26 <nil>")
	heard(t, told, "context canceled")
	w.mutex.Lock()
	defer w.mutex.Unlock()
	require.Len(t, w.deliveries, 1)
}

func TestAStopGivesUpOnASourceThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	w, release, begun := &world{}, make(chan struct{}), make(chan struct{})
	w.set(version(1, func(context.Context, kind.SourceFlow) error {
		close(begun)
		<-release
		return nil
	}))
	s := w.sources(t)
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Stop(ctx), context.DeadlineExceeded)
	close(release)
}
