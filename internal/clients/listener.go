package clients

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
)

// Limits bound the connections of a listener.
type Limits struct {
	// Total is how many connections may be open.
	Total int
	// PerClient is how many of them one client may have.
	PerClient int
	// Exempt are addresses for which PerClient does not count, such as those of proxies; may be nil.
	Exempt []netip.Prefix
}

// Listener accepts connections within limits. Over a limit, the connection that has waited longest for its client is
// closed: clients that connect and send nothing, or send slowly, do not shut out others. If no connection waits, the
// new one is closed.
type Listener struct {
	net.Listener
	limits Limits
	// clock counts the times at which a connection began to wait.
	clock atomic.Int64

	mutex    sync.Mutex
	open     map[*Conn]struct{}
	byClient map[netip.Addr]int
}

// Limit bounds the connections of a listener.
func Limit(l net.Listener, limits Limits) *Listener {
	return &Listener{Listener: l, limits: limits, open: map[*Conn]struct{}{}, byClient: map[netip.Addr]int{}}
}

// Accept gives the next connection, which is a *Conn.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &Conn{Conn: accepted, listener: l}
		c.client, c.counted = l.clientOf(accepted)
		c.waits.Store(l.clock.Add(1))
		if l.admit(c) {
			return c, nil
		}
		_ = accepted.Close()
	}
}

func (l *Listener) clientOf(c net.Conn) (client netip.Addr, counted bool) {
	tcp, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	address := tcp.AddrPort().Addr().Unmap().WithZone("")
	for _, exempt := range l.limits.Exempt {
		if exempt.Contains(address) {
			return netip.Addr{}, false
		}
	}
	return Of(address), true
}

// admit makes room for a connection; false: there is none.
func (l *Listener) admit(c *Conn) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if c.counted && l.byClient[c.client] >= l.limits.PerClient &&
		!l.makeRoom(func(other *Conn) bool { return other.counted && other.client == c.client }) {
		return false
	}
	if len(l.open) >= l.limits.Total && !l.makeRoom(func(*Conn) bool { return true }) {
		return false
	}
	l.open[c] = struct{}{}
	if c.counted {
		l.byClient[c.client]++
	}
	return true
}

// makeRoom closes the connection that has waited longest, of those that may be closed.
func (l *Listener) makeRoom(may func(*Conn) bool) bool {
	for {
		var longest *Conn
		since := int64(0)
		for c := range l.open {
			if waits := c.waits.Load(); waits > 0 && (longest == nil || waits < since) && may(c) {
				longest, since = c, waits
			}
		}
		if longest == nil {
			return false
		}
		if longest.waits.CompareAndSwap(since, closed) {
			l.forget(longest)
			// Nothing lingers: the client has waited for nothing.
			_ = longest.Conn.Close()
			return true
		}
	}
}

func (l *Listener) forget(c *Conn) {
	if _, open := l.open[c]; !open {
		return
	}
	delete(l.open, c)
	if !c.counted {
		return
	}
	if l.byClient[c.client]--; l.byClient[c.client] == 0 {
		delete(l.byClient, c.client)
	}
}

// Conn is a connection of a Listener. At first it waits for its client.
type Conn struct {
	net.Conn
	listener *Listener
	client   netip.Addr
	counted  bool
	// waits is the time since which the connection waits for its client, or one of the states below.
	waits atomic.Int64
}

// States of a connection that does not wait.
const (
	busy   = 0
	closed = -1
)

// Busy says that the connection waits for the process, so that it is not closed to make room. False: it is closed.
func (c *Conn) Busy() bool {
	for {
		switch waits := c.waits.Load(); {
		case waits == closed:
			return false
		case c.waits.CompareAndSwap(waits, busy):
			return true
		}
	}
}

// Waits says that the connection waits for its client.
func (c *Conn) Waits() { c.waits.CompareAndSwap(busy, c.listener.clock.Add(1)) }

// Close closes the connection.
func (c *Conn) Close() error {
	c.listener.mutex.Lock()
	c.waits.Store(closed)
	c.listener.forget(c)
	c.listener.mutex.Unlock()
	return c.Conn.Close()
}

// SyscallConn gives access to the descriptor, if there is one.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	below := c.Conn
	if secured, ok := below.(*tls.Conn); ok {
		below = secured.NetConn()
	}
	if socket, ok := below.(syscall.Conn); ok {
		return socket.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// CloseWrite closes the sending side, if the connection has one of its own.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Track tells a Conn the states of an http.Server, as its ConnState.
func Track(c net.Conn, state http.ConnState) {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	limited, ok := c.(*Conn)
	switch {
	case !ok:
	case state == http.StateActive:
		limited.Busy()
	case state == http.StateIdle:
		limited.Waits()
	}
}
