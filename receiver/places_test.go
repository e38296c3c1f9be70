package receiver_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

const busy = "503\n" + problemType + "Retry-After: 5\n" +
	`{"type":"urn:everhook:problem:too-many-held-callers","title":"Too many callers wait","status":503,` +
	`"detail":"too many callers wait for an answer; try again"}`

// ask is a request that waits for the answer of an earlier run.
var ask = lines("GET /api/webhook:answer/"+syncToken+"/"+string(someRun)+"?wait=5m HTTP/1.1", "Host: x")

func TestCallersThatWaitAreBoundedByKind(t *testing.T) {
	t.Parallel()
	engine := patient(make(chan *everhook.Answer))
	engine.version = waiting().version
	resumed := make(chan struct{})
	engine.resume = func(context.Context, string, everhook.RunID, everhook.ResumeCall) (everhook.Resumed, error) {
		<-resumed
		return everhook.Resumed{Answer: everhook.Answer{Status: 200}}, nil
	}
	s := serve(t, receiver.Options{MaxHeld: 2, StopGrace: time.Millisecond}, someFlows(), engine)
	calls := map[string]struct {
		request string
		count   func() int
	}{
		"sync":   {post(syncToken, "{}"), s.Held},
		"wait":   {ask, s.Asking},
		"resume": {resume(resumePath("done", ""), "{}"), s.Resuming},
	}
	for name, call := range calls {
		for n := range 2 {
			_, err := io.WriteString(dial(t, s), call.request)
			require.NoError(t, err)
			require.Eventually(t, func() bool { return call.count() == n+1 }, time.Minute, time.Millisecond, name)
		}
	}
	for name, call := range calls {
		got := exchange(t, s, call.request+last)[0]
		if name == "resume" {
			got = strings.Replace(got, "Everhook-Run-Id: "+string(someRun)+"\n", "", 1)
		}
		require.Equal(t, busy, got, name)
	}
	got := exchange(t, s, strings.Replace(ask, "?wait=5m", "", 1)+post(asyncToken, "{}")+last)
	require.True(t, strings.HasPrefix(got[0], "202\n"), "a call that does not wait takes no place")
	require.True(t, strings.HasPrefix(got[1], "200\n"), "async flows go on")
	close(resumed)
}

func TestTheLastFifthIsForFlowsThatHoldFew(t *testing.T) {
	t.Parallel()
	all := someFlows()
	neighbour := *all[syncToken]
	neighbour.Flow = "neighbour"
	all["neighbour-token"] = &neighbour
	s := serve(t, receiver.Options{MaxHeld: 40, StopGrace: time.Millisecond}, all, patient(make(chan *everhook.Answer)))
	for n := range 32 {
		hold(t, s, post(syncToken, "{}"), n+1)
	}
	require.Equal(t, busy, exchange(t, s, post(syncToken, "{}")+last)[0])
	hold(t, s, post("neighbour-token", "{}"), 33)
	hold(t, s, post("neighbour-token", "{}"), 34)
	require.Equal(t, busy, exchange(t, s, post("neighbour-token", "{}")+last)[0], "a twentieth is two of forty")
}

