package receiver

import (
	"context"
	"errors"
	"sync"
	"syscall"
	"time"
)

// lookEvery is the time between two looks at the connections of callers that wait.
const lookEvery = 100 * time.Millisecond

// errGone is the cause of a context that ended because its caller has hung up.
var errGone = errors.New("the caller has hung up")

// occupy takes a place for a call. The context ends after limit, with base, or with errGone when the caller hangs up;
// then the place is free, too. Leave gives the place back. False: there is no place.
func (r *Receiver) occupy(base context.Context, c *call, all *places, limit time.Duration) (ctx context.Context,
	leave func(), ok bool) {
	flow := c.route.Flow
	if !all.take(flow) {
		return nil, nil, false
	}
	free := sync.OnceFunc(func() { all.free(flow) })
	ctx, cancel := context.WithTimeout(c.within(base), limit)
	ctx, forget := r.callers.watch(ctx, connOf(c.ctx), free)
	return ctx, func() {
		forget()
		cancel()
		free()
	}, true
}

// callers are the ones that wait for an answer. fasthttp does not report that a caller has hung up, so the connections
// are looked at from time to time.
type callers struct {
	mutex   sync.Mutex
	waiting map[*caller]struct{}
	// looking is set while a goroutine looks.
	looking bool
}

// caller is one that waits.
type caller struct {
	connection syscall.RawConn
	gone       func()
}

// watch gives a context that ends with errGone when the caller hangs up; free is called then. Forget ends the watch.
func (w *callers) watch(ctx context.Context, connection *conn, free func()) (_ context.Context, forget func()) {
	socket, ok := connection.Conn.(syscall.Conn)
	if !ok { // a connection in memory
		return ctx, func() {}
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return ctx, func() {}
	}
	ctx, end := context.WithCancelCause(ctx)
	one := &caller{connection: raw, gone: func() {
		free()
		end(errGone)
	}}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.waiting[one] = struct{}{}
	if !w.looking {
		w.looking = true
		go w.look()
	}
	return ctx, func() {
		w.mutex.Lock()
		defer w.mutex.Unlock()
		delete(w.waiting, one)
		end(nil)
	}
}

// look looks at the connections, until no caller waits.
func (w *callers) look() {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for range ticker.C {
		waiting := w.now()
		if waiting == nil {
			return
		}
		for _, one := range waiting {
			gone := false
			// While Control runs, the descriptor is not closed, nor used for another connection.
			err := one.connection.Control(func(descriptor uintptr) { gone = hungUp(int(descriptor)) })
			if gone || err != nil {
				one.gone()
			}
		}
	}
}

// now gives the callers that wait. If there are none, it gives nil, and the looking has ended.
func (w *callers) now() []*caller {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if len(w.waiting) == 0 {
		w.looking = false
		return nil
	}
	waiting := make([]*caller, 0, len(w.waiting))
	for one := range w.waiting {
		waiting = append(waiting, one)
	}
	return waiting
}
