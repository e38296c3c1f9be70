package inbox_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/inbox"
	"github.com/everhook/everhook/internal/store/storetest"
)

// place opens boxes: several of one place stand for several lives of a process.
type place func(t *testing.T) inbox.Box

// each runs a test on every engine.
func each(t *testing.T, test func(t *testing.T, open place)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "inbox.db")
		test(t, func(t *testing.T) inbox.Box { return file(t, path) })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		at := storetest.Place(storetest.Postgres(t))
		test(t, func(t *testing.T) inbox.Box { return database(t, at) })
	})
}

// database opens a box for another process.
func database(t *testing.T, at storetest.Place) *inbox.Shared {
	t.Helper()
	box, err := inbox.OpenShared(t.Context(), at.Open(t).Postgres(), inbox.SharedOptions{Window: time.Hour,
		Lease: lease})
	require.NoError(t, err)
	return box
}

// lease is short, so that the rows of processes that were killed are soon there.
const lease = time.Second

func file(t *testing.T, path string) *inbox.File {
	t.Helper()
	box, err := inbox.OpenFile(t.Context(), inbox.FileOptions{Path: path, Window: time.Hour})
	require.NoError(t, err)
	return box
}

// opened opens a box until the test ends.
func (p place) opened(t *testing.T) inbox.Box {
	t.Helper()
	box := p(t)
	t.Cleanup(func() { require.NoError(t, box.Close()) })
	return box
}

func entry(flow, delivery string) *inbox.Entry {
	return &inbox.Entry{Flow: flow, Version: 3, Hash: "hash", Run: everhook.NewRunID(), Delivery: delivery,
		Digest: "digest", ReceivedAt: time.UnixMicro(time.Now().UnixMicro()), Trace: "trace",
		Input: []byte("input of " + delivery)}
}

func put(t *testing.T, box inbox.Box, e *inbox.Entry) {
	t.Helper()
	verdict, err := box.Put(t.Context(), e)
	require.NoError(t, err)
	require.Equal(t, inbox.Stored, verdict)
}

func take(t *testing.T, box inbox.Box, flow string, limit int) []inbox.Row {
	t.Helper()
	rows, err := box.Take(t.Context(), flow, limit)
	require.NoError(t, err)
	return rows
}

func deliveries(rows []inbox.Row) (ids []string) {
	for _, row := range rows {
		ids = append(ids, row.Delivery)
	}
	return ids
}

func TestRowsAreTakenOnceAndInOrder(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open place) {
		box := open.opened(t)
		for n := range 5 {
			put(t, box, entry("a", fmt.Sprint("a", n)))
			put(t, box, entry("b", fmt.Sprint("b", n)))
		}
		require.Equal(t, []string{"a0", "a1", "a2"}, deliveries(take(t, box, "a", 3)))
		require.Equal(t, []string{"a3", "a4"}, deliveries(take(t, box, "a", 3)))
		require.Empty(t, take(t, box, "a", 3))
		require.Equal(t, []string{"b0"}, deliveries(take(t, box, "b", 1)))
		of, total := box.Load("a")
		require.Equal(t, 5, of.Rows)
		require.Equal(t, 10, total.Rows)
		require.Len(t, box.Flows(), 2)
	})
}

func TestARowHasAllThatAStartNeeds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open place) {
		box := open.opened(t)
		e := entry("flow", "one")
		put(t, box, e)
		row := take(t, box, "flow", 10)[0]
		require.Equal(t, inbox.Row{ID: row.ID, Flow: "flow", Version: 3, Hash: "hash", Run: e.Run, Delivery: "one",
			ReceivedAt: e.ReceivedAt, Trace: "trace", Bytes: e.Size()}, row)
		input, err := box.Input(t.Context(), row)
		require.NoError(t, err)
		require.Equal(t, e.Input, input)
		found, err := box.Waits(t.Context(), "flow", e.Run)
		require.NoError(t, err)
		require.Equal(t, row, found)
		_, err = box.Waits(t.Context(), "flow", everhook.NewRunID())
		require.ErrorIs(t, err, inbox.ErrNoRow)
		totals, err := box.Totals(t.Context())
		require.NoError(t, err)
		require.Equal(t, inbox.Totals{Waiting: 1, Bytes: int64(e.Size()), Oldest: e.ReceivedAt}, totals)
	})
}

