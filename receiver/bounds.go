package receiver

import (
	"context"
	"math"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// largeBody is the size from which a body is large: it waits for its turn to be parsed, and leaves a part of the budget
// to small ones.
const largeBody = 64 << 10

// withinClientRate counts the request of a client. With trusted proxies, the client is the address that they report;
// requests of the proxies themselves are not bounded.
func (r *Receiver) withinClientRate(c *call) (reply, bool) {
	if c.counted {
		return reply{}, false
	}
	c.counted = true
	client, bounded := r.bounded(c)
	if !bounded {
		return reply{}, false
	}
	wait := r.rates.Take(client, c.began)
	if wait == 0 {
		return reply{}, false
	}
	return refuse(ClientRate, "too many requests come from this address").retryAfter(seconds(wait.Seconds())), true
}

// maxRetryAfter bounds Retry-After, in seconds.
const maxRetryAfter = 3600

// seconds rounds a wait up to whole seconds for Retry-After.
func seconds(wait float64) int { return int(max(1, min(math.Ceil(wait), maxRetryAfter))) }

// roomForBody charges the bytes of the body to the budget, before it is read.
func roomForBody(r *Receiver, c *call) (reply, bool) {
	if c.framing == (framing{}) {
		return reply{}, false
	}
	size := c.framing.declared
	if c.framing.chunked {
		size = c.route.MaxBody
	}
	c.taken.size = size
	c.taken.client, c.taken.bounded = r.bounded(c)
	if !r.bodies.take(c.taken) {
		c.taken = share{}
		return bodiesFull(), true
	}
	return reply{}, false
}

func bodiesFull() reply {
	return refuse(BodiesFull, "too many bodies are being received; send it again").retryAfter(1)
}

// takeTurn waits until a large body may be parsed.
func takeTurn(r *Receiver, c *call) (reply, bool) {
	if len(c.body) < largeBody {
		return reply{}, false
	}
	return r.enterTurn(c)
}

// enterTurn waits for the turn of a body, if it does not have it yet.
func (r *Receiver) enterTurn(c *call) (reply, bool) {
	if c.turn {
		return reply{}, false
	}
	ctx, cancel := context.WithTimeout(r.holding, r.options.StartTimeout)
	defer cancel()
	if c.turn = r.turns.enter(ctx, c.route.Flow); c.turn {
		return reply{}, false
	}
	return refuse(BodiesFull, "too many large bodies wait to be parsed; send it again").retryAfter(retrySeconds), true
}

// dropBody ends the turn of a body and drops all that was made of it, except for so many bytes that are left in another
// form. The rest of its share of the budget is given back.
func (r *Receiver) dropBody(c *call, left int64) {
	c.body, c.parsed, c.query, c.delivery.Trigger = nil, nil, nil, nil
	if c.turn {
		r.turns.leave()
		c.turn = false
	}
	if c.taken.size > left {
		r.bodies.giveBack(c.taken)
		c.taken.size = left
		if left > 0 {
			r.bodies.keep(c.taken)
		}
	}
}

// share is the part of the budget for one body.
type share struct {
	size int64
	// client is the sender of the body; bounded is false if it is not known.
	client  netip.Addr
	bounded bool
}

// budget bounds the bytes of all bodies that are received or parsed. Large bodies leave a quarter of it to small ones.
// One client has half of it at most, so that it can't shut out the others by sending slowly; but one body is always
// within its share.
type budget struct {
	total int64
	used  atomic.Int64

	mutex sync.Mutex
	// byClient is the use by each client. Bodies of up to countedBody bytes are not counted, because the connections of
	// a client bound them.
	byClient map[netip.Addr]int64
}

const countedBody = 4 << 10

func (b *budget) take(s share) bool {
	limit := b.total
	if s.size >= largeBody {
		limit -= limit / 4
	}
	if b.used.Add(s.size) > limit {
		b.used.Add(-s.size)
		return false
	}
	if !s.counted() {
		return true
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	used := b.byClient[s.client]
	if used > 0 && used+s.size > b.total/2 {
		b.used.Add(-s.size)
		return false
	}
	b.byClient[s.client] = used + s.size
	return true
}

// change replaces a share by one of another size, at most all that one body may have. If there is no room for it, the
// share is given back.
func (b *budget) change(s *share, size int64) bool {
	b.giveBack(*s)
	s.size = min(size, b.total-b.total/4)
	if b.take(*s) {
		return true
	}
	s.size = 0
	return false
}

// keep takes a share that is within one that was given back just now.
func (b *budget) keep(s share) {
	b.used.Add(s.size)
	if !s.counted() {
		return
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	b.byClient[s.client] += s.size
}

func (b *budget) giveBack(s share) {
	b.used.Add(-s.size)
	if !s.counted() {
		return
	}
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.byClient[s.client] -= s.size; b.byClient[s.client] == 0 {
		delete(b.byClient, s.client)
	}
}

func (s share) counted() bool { return s.bounded && s.size > countedBody }

// turns bounds how many large bodies are parsed at one time: a parsed body takes many times the memory of its text, and
// parsing takes the CPU from other callers. Flows take turns, each in the order of its calls.
type turns struct {
	mutex sync.Mutex
	free  int
	// waiting has the calls of each flow, and order the flows that have any: the first is next.
	waiting map[string][]chan struct{}
	order   []string
}

// newTurns allows as many large bodies as half of the processors.
func newTurns() *turns {
	return &turns{free: max(1, runtime.GOMAXPROCS(0)/2), waiting: map[string][]chan struct{}{}}
}

// enter waits for a turn, and returns false if ctx ends before.
func (t *turns) enter(ctx context.Context, flow string) bool {
	t.mutex.Lock()
	if t.free > 0 {
		t.free--
		t.mutex.Unlock()
		return true
	}
	turn := make(chan struct{})
	if len(t.waiting[flow]) == 0 {
		t.order = append(t.order, flow)
	}
	t.waiting[flow] = append(t.waiting[flow], turn)
	t.mutex.Unlock()
	select {
	case <-turn:
		return true
	case <-ctx.Done():
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	select {
	case <-turn: // it came at the same time
		t.pass()
	default:
		t.forget(flow, turn)
	}
	return false
}

// leave ends a turn.
func (t *turns) leave() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.pass()
}

// pass gives the turn to the next call.
func (t *turns) pass() {
	if len(t.order) == 0 {
		t.free++
		return
	}
	flow := t.order[0]
	t.order = t.order[1:]
	next := t.waiting[flow][0]
	if t.waiting[flow] = t.waiting[flow][1:]; len(t.waiting[flow]) > 0 {
		t.order = append(t.order, flow)
	} else {
		delete(t.waiting, flow)
	}
	close(next)
}

// forget removes a waiting call.
func (t *turns) forget(flow string, turn chan struct{}) {
	t.waiting[flow] = slices.DeleteFunc(t.waiting[flow], func(one chan struct{}) bool { return one == turn })
	if len(t.waiting[flow]) == 0 {
		delete(t.waiting, flow)
		t.order = slices.DeleteFunc(t.order, func(one string) bool { return one == flow })
	}
}
