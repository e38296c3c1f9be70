package places

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheLastFifthOfPlacesIsForOtherFlows lets one flow take all that it gets, and then others.
func TestTheLastFifthOfPlacesIsForOtherFlows(t *testing.T) {
	t.Parallel()
	s := New(20)
	var taken []func()
	take := func(flow string) bool {
		leave, ok := s.enter(flow)
		if ok {
			taken = append(taken, leave)
		}
		return ok
	}
	for range 16 {
		require.True(t, take("greedy"))
	}
	require.False(t, take("greedy"), "four fifths")
	require.True(t, take("modest"))
	require.True(t, take("modest"))
	require.False(t, take("modest"), "a tenth, once the open places are taken")
	require.True(t, take("other"))
	taken[0]()
	require.False(t, take("greedy"), "the others hold the rest")
	for _, leave := range taken[1:] {
		leave()
	}
	require.True(t, take("greedy"))
	require.Equal(t, map[string]int{"greedy": 1}, s.running, "flows without effects are forgotten")
}

// TestSlotsOfTheLastFifthAreIssuedSlowly asks for slots while the open places are taken.
func TestSlotsOfTheLastFifthAreIssuedSlowly(t *testing.T) {
	t.Parallel()
	s, now := New(10), time.Now()
	for range 8 {
		wait, _ := s.reserve(now)
		require.Zero(t, wait)
		_, ok := s.enter("greedy")
		require.True(t, ok)
	}
	require.Nil(t, s.TryReserveSlot(nil), "an effect that follows in the worker gets no slot of the last fifth")
	wait, _ := s.reserve(now)
	require.Zero(t, wait)
	wait, _ = s.reserve(now)
	require.Equal(t, pace, wait)
	wait, _ = s.reserve(now.Add(pace))
	require.Zero(t, wait)
	wait, changed := s.reserve(now.Add(time.Hour))
	require.Equal(t, time.Hour, wait, "all are issued")
	s.ReleaseSlot(nil)
	<-changed
	wait, _ = s.reserve(now.Add(time.Hour))
	require.Zero(t, wait)
}