func TestRowsThatAreDoneAreGone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open place) {
		box := open(t)
		put(t, box, entry("flow", "one"))
		put(t, box, entry("flow", "two"))
		rows := take(t, box, "flow", 10)
		box.Done(rows[0])
		of, _ := box.Load("flow")
		require.Equal(t, 1, of.Rows)
		require.NoError(t, box.Close())
		again := open.opened(t)
		require.Equal(t, []string{"two"}, deliveries(take(t, again, "flow", 10)), "a row that was only taken is there")
		select {
		case <-again.Changed():
		case <-time.After(10 * time.Second):
			t.Fatal("the rows of an earlier process are not announced")
		}
	})
}

func TestReleasedRowsAreTakenAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open place) {
		box := open.opened(t)
		put(t, box, entry("flow", "one"))
		rows := take(t, box, "flow", 10)
		require.NoError(t, box.Release(t.Context(), rows))
		require.Equal(t, rows, take(t, box, "flow", 10))
		require.Empty(t, take(t, box, "flow", 10))
	})
}

func TestDeadLettersAreListedRevivedAndDropped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open place) {
		box := open.opened(t)
		for n := range 3 {
			e := entry("flow", fmt.Sprint(n))
			e.Duplicates = &everhook.DuplicatePolicy{}
			put(t, box, e)
		}
		rows := take(t, box, "flow", 10)
		for _, row := range rows {
			require.NoError(t, box.Bury(t.Context(), row, "the reason of "+row.Delivery))
		}
		of, _ := box.Load("flow")
		require.Zero(t, of)
		dead, err := box.List(t.Context(), inbox.Filter{Dead: true, Limit: 2})
		require.NoError(t, err)
		require.Equal(t, []string{"0", "1"}, deliveries(dead))
		require.Equal(t, "the reason of 0", dead[0].Reason)
		require.WithinDuration(t, time.Now(), dead[0].DeadAt, time.Minute)
		rest, err := box.List(t.Context(), inbox.Filter{Dead: true, Flow: "flow", After: dead[1].ID, Limit: 2})
		require.NoError(t, err)
		require.Equal(t, []string{"2"}, deliveries(rest))
		found, err := box.Waits(t.Context(), "flow", rows[1].Run)
		require.NoError(t, err)
		require.False(t, found.DeadAt.IsZero())

		revived, err := box.Revive(t.Context(), dead[1].ID)
		require.NoError(t, err)
		require.Zero(t, revived.DeadAt)
		require.Equal(t, []string{"1"}, deliveries(take(t, box, "flow", 10)))
		input, err := box.Input(t.Context(), revived)
		require.NoError(t, err)
		require.Equal(t, "input of 1", string(input))
		_, err = box.Drop(t.Context(), dead[0].ID)
		require.NoError(t, err)
		for _, id := range []int64{dead[0].ID, dead[1].ID} {
			_, err = box.Drop(t.Context(), id)
			require.ErrorIs(t, err, inbox.ErrNoRow)
			_, err = box.Revive(t.Context(), id)
			require.ErrorIs(t, err, inbox.ErrNoRow)
		}
		totals, err := box.Totals(t.Context())
		require.NoError(t, err)
		require.Equal(t, 1, totals.Dead)
	})
}

func TestListsOfRowsThatWait(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open place) {
		box := open.opened(t)
		for n := range 3 {
			put(t, box, entry(fmt.Sprint("flow", n%2), fmt.Sprint(n)))
		}
		all, err := box.List(t.Context(), inbox.Filter{Limit: 10})
		require.NoError(t, err)
		require.Equal(t, []string{"0", "1", "2"}, deliveries(all))
		of, err := box.List(t.Context(), inbox.Filter{Flow: "flow0", After: all[0].ID, Limit: 10})
		require.NoError(t, err)
		require.Equal(t, []string{"2"}, deliveries(of))
	})
}

