package clients

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// connect gives both ends of a connection of the listener.
func connect(t *testing.T, l *Listener) (client net.Conn, served *Conn) {
	t.Helper()
	client, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { client.Close() })
	accepted, err := l.Accept()
	require.NoError(t, err)
	require.Equal(t, client.LocalAddr().String(), accepted.RemoteAddr().String())
	return client, accepted.(*Conn)
}

func limited(t *testing.T, limits Limits) *Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return Limit(l, limits)
}

// isOpen reports whether a client's connection is open still.
func isOpen(t *testing.T, client net.Conn) bool {
	t.Helper()
	require.NoError(t, client.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
	_, err := client.Read(make([]byte, 1))
	return errors.Is(err, os.ErrDeadlineExceeded)
}

func TestTheConnectionThatWaitedLongestIsClosed(t *testing.T) {
	t.Parallel()
	for name, limits := range map[string]Limits{"in all": {Total: 3, PerClient: 10}, "of a client": {Total: 10,
		PerClient: 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := limited(t, limits)
			first, one := connect(t, l)
			second, _ := connect(t, l)
			third, three := connect(t, l)
			require.True(t, three.Busy())
			one.Busy()
			one.Waits() // later than the second
			fourth, _ := connect(t, l)
			require.False(t, isOpen(t, second))
			require.True(t, isOpen(t, first))
			fifth, _ := connect(t, l)
			require.False(t, isOpen(t, first))
			require.False(t, one.Busy(), "it is too late")
			require.True(t, isOpen(t, third), "a busy connection is not closed")
			require.True(t, isOpen(t, fourth))
			require.True(t, isOpen(t, fifth))
			require.ErrorIs(t, one.Close(), net.ErrClosed)
			require.Len(t, l.open, 3)
		})
	}
}

func TestANewConnectionIsClosedIfAllAreBusy(t *testing.T) {
	t.Parallel()
	l := limited(t, Limits{Total: 2, PerClient: 2})
	_, one := connect(t, l)
	_, two := connect(t, l)
	require.True(t, one.Busy())
	require.True(t, two.Busy())
	third, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer third.Close()
	fourth, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer fourth.Close()
	accepted := make(chan net.Conn)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	require.Eventually(t, func() bool { return !isOpen(t, third) }, time.Minute, time.Millisecond)
	require.Eventually(t, func() bool { return !isOpen(t, fourth) }, time.Minute, time.Millisecond)
	require.NoError(t, two.Close())
	fifth, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer fifth.Close()
	c := <-accepted
	require.Equal(t, fifth.LocalAddr().String(), c.RemoteAddr().String())
	require.NoError(t, c.Close())
	require.NoError(t, one.Close())
	require.Empty(t, l.open)
	require.Empty(t, l.byClient)
}

func TestAProxyMayHaveAllConnections(t *testing.T) {
	t.Parallel()
	l := limited(t, Limits{Total: 3, PerClient: 1, Exempt: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	for range 3 {
		client, _ := connect(t, l)
		require.True(t, isOpen(t, client))
	}
	require.Len(t, l.open, 3)
	require.Greater(t, OpenFiles(), 10)
}
