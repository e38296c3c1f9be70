package receiver

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// waitingFor returns when so many calls wait for a turn.
func waitingFor(t *testing.T, line *turns, count int) {
	t.Helper()
	require.Eventually(t, func() bool {
		line.mutex.Lock()
		defer line.mutex.Unlock()
		waiting := 0
		for _, calls := range line.waiting {
			waiting += len(calls)
		}
		return waiting == count
	}, time.Minute, time.Millisecond)
}

func TestFlowsTakeTurns(t *testing.T) {
	t.Parallel()
	line := newTurns()
	line.free = 1
	require.True(t, line.enter(t.Context(), "attacked"))
	began := make(chan string, 10)
	for i, flow := range []string{"attacked", "attacked", "attacked", "neighbour", "attacked", "third"} {
		go func() {
			if line.enter(context.Background(), flow) {
				began <- flow
			}
		}()
		waitingFor(t, line, i+1)
	}
	var order []string
	for range 6 {
		line.leave()
		order = append(order, <-began)
	}
	require.Equal(t, []string{"attacked", "neighbour", "third", "attacked", "attacked", "attacked"}, order)
	line.leave()
	require.Equal(t, 1, line.free)
	require.Empty(t, line.waiting)
	require.Empty(t, line.order)
}

func TestACallThatGivesUpLeavesTheLine(t *testing.T) {
	t.Parallel()
	line := newTurns()
	line.free = 1
	require.True(t, line.enter(t.Context(), "a"))
	impatient, giveUp := context.WithCancel(t.Context())
	gaveUp, began := make(chan bool), make(chan bool)
	go func() { gaveUp <- line.enter(impatient, "b") }()
	waitingFor(t, line, 1)
	go func() { began <- line.enter(context.Background(), "c") }()
	waitingFor(t, line, 2)
	giveUp()
	require.False(t, <-gaveUp)
	require.Equal(t, []string{"c"}, line.order)
	line.leave()
	require.True(t, <-began)
	line.leave()
	require.Equal(t, 1, line.free)
	require.Empty(t, line.waiting)
}

func TestRetryAfterIsInWholeSecondsRoundedUp(t *testing.T) {
	t.Parallel()
	for wait, want := range map[float64]int{0.001: 1, 1: 1, 1.001: 2, 2: 2, 3599.5: 3600, 3600: 3600, 3601: 3600} {
		require.Equal(t, want, seconds(wait), wait)
	}
}

// TestTheBudgetCountsClients checks who has what, and that nothing is left when all is given back.
func TestTheBudgetCountsClients(t *testing.T) {
	t.Parallel()
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	b := &budget{total: 800 << 10, byClient: map[netip.Addr]int64{}}
	of := func(client netip.Addr, size int64) *share { return &share{size: size, client: client, bounded: true} }
	unknown, small := &share{size: 90 << 10}, of(one, countedBody)
	first, second, third := of(one, 300<<10), of(one, 100<<10), of(other, 100<<10)
	for _, s := range []*share{unknown, small, first, second, third} {
		require.True(t, b.take(*s))
	}
	require.Equal(t, map[netip.Addr]int64{one: 400 << 10, other: 100 << 10}, b.byClient)
	require.False(t, b.take(*of(one, countedBody+1)), "it has its half")
	require.True(t, b.take(*of(one, countedBody)), "the smallest bodies are not counted")
	b.giveBack(*of(one, countedBody))
	require.False(t, b.take(share{size: 500 << 10}), "there is no room")

	require.False(t, b.change(second, 101<<10), "it would have more than its half")
	require.Zero(t, second.size)
	require.True(t, b.change(third, 90<<10))
	require.Equal(t, map[netip.Addr]int64{one: 300 << 10, other: 90 << 10}, b.byClient)
	b.giveBack(*first)
	first.size = 50 << 10
	b.keep(*first)
	require.Equal(t, map[netip.Addr]int64{one: 50 << 10, other: 90 << 10}, b.byClient)
	require.EqualValues(t, 90<<10+countedBody+50<<10+90<<10, b.used.Load())
	for _, s := range []*share{unknown, small, first, second, third} {
		b.giveBack(*s)
	}
	require.Zero(t, b.used.Load())
	require.Empty(t, b.byClient)
}