func TestAPlaceIsFreeWhenItsCallerHasGone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		request string
		places  func(*service) int
		leave   func(*net.TCPConn) error
		outcome string
	}{
		"a sync call that hangs up": {post(syncToken, "{}"), func(s *service) int { return s.Held() },
			(*net.TCPConn).Close, "outcome=gone status=202"},
		"one that resets its connection": {post(syncToken, "{}"), func(s *service) int { return s.Held() }, reset,
			"outcome=gone status=202"},
		"one that sends no more": {post(syncToken, "{}"), func(s *service) int { return s.Held() },
			(*net.TCPConn).CloseWrite, "outcome=gone status=202"},
		"with another request behind it": {post(syncToken, "{}") + last, func(s *service) int { return s.Held() },
			(*net.TCPConn).Close, "outcome=gone status=202"},
		"one that waits for an answer": {ask, func(s *service) int { return s.Asking() }, (*net.TCPConn).Close,
			"outcome=gone status=202"},
		"one that resumes": {resume(resumePath("done", ""), "{}"), func(s *service) int { return s.Resuming() },
			(*net.TCPConn).Close, "outcome=gone status=503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine := patient(make(chan *everhook.Answer))
			engine.version = waiting().version
			engine.resume = func(ctx context.Context, _ string, _ everhook.RunID,
				_ everhook.ResumeCall) (everhook.Resumed, error) {
				<-ctx.Done()
				return everhook.Resumed{}, ctx.Err()
			}
			s := serve(t, receiver.Options{MaxHeld: 1, StartTimeout: time.Minute}, someFlows(), engine)
			c := dial(t, s)
			_, err := io.WriteString(c, test.request)
			require.NoError(t, err)
			require.Eventually(t, func() bool { return test.places(s) == 1 }, time.Minute, time.Millisecond)
			require.NoError(t, test.leave(c.(*net.TCPConn)))
			require.Eventually(t, func() bool { return test.places(s) == 0 }, time.Minute, time.Millisecond)
			require.Eventually(t, func() bool { return strings.Contains(s.log.String(), test.outcome) }, time.Minute,
				time.Millisecond)
			require.NotContains(t, s.log.String(), "level=ERROR")
			require.NotContains(t, s.log.String(), "panic")
		})
	}
}

func reset(c *net.TCPConn) error {
	if err := c.SetLinger(0); err != nil {
		return err
	}
	return c.Close()
}

func TestACallerThatStaysGetsItsAnswer(t *testing.T) {
	t.Parallel()
	answer := make(chan *everhook.Answer)
	s := serve(t, receiver.Options{}, someFlows(), patient(answer))
	c := hold(t, s, post(syncToken, "{}"), 1)
	_, err := io.WriteString(c, last) // what is sent meanwhile does not make a caller look gone
	require.NoError(t, err)
	select {
	case answer <- &everhook.Answer{Status: 200, Body: everhook.Of("late but fine")}:
	case <-time.After(time.Minute):
		t.Fatal("the caller was let go")
	}
	got := replies(t, c, false)
	require.Contains(t, got[0], "late but fine")
	require.Len(t, got, 2)
	require.Zero(t, s.Held())
}

// TestCallersThatHangUpLeaveTheFlowsToOthers is the attack of a stranger: callers that hang up immediately.
func TestCallersThatHangUpLeaveTheFlowsToOthers(t *testing.T) {
	t.Parallel()
	for name, request := range map[string]string{"sync": post(syncToken, "{}"), "wait": ask} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := make(chan *everhook.Answer)
			s := serve(t, receiver.Options{MaxHeld: 100}, someFlows(), patient(answer))
			for range 260 {
				c, err := net.Dial("tcp", s.address)
				require.NoError(t, err)
				_, err = io.WriteString(c, request)
				require.NoError(t, err)
				require.NoError(t, c.Close())
			}
			reply := make(chan string, 1)
			go func() {
				var got string
				for strings.HasPrefix(got, "503") || got == "" { // until the places of those that are gone are free
					got = exchange(t, s, post(syncToken, "{}")+last)[0]
				}
				reply <- got
			}()
			select {
			case answer <- &everhook.Answer{Status: 200, Body: everhook.Of("served")}:
			case <-time.After(10 * time.Second):
				t.Fatal("no caller is held")
			}
			for {
				select {
				case got := <-reply:
					require.Contains(t, got, "served")
					return
				case answer <- &everhook.Answer{Status: 200, Body: everhook.Of("served")}: // to callers that are gone
				case <-time.After(10 * time.Second):
					t.Fatal("the caller has no answer")
				}
			}
		})
	}
}
