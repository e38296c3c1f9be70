package receiver_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

// patient is an engine whose runs answer on request, and that fulfils the contract of Starter.Run.
func patient(answer chan *everhook.Answer) *starter {
	return &starter{
		run: func(ctx context.Context, _ everhook.Delivery, wait time.Duration) (*everhook.Answer, error) {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			select {
			case a := <-answer:
				return a, nil
			case <-timer.C:
			case <-ctx.Done():
			}
			return nil, nil
		},
		outcome: func(ctx context.Context, _ string, _ everhook.RunID, wait time.Duration) (*everhook.Outcome, error) {
			if wait > 0 {
				<-ctx.Done()
			}
			return &everhook.Outcome{Status: everhook.Pending}, nil
		},
	}
}

// hold sends a request that waits, and returns when n callers wait.
func hold(t testing.TB, s *service, request string, n int) net.Conn {
	t.Helper()
	c := dial(t, s)
	_, err := io.WriteString(c, request)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.Held()+s.Asking() == n }, time.Minute, time.Millisecond)
	return c
}

// closed tells whether a TCP listener takes no more connections. Dialing would not: its port may be another program's
// by then.
func closed(l net.Listener) bool {
	return errors.Is(l.(*net.TCPListener).SetDeadline(time.Time{}), net.ErrClosed)
}

func TestAStopGivesHeldCallersTheir202(t *testing.T) {
	t.Parallel()
	s := serve(t, receiver.Options{StopGrace: 20 * time.Millisecond}, someFlows(), patient(nil))
	idle := dial(t, s)
	_, err := io.WriteString(idle, post(asyncToken, "{}"))
	require.NoError(t, err)
	trigger := hold(t, s, post(syncToken, "{}"), 1)
	answer := hold(t, s, lines("GET /api/webhook:answer/"+syncToken+"/"+string(someRun)+"?wait=1m HTTP/1.1", "Host: x"),
		2)

	began := time.Now()
	require.NoError(t, s.Shutdown(t.Context()))
	require.Less(t, time.Since(began), 5*time.Second)
	for _, c := range []net.Conn{trigger, answer} {
		got := replies(t, c, false)
		require.Len(t, got, 1)
		require.True(t, strings.HasPrefix(got[0], "202\n"), got[0])
		require.Contains(t, got[0], closing)
	}
	require.Len(t, replies(t, idle, false), 1)
	require.True(t, closed(s.listener))
}

func TestAStopLetsAnswersArriveInTheGrace(t *testing.T) {
	t.Parallel()
	answer := make(chan *everhook.Answer)
	s := serve(t, receiver.Options{StopGrace: time.Minute}, someFlows(), patient(answer))
	caller := hold(t, s, post(syncToken, "{}"), 1)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	require.Eventually(t, func() bool {
		return closed(s.listener)
	}, time.Minute, time.Millisecond, "new connections are refused at once")
	answer <- &everhook.Answer{Status: 200, Body: everhook.Of("in time")}
	require.Contains(t, replies(t, caller, false)[0], "in time")
	require.NoError(t, <-stopped)
}

func TestAStopEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := serve(t, receiver.Options{StopGrace: 50 * time.Millisecond}, someFlows(), patient(nil))
	hold(t, s, post(syncToken, "{}"), 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Shutdown(ctx), context.Canceled)
}

func TestAReceiverThatStoppedServesNothing(t *testing.T) {
	t.Parallel()
	r := receiver.New(receiver.Options{}, someFlows(), &starter{})
	require.NoError(t, r.Shutdown(t.Context()))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, r.Serve(l))
	require.True(t, closed(l))
}

func TestAReceiverStopsOnEveryListener(t *testing.T) {
	t.Parallel()
	r := receiver.New(receiver.Options{}, someFlows(), &starter{})
	served := make(chan error, 2)
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		go func() { served <- r.Serve(l) }()
		require.Len(t, exchange(t, &service{address: l.Addr().String()}, last), 1)
	}
	require.NoError(t, r.Shutdown(t.Context()))
	require.NoError(t, <-served)
	require.NoError(t, <-served)
}

// broken is a listener whose first calls of Accept fail.
type broken struct {
	net.Listener
	errs []error
}

func (l *broken) Accept() (net.Conn, error) {
	if len(l.errs) == 0 {
		return l.Listener.Accept()
	}
	err := l.errs[0]
	l.errs = l.errs[1:]
	return nil, err
}

func TestAShortageOfFilesDoesNotEndServing(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	shortage := &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	r := receiver.New(receiver.Options{}, someFlows(), &starter{})
	served := make(chan error, 1)
	go func() { served <- r.Serve(&broken{l, []error{shortage, shortage}}) }()
	require.Len(t, exchange(t, &service{address: l.Addr().String()}, last), 1)
	require.NoError(t, r.Shutdown(t.Context()))
	require.NoError(t, <-served)
}

func TestAListenerThatBreaksEndsServing(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	r := receiver.New(receiver.Options{}, someFlows(), &starter{})
	require.EqualError(t, r.Serve(&broken{l, []error{errors.New("no such device")}}), "no such device")
}
