package receiver

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/iotest"
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

func TestReadWithin(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 511, 512, firstRead - 1, firstRead, firstRead + 1, 3*firstRead + 7} {
		text := strings.Repeat("x", size)
		for _, declared := range []int{size, 0} {
			for name, reader := range map[string]io.Reader{
				"all at once": strings.NewReader(text), "byte by byte": iotest.OneByteReader(strings.NewReader(text)),
				"the end with the data": iotest.DataErrReader(strings.NewReader(text)),
			} {
				body, err := readWithin(reader, 1<<20, int64(declared))
				require.NoError(t, err, name)
				require.Equal(t, text, string(body))
				require.LessOrEqual(t, cap(body), max(2*size, firstRead)+1)
			}
		}
		if size > 0 {
			body, err := readWithin(bytes.NewReader([]byte(text+"more")), int64(size), 0)
			require.NoError(t, err)
			require.Len(t, body, size+1, "one byte over the limit is read")
		}
	}
	_, err := readWithin(iotest.ErrReader(io.ErrUnexpectedEOF), 10, 10)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}
