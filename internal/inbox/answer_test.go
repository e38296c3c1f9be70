package inbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/inbox"
)

// syncFlow is a sync flow on the fake Temporal. Its early answer names the delivery.
type syncFlow struct {
	*engine
	// ran counts the calls of Run.
	ran atomic.Int32
}

func answerOf(text string) *everhook.Answer {
	return &everhook.Answer{Status: 200, Body: everhook.Of(text)}
}

// sync makes a delivery; early ones can be answered without Temporal.
func (f *syncFlow) sync(d *inbox.Entry, early bool) inbox.SyncDelivery {
	delivery := inbox.SyncDelivery{Entry: *d,
		Run: func(ctx context.Context, begun func()) (everhook.Started, error) {
			f.ran.Add(1)
			started, err := f.start(ctx, d)
			if err != nil {
				return everhook.Started{}, err
			}
			begun()
			started.Answer = answerOf("of the run")
			return started, nil
		},
		Encode: func() ([]byte, error) { return json.Marshal(d) },
		Answered: func(input []byte) (*everhook.Answer, error) {
			var stored inbox.Entry
			if err := json.Unmarshal(input, &stored); err != nil || stored.Trace == "" {
				return nil, err
			}
			return answerOf(stored.Trace), nil
		}}
	if early {
		delivery.Early = func() (*everhook.Answer, func() ([]byte, error), bool) {
			stored := *d
			stored.Trace = "early for " + d.Delivery
			return answerOf(stored.Trace), func() ([]byte, error) { return json.Marshal(stored) }, true
		}
	}
	return delivery
}

func answered(t *testing.T, i *inbox.Inbox, d inbox.SyncDelivery) (any, everhook.Started) {
	t.Helper()
	started, err := i.Answer(t.Context(), d)
	require.NoError(t, err)
	if started.Answer == nil {
		return nil, started
	}
	return started.Answer.Body.V, started
}

// slowed is an inbox that knows that Temporal is slow, and starts no rows.
func slowed(t *testing.T, box inbox.Box, f *syncFlow, changes ...func(*inbox.Options)) *inbox.Inbox {
	t.Helper()
	i := open(t, idle{box}, f.engine, append(changes, func(o *inbox.Options) { o.Budget = time.Nanosecond })...)
	d := f.sync(entry("flow", "makes it slow"), true)
	_, err := i.Answer(t.Context(), d)
	require.NoError(t, err)
	return i
}

func TestCallersAreAnsweredByTheRunWhileTemporalIsQuick(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		f := &syncFlow{engine: newEngine()}
		i := open(t, at.opened(t), f.engine)
		got, _ := answered(t, i, f.sync(entry("flow", "one"), true))
		require.Equal(t, "of the run", got)
	})
}

func TestCallersAreAnsweredEarlyWhileTemporalIsSlow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		box, f := at.opened(t), &syncFlow{engine: newEngine()}
		i := slowed(t, box, f)
		f.ran.Store(0)
		got, started := answered(t, i, f.sync(entry("flow", "one"), true))
		require.Equal(t, "early for one", got)
		require.False(t, started.Duplicate)
		require.EqualValues(t, 1, i.Early())
		require.Zero(t, f.ran.Load())
		of, _ := box.Load("flow")
		require.Equal(t, 1, of.Rows)
		got, _ = answered(t, i, f.sync(entry("flow", "two"), false))
		require.Equal(t, "of the run", got, "nothing else can answer it")
		open(t, box, f.engine)
		drained(t, box)
		require.Contains(t, f.starts("flow"), "one")
	})
}

// TestADuplicateGetsTheEarlyAnswerOfTheFirst, and one of a run that is started gets that of the run.
func TestADuplicateGetsTheEarlyAnswerOfTheFirst(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		box, f := at.opened(t), &syncFlow{engine: newEngine()}
		i := slowed(t, box, f)
		policy := &everhook.DuplicatePolicy{SamePayload: true, Rerun: true}
		keyed := func(delivery, digest string) *inbox.Entry {
			e := entry("flow", delivery)
			e.Run, e.Digest, e.Duplicates = "the-run-of-the-key", digest, policy
			return e
		}
		got, _ := answered(t, i, f.sync(keyed("first", "a"), true))
		require.Equal(t, "early for first", got)
		got, started := answered(t, i, f.sync(keyed("second", "a"), true))
		require.Equal(t, "early for first", got)
		require.True(t, started.Duplicate)
		_, err := i.Answer(t.Context(), f.sync(keyed("third", "b"), true))
		require.Equal(t, everhook.TypeKeyReused, everhook.AsError(err).Type)
		open(t, box, f.engine)
		drained(t, box)
		f.ran.Store(0)
		got, started = answered(t, i, f.sync(keyed("fourth", "a"), true))
		require.Equal(t, "of the run", got, "only Temporal knows it now")
		require.True(t, started.Duplicate)
		require.EqualValues(t, 1, f.ran.Load())
	})
}

func TestDeliveriesThatCannotBeAnsweredInAnOutage(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		box, f := at.opened(t), &syncFlow{engine: newEngine()}
		f.set(away)
		i := open(t, box, f.engine)
		_, err := i.Answer(t.Context(), f.sync(entry("flow", "refused"), false))
		require.True(t, errors.Is(err, errAway))
		d := f.sync(entry("flow", "accepted"), false)
		d.Accept = true
		got, _ := answered(t, i, d)
		require.Nil(t, got)
		of, _ := box.Load("flow")
		require.Equal(t, 1, of.Rows)
		f.set(quick)
		drained(t, box)
		require.Equal(t, []string{"accepted"}, f.starts("flow"))
	})
}

func TestAPausedSyncFlowKeepsItsDeliveries(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, at place) {
		box, f := at.opened(t), &syncFlow{engine: newEngine()}
		i := open(t, box, f.engine, func(o *inbox.Options) { o.Paused = func(string) bool { return true } })
		got, _ := answered(t, i, f.sync(entry("flow", "one"), true))
		require.Equal(t, "early for one", got)
		got, _ = answered(t, i, f.sync(entry("flow", "two"), false))
		require.Nil(t, got)
		require.Empty(t, f.starts("flow"))
		of, _ := box.Load("flow")
		require.Equal(t, 2, of.Rows)
	})
}
