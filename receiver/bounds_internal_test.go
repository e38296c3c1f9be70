package receiver

import (
	"context"
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
