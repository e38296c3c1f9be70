package receiver

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/everhook/everhook/internal/clients"
)

// listener can be closed twice, outlives a shortage of file descriptors, where fasthttp would stop serving, and its
// connections can linger.
type listener struct {
	net.Listener
	once sync.Once
	err  error
}

// acceptPause is between two attempts to accept while the system is short of something.
const acceptPause = 20 * time.Millisecond

func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err == nil {
			limited, _ := c.(*clients.Conn)
			return &conn{Conn: c, limited: limited}, nil
		}
		// Temporary is deprecated for being vague, and has no successor for this.
		if shortage, ok := errors.AsType[interface {
			error
			Temporary() bool
		}](err); !ok || !shortage.Temporary() {
			return nil, err
		}
		time.Sleep(acceptPause)
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}

// conn is a connection that may be closed while its client still sends. A plain close then resets the connection, and
// the reset often overtakes the reply: so the write side is closed first, and what still comes is thrown away for a
// moment (RFC 9112, 9.6).
type conn struct {
	net.Conn
	// limited is the same connection, as its listener counts it.
	limited *clients.Conn
	linger  atomic.Bool
}

// connOf is the connection of a call: every one comes from a listener.
func connOf(ctx *fasthttp.RequestCtx) *conn { return ctx.Conn().(*conn) }

const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 16 << 20
)

func (c *conn) Close() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && c.linger.Swap(false) {
		_ = half.CloseWrite()
		if c.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
			_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
		}
	}
	return c.Conn.Close()
}
