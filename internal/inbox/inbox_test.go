package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/inbox"
)

// patience bounds every wait for an expected event.
const patience = 60 * time.Second

func open(t *testing.T, box inbox.Box, e *engine, changes ...func(*inbox.Options)) *inbox.Inbox {
	t.Helper()
	o := inbox.Options{Box: box, Start: e.startRow, MaxRows: 1 << 20, MaxBytes: 1 << 30,
		Logger: slog.New(slog.DiscardHandler)}
	for _, change := range changes {
		change(&o)
	}
	i := inbox.New(o)
	t.Cleanup(i.Close)
	return i
}

func accept(t *testing.T, i *inbox.Inbox, d inbox.Delivery) everhook.Started {
	t.Helper()
	started, err := i.Accept(t.Context(), d)
	require.NoError(t, err)
	return started
}

// drained waits until nothing waits.
func drained(t *testing.T, box inbox.Box) {
	t.Helper()
	require.Eventually(t, func() bool { return len(box.Flows()) == 0 }, patience, time.Millisecond)
}

func TestAQuickEngineGetsDeliveriesDirectly(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		box, e := at.opened(t), newEngine()
		i := open(t, box, e)
		for n := range 5 {
			accept(t, i, e.delivery(*entry("flow", fmt.Sprint(n))))
		}
		direct, stored := i.Counts()
		require.Equal(t, [2]int64{5, 0}, [2]int64{direct, stored})
	})
}

func TestADeliveryWaitsWhereTheFlowSaysSo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		box, e := at.opened(t), newEngine()
		i := open(t, box, e)
		d := e.delivery(*entry("flow", "one"))
		d.Always = true
		accept(t, i, d)
		_, stored := i.Counts()
		require.EqualValues(t, 1, stored)
		drained(t, box)
		require.Equal(t, []string{"one"}, e.runs[d.Run].started)
	})
}

// TestAnEngineThatIsAwayDelaysRuns stores deliveries, and starts them in their order when it is there again.
func TestAnEngineThatIsAwayDelaysRuns(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		box, e := at.opened(t), newEngine()
		e.set(away)
		i := open(t, box, e)
		var want []string
		for n := range 20 {
			began := time.Now()
			accept(t, i, e.delivery(*entry("flow", fmt.Sprint(n))))
			require.Less(t, time.Since(began), 5*time.Second)
			want = append(want, fmt.Sprint("flow/", n))
		}
		of, _ := box.Load("flow")
		require.Equal(t, 20, of.Rows)
		e.set(quick)
		drained(t, box)
		require.ElementsMatch(t, want, e.order)
		require.Equal(t, want[:1], e.order[:1], "the oldest is first")
	})
}

func TestRowsOutliveTheProcess(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		e := newEngine()
		e.set(away)
		box := at(t)
		i := open(t, box, e)
		for n := range 10 {
			accept(t, i, e.delivery(*entry(fmt.Sprint("flow", n%3), fmt.Sprint(n))))
		}
		i.Close()
		require.NoError(t, box.Close())
		e.set(quick)
		again := at.opened(t)
		open(t, again, e)
		drained(t, again)
		require.Len(t, e.runs, 10)
	})
}

func TestDeliveriesThatCanNeverStartAreDead(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		box, e := at.opened(t), newEngine()
		open(t, box, e, func(o *inbox.Options) {
			o.Start = func(ctx context.Context, row inbox.Row, input []byte) error {
				if strings.HasPrefix(row.Delivery, "bad") {
					return fmt.Errorf("%w: its flow is gone", inbox.ErrNever)
				}
				return e.startRow(ctx, row, input)
			}
		})
		i := open(t, idle{box}, e) // it only accepts
		for _, id := range []string{"bad1", "good1", "bad2", "good2"} {
			d := e.delivery(*entry("flow", id))
			d.Always = true
			accept(t, i, d)
		}
		drained(t, box)
		dead, err := box.List(t.Context(), inbox.Filter{Dead: true, Limit: 10})
		require.NoError(t, err)
		require.ElementsMatch(t, []string{"bad1", "bad2"}, deliveries(dead))
		require.Contains(t, dead[0].Reason, "its flow is gone")
		require.Len(t, e.runs, 2)
	})
}