// TestTheClaimFollowsTheRun goes through the states of a claim.
func TestTheClaimFollowsTheRun(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open place) {
		box := open.opened(t)
		policy := &everhook.DuplicatePolicy{SamePayload: true}
		run := everhook.NewRunID()
		with := func(delivery, digest string) *inbox.Entry {
			e := entry("flow", delivery)
			e.Run, e.Digest, e.Duplicates = run, digest, policy
			return e
		}
		check := func(want inbox.Verdict, verdict inbox.Verdict, err error) {
			t.Helper()
			require.NoError(t, err)
			require.Equal(t, want, verdict)
		}
		claim := func(want inbox.Verdict, e *inbox.Entry) {
			t.Helper()
			verdict, err := box.Claim(t.Context(), e)
			check(want, verdict, err)
		}
		store := func(want inbox.Verdict, e *inbox.Entry) {
			t.Helper()
			verdict, err := box.Put(t.Context(), e)
			check(want, verdict, err)
		}
		claim(inbox.Proceed, with("first", "a"))
		store(inbox.Unknown, with("other", "b"))
		store(inbox.Stored, with("first", "a"))
		claim(inbox.Duplicate, with("second", "a"))
		store(inbox.Duplicate, with("second", "a"))
		store(inbox.Reused, with("other", "b"))
		box.Settle(with("late", "c")) // of a direct start that returns only now
		store(inbox.Reused, with("other", "c"))
		box.Done(take(t, box, "flow", 10)[0])
		store(inbox.Duplicate, with("third", "a"))
		require.Eventually(t, func() bool { // what is done may be written later
			verdict, err := box.Claim(t.Context(), with("third", "a"))
			return err == nil && verdict == inbox.Proceed
		}, patience, time.Millisecond)
		claim(inbox.Reused, with("other", "b"))
		require.Eventually(t, func() bool { // a count that was under way may show the row for a moment
			of, _ := box.Load("flow")
			return of.Rows == 0
		}, patience, time.Millisecond)
	})
}

func TestADeadLetterLeavesItsRunToOthers(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open place) {
		box := open.opened(t)
		first := entry("flow", "first")
		first.Duplicates = &everhook.DuplicatePolicy{}
		put(t, box, first)
		require.NoError(t, box.Bury(t.Context(), take(t, box, "flow", 1)[0], "reason"))
		second := *first
		second.Delivery = "second"
		put(t, box, &second)
	})
}

// TestOfManyDuplicatesAtOnceOneIsStored: the others are told that they are duplicates.
func TestOfManyDuplicatesAtOnceOneIsStored(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, open place) {
		box := open.opened(t)
		var mutex sync.Mutex
		verdicts := map[inbox.Verdict]int{}
		var all sync.WaitGroup
		run := everhook.NewRunID()
		for n := range 50 {
			all.Go(func() {
				e := entry("flow", fmt.Sprint(n))
				e.Run, e.Duplicates = run, &everhook.DuplicatePolicy{Rerun: true}
				verdict, err := box.Put(context.Background(), e)
				mutex.Lock()
				defer mutex.Unlock()
				if err == nil {
					verdicts[verdict]++
				}
			})
		}
		all.Wait()
		require.Equal(t, map[inbox.Verdict]int{inbox.Stored: 1, inbox.Duplicate: 49}, verdicts)
		require.Len(t, take(t, box, "flow", 100), 1)
	})
}

func TestAFileHasOneProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inbox.db")
	first := file(t, path)
	_, err := inbox.OpenFile(t.Context(), inbox.FileOptions{Path: path})
	require.ErrorIs(t, err, inbox.ErrInUse)
	require.NoError(t, first.Close())
	require.NoError(t, file(t, path).Close())
}

// A process that goes on after its database broke off must not keep such a row for good.
func TestARowWhoseTakingWasNotAnsweredIsTakenAgain(t *testing.T) {
	t.Parallel()
	box := database(t, storetest.Place(storetest.Postgres(t)))
	t.Cleanup(func() { require.NoError(t, box.Close()) })
	put(t, box, entry("a", "lost"))
	require.NoError(t, box.TakeUnanswered(t.Context(), "a"))
	require.Eventually(t, func() bool {
		return len(take(t, box, "a", 1)) == 1
	}, time.Minute, lease/10)
	put(t, box, entry("a", "next"))
	require.Equal(t, []string{"next"}, deliveries(take(t, box, "a", 10)))
}

// Another process took the row when its lease had expired, and started it: the claim stays.
func TestAStartedRowIsNotBuried(t *testing.T) {
	t.Parallel()
	box := database(t, storetest.Place(storetest.Postgres(t)))
	t.Cleanup(func() { require.NoError(t, box.Close()) })
	e := entry("a", "first")
	e.Duplicates = &everhook.DuplicatePolicy{}
	put(t, box, e)
	row := take(t, box, "a", 1)[0]
	box.Done(row)
	require.Eventually(t, func() bool {
		_, err := box.Input(t.Context(), row)
		return errors.Is(err, inbox.ErrNoRow)
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, box.Bury(t.Context(), row, "never"))
	dead, err := box.List(t.Context(), inbox.Filter{Dead: true, Limit: 10})
	require.NoError(t, err)
	require.Empty(t, dead)
	again := *e
	again.Delivery = "second"
	verdict, err := box.Put(t.Context(), &again)
	require.NoError(t, err)
	require.NotEqual(t, inbox.Stored, verdict)
}
