package server

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheClockIsWatched(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)
	c := newClock(at, 0)
	var elapsed time.Duration
	for _, tick := range []struct {
		passed, set  time.Duration
		step, behind time.Duration
	}{
		{passed: time.Second},
		{passed: time.Second, set: 100 * time.Millisecond}, // slewed
		{passed: time.Second, set: -30 * time.Second, step: -30 * time.Second, behind: 29 * time.Second},
		{passed: 20 * time.Second, behind: 9 * time.Second},
		{passed: 10 * time.Second}, // it has caught up
		{passed: time.Second, set: time.Hour, step: time.Hour},
		{passed: time.Second, set: -time.Hour, step: -time.Hour, behind: time.Hour - time.Second},
		{passed: time.Minute}, // the process was frozen, and the clock went on
	} {
		elapsed += tick.passed
		at = at.Add(tick.passed + tick.set)
		step, behind := c.tick(at, elapsed)
		require.Equal(t, tick.step, step)
		if tick.behind == 0 && behind > 0 {
			c.healed()
			_, behind = c.tick(at, elapsed)
		}
		require.Equal(t, tick.behind, behind)
	}
}