// idle is a box whose rows are not taken.
type idle struct{ inbox.Box }

func (idle) Changed() <-chan struct{}                               { return nil }
func (idle) Flows() map[string]inbox.Load                           { return nil }
func (idle) Take(context.Context, string, int) ([]inbox.Row, error) { return nil, nil }
func (idle) Release(context.Context, []inbox.Row) error             { return nil }

// TestARowThatFailsAloneIsDeadInTheEnd and does not hold up the others.
func TestARowThatFailsAloneIsDeadInTheEnd(t *testing.T) {
	t.Parallel()
	box, e := inbox.Box(file(t, filepath.Join(t.TempDir(), "inbox.db"))), newEngine()
	t.Cleanup(func() { require.NoError(t, box.Close()) })
	tries := 0
	i := open(t, box, e, func(o *inbox.Options) {
		o.Start = func(ctx context.Context, row inbox.Row, input []byte) error {
			if row.Delivery == "bad" {
				tries++
				return errors.New("it fails for a reason that is not known")
			}
			return e.startRow(ctx, row, input)
		}
	})
	bad := e.delivery(*entry("flow", "bad"))
	bad.Always = true
	accept(t, i, bad)
	totals, others := inbox.Totals{}, inbox.Load{}
	for n := 0; totals.Dead == 0; n++ { // others succeed meanwhile
		d := e.delivery(*entry("other", fmt.Sprint(n)))
		d.Always = true
		accept(t, i, d)
		require.Eventually(t, func() bool {
			others, _ = box.Load("other")
			return others.Rows == 0
		}, patience, time.Millisecond)
		var err error
		totals, err = box.Totals(t.Context())
		require.NoError(t, err)
	}
	drained(t, box)
	require.GreaterOrEqual(t, tries, 9)
}

func TestAFullInboxRefuses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		box, e := at.opened(t), newEngine()
		e.set(away)
		i := open(t, box, e, func(o *inbox.Options) { o.MaxRows = 100 })
		fill := func(flow string, want int) {
			t.Helper()
			for n := range want {
				accept(t, i, e.delivery(*entry(flow, fmt.Sprint(flow, n))))
			}
			_, err := i.Accept(t.Context(), e.delivery(*entry(flow, "more")))
			require.ErrorIs(t, err, everhook.ErrOverloaded)
		}
		fill("storm", 80)
		fill("neighbour", 5)
		fill("another", 5)
		e.set(quick)
		drained(t, box)
		require.Len(t, e.runs, 90)
	})
}

// TestABusyFlowDoesNotHoldUpOthers: the flows are started in turns.
func TestABusyFlowDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		box, e := at.opened(t), newEngine()
		stopped := open(t, idle{box}, e)
		for n := range 200 {
			d := e.delivery(*entry("storm", fmt.Sprint(n)))
			d.Always = true
			accept(t, stopped, d)
		}
		for n := range 3 {
			d := e.delivery(*entry("neighbour", fmt.Sprint(n)))
			d.Always = true
			accept(t, stopped, d)
		}
		open(t, box, e)
		drained(t, box)
		last := 0
		for at, id := range e.order {
			if strings.HasPrefix(id, "neighbour") {
				last = at
			}
		}
		// Up to 64 starts are under way together, in any order.
		require.Less(t, last, 150, "the neighbour's rows came last")
	})
}

// TestManyRowsDoNotHitAnEngineAtOnce: there is no herd after an outage.
func TestManyRowsDoNotHitAnEngineAtOnce(t *testing.T) {
	t.Parallel()
	box, e := file(t, filepath.Join(t.TempDir(), "inbox.db")), newEngine()
	t.Cleanup(func() { require.NoError(t, box.Close()) })
	e.set(away)
	i := open(t, box, e)
	for n := range 300 {
		accept(t, i, e.delivery(*entry(fmt.Sprint("flow", n%10), fmt.Sprint(n))))
	}
	e.mutex.Lock()
	e.most, e.mood = 0, slow
	e.mutex.Unlock()
	drained(t, box)
	require.Len(t, e.runs, 300)
	require.Less(t, e.most, 32)
}

