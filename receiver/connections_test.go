package receiver_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

// TestConnectionsThatSendNothingShutNobodyOut is the attack of a stranger: many more connections than the receiver
// takes.
func TestConnectionsThatSendNothingShutNobodyOut(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]string{
		"nothing": "", "a part of a head": "POST /api/webhook:trigger/" + asyncToken + " HTTP/1.1\r\nHost: x\r\n",
		"a request, and then nothing": post(unknownToken, ""),
		"a part of a body": lines("POST /api/webhook:trigger/"+asyncToken+" HTTP/1.1", "Host: x",
			"Content-Length: 20000") + strings.Repeat(" ", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := make(chan *everhook.Answer)
			s := serve(t, receiver.Options{MaxConnections: 50, ClientConnections: 40}, someFlows(), patient(answer))
			caller := hold(t, s, post(syncToken, "{}"), 1)
			var silent []net.Conn
			for range 300 {
				c, err := net.Dial("tcp", s.address)
				require.NoError(t, err)
				t.Cleanup(func() { c.Close() })
				_, err = io.WriteString(c, sent)
				require.NoError(t, err)
				silent = append(silent, c)
			}
			require.Contains(t, exchange(t, s, post(asyncToken, "{}")+last)[0], "200\n")
			open := 0
			for _, c := range silent {
				require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Millisecond)))
				_, err := io.Copy(io.Discard, c)
				if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
					open++
				}
			}
			require.LessOrEqual(t, open, 40)
			answer <- &everhook.Answer{Status: 200, Body: everhook.Of("held all the time")}
			_, err := io.WriteString(caller, last)
			require.NoError(t, err)
			require.Contains(t, replies(t, caller, false)[0], "held all the time")
		})
	}
}

func TestAHeadHasLessTimeThanABody(t *testing.T) {
	t.Parallel()
	s := serve(t, receiver.Options{HeadTimeout: 200 * time.Millisecond, ReadTimeout: time.Minute}, someFlows(),
		&starter{})
	c := dial(t, s)
	_, err := io.WriteString(c, "POST /api/webhook:trigger/"+asyncToken+" HTTP/1.1\r\n")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(replies(t, c, false)[0], "408\n"))

	body := strings.Repeat(" ", 20_000) + "1"
	for name, request := range map[string]string{"declared": post(asyncToken, body)[:15_000],
		"in chunks": chunkedPost(asyncToken, body)[:10_000]} {
		c := dial(t, s)
		_, err := io.WriteString(c, request)
		require.NoError(t, err)
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Second)))
		_, err = c.Read(make([]byte, 1))
		timeout, ok := errors.AsType[net.Error](err)
		require.True(t, ok && timeout.Timeout(), "%s: a body may take longer, and the receiver says nothing", name)
	}
}