// TestNothingIsLostAndNothingIsDoubled sends deliveries with few dedupe keys, while the engine changes its mood, runs
// fail, and processes are killed: one on SQLite, two at a time on PostgreSQL.
func TestNothingIsLostAndNothingIsDoubled(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		for seed := range uint64(3) {
			s := &storm{seed: seed, engine: newEngine(), random: rand.New(rand.NewPCG(seed, 7)),
				accepted: map[everhook.RunID][]inbox.Entry{}}
			s.run(t, at)
		}
	})
}

// storm is one run of the property.
type storm struct {
	seed   uint64
	engine *engine
	random *rand.Rand

	mutex    sync.Mutex
	accepted map[everhook.RunID][]inbox.Entry
	sent     int
}

// killable is a box of which a process can be killed.
type killable interface {
	inbox.Box
	Kill()
}

const (
	lives, deliverers, perLife = 5, 8, 25
)

func (s *storm) run(t *testing.T, at place) {
	for range lives {
		boxes := []inbox.Box{at(t)}
		if _, shared := boxes[0].(*inbox.Shared); shared {
			boxes = append(boxes, at(t))
		}
		var inboxes []*inbox.Inbox
		for _, box := range boxes {
			inboxes = append(inboxes, open(t, box, s.engine))
		}
		s.live(t, inboxes)
		for i, box := range boxes {
			box.(killable).Kill()
			inboxes[i].Close()
		}
	}
	s.engine.set(quick)
	box := at(t)
	i := open(t, box, s.engine)
	drained(t, box)
	s.check(t, box)
	i.Close()
	require.NoError(t, box.Close())
}

// live is one life of the process. It ends in the middle of deliveries.
func (s *storm) live(t *testing.T, inboxes []*inbox.Inbox) {
	var all sync.WaitGroup
	ctx, end := context.WithCancel(t.Context())
	defer all.Wait()
	defer end()
	for n := range deliverers {
		seed := s.random.Uint64()
		all.Go(func() { s.deliver(ctx, inboxes[n%len(inboxes)], rand.New(rand.NewPCG(seed, 1))) })
	}
	for range 10 {
		s.engine.set(mood(s.random.IntN(int(moods))))
		for range 3 {
			s.engine.fail(s.keyed(s.random.IntN(keys)))
		}
		time.Sleep(time.Duration(s.random.IntN(30)) * time.Millisecond) // the times are part of the random orders
	}
}

// keys is the number of dedupe keys.
const keys = 12

func (s *storm) keyed(n int) everhook.RunID {
	return everhook.DerivedRunID(fmt.Append(nil, "secret", s.seed), fmt.Sprint(n))
}

// deliver sends deliveries, some with a key.
func (s *storm) deliver(ctx context.Context, i *inbox.Inbox, random *rand.Rand) {
	for range perLife {
		d := *entry(fmt.Sprint("flow", random.IntN(3)), "")
		s.mutex.Lock()
		s.sent++
		d.Delivery = fmt.Sprint("d", s.sent)
		s.mutex.Unlock()
		if key := random.IntN(2 * keys); key < keys {
			d.Run, d.Digest = s.keyed(key), fmt.Sprint("body", random.IntN(2))
			d.Duplicates = &everhook.DuplicatePolicy{Rerun: key%2 == 0, SamePayload: key%3 == 0}
		}
		if _, err := i.Accept(ctx, s.engine.delivery(d)); err != nil {
			continue
		}
		s.mutex.Lock()
		s.accepted[d.Run] = append(s.accepted[d.Run], d)
		s.mutex.Unlock()
	}
}

// check checks every run.
func (s *storm) check(t *testing.T, box inbox.Box) {
	dead, err := box.List(t.Context(), inbox.Filter{Dead: true, Limit: 1000})
	require.NoError(t, err)
	buried := map[string]bool{}
	for _, row := range dead {
		require.Contains(t, row.Reason, "another body")
		buried[row.Delivery] = true
	}
	t.Logf("%d sent, %d runs accepted, %d dead", s.sent, len(s.accepted), len(dead))
	require.Greater(t, len(s.accepted), keys)
	for id, accepted := range s.accepted {
		run := s.engine.runs[id]
		require.NotNil(t, run, "an accepted delivery has no run: %v", accepted)
		if accepted[0].Duplicates == nil {
			require.Equal(t, []string{accepted[0].Delivery}, run.started)
			continue
		}
		seen := map[string]bool{}
		for _, started := range run.started {
			require.False(t, seen[started], "%s was started twice", started)
			seen[started] = true
		}
		if !accepted[0].Duplicates.Rerun {
			require.Len(t, run.started, 1)
		}
		if accepted[0].Duplicates.SamePayload {
			for _, d := range accepted {
				require.True(t, d.Digest == run.digest || buried[d.Delivery], "another body was accepted: %v", d)
			}
		}
	}
}

// TestAPausedFlowKeepsItsDeliveries: others go on, and the rows are started in their order once it is resumed.
func TestAPausedFlowKeepsItsDeliveries(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		box, e := at.opened(t), newEngine()
		var paused atomic.Bool
		paused.Store(true)
		i := open(t, box, e, func(o *inbox.Options) {
			o.Paused = func(flow string) bool { return flow == "paused" && paused.Load() }
		})
		for n := range 5 {
			accept(t, i, e.delivery(*entry("paused", fmt.Sprint(n))))
			d := e.delivery(*entry("other", fmt.Sprint(n)))
			d.Always = true
			accept(t, i, d)
		}
		require.Eventually(t, func() bool { return len(box.Flows()) == 1 }, patience, time.Millisecond)
		of, _ := box.Load("paused")
		require.Equal(t, 5, of.Rows)
		require.Empty(t, e.starts("paused"))
		paused.Store(false)
		i.Wake()
		drained(t, box)
		require.Len(t, e.starts("paused"), 5)
	})
}

func TestARowIsFoundByItsID(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		box := at.opened(t)
		_, err := box.Put(t.Context(), entry("flow", "a"))
		require.NoError(t, err)
		rows, err := box.List(t.Context(), inbox.Filter{Limit: 10})
		require.NoError(t, err)
		row, err := box.Row(t.Context(), rows[0].ID)
		require.NoError(t, err)
		require.Equal(t, rows[0], row)
		require.NoError(t, box.Bury(t.Context(), row, "why"))
		row, err = box.Row(t.Context(), row.ID)
		require.NoError(t, err)
		require.Equal(t, "why", row.Reason)
		_, err = box.Row(t.Context(), row.ID+1)
		require.ErrorIs(t, err, inbox.ErrNoRow)
	})
}

// TestANeighbourOfAStormIsServed: a storm of deliveries to one flow delays neither the acceptance nor the runs of
// another flow by more than a few starts.
func TestANeighbourOfAStormIsServed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		box, e := at.opened(t), newEngine()
		e.set(slow)
		i := open(t, box, e)
		ctx, end := context.WithCancel(t.Context())
		var storm sync.WaitGroup
		for caller := range 16 {
			storm.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					d := e.delivery(*entry("storm", fmt.Sprint(caller, "-", n)))
					d.Always = true
					_, _ = i.Accept(ctx, d)
				}
			})
		}
		require.Eventually(t, func() bool {
			of, _ := box.Load("storm")
			return of.Rows > 500
		}, patience, time.Millisecond)
		const deliveries = 20
		var overtaken []int
		var took []time.Duration
		for n := range deliveries {
			before := len(e.starts("storm"))
			d := e.delivery(*entry("neighbour", fmt.Sprint(n)))
			d.Always = true
			began := time.Now()
			accept(t, i, d)
			took = append(took, time.Since(began))
			require.Eventually(t, func() bool { return len(e.starts("neighbour")) == n+1 }, patience, time.Millisecond)
			overtaken = append(overtaken, len(e.starts("storm"))-before)
		}
		end()
		storm.Wait()
		of, _ := box.Load("storm")
		// Up to 64 starts are under way when a delivery comes; the storm has hundreds of rows before it.
		require.Less(t, slices.Max(overtaken), 200, "runs of the storm that were started first")
		t.Logf("the neighbour was accepted within %s and waited for at most %d starts of the storm, which had %d rows",
			slices.Max(took), slices.Max(overtaken), of.Rows)
		e.set(quick)
	})
}
