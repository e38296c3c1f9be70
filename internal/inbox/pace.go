package inbox

import (
	"math"
	"sync"
	"time"
)

// pace follows how quickly runs are started. It decides whether a delivery is started directly, and how many rows are
// started at the same time (additive increase, multiplicative decrease).
type pace struct {
	clock  func() time.Time
	budget time.Duration

	mutex sync.Mutex
	// direct are the direct starts under way, by their beginning.
	direct map[*attempt]struct{}
	// recent is the moving average of the durations of starts, measured at last. It is long after a failure.
	recent time.Duration
	last   time.Time

	// limit is how many rows may be started at the same time. It was reduced at cut.
	limit float64
	cut   time.Time
	// until is the end of a pause after a failure, pausing its length.
	until   time.Time
	pausing time.Duration
	// successes counts the starts that succeeded.
	successes int
}

// attempt is one start under way.
type attempt struct{ began time.Time }

// Bounds of pace.
const (
	// DefaultBudget is how long recent starts may have taken for a delivery to be started directly.
	DefaultBudget = 50 * time.Millisecond
	// maxDirect bounds the direct starts under way.
	maxDirect = 8
	// probeAfter is how long a slow start counts if there are none since. Then one delivery tries again.
	probeAfter = time.Second
	// drainTarget is how long the start of a row may take before fewer are started at the same time.
	drainTarget = 100 * time.Millisecond

	firstDrain, minDrain, maxDrain = 2, 2, 64
	cutShare                       = 0.7
	minPause, maxPause             = 50 * time.Millisecond, 2 * time.Second
)

func newPace(clock func() time.Time, budget time.Duration) *pace {
	return &pace{clock: clock, budget: budget, direct: map[*attempt]struct{}{}, limit: firstDrain}
}

// enter begins a direct start; nil: Temporal is not quick enough for one.
func (p *pace) enter() *attempt {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	now := p.clock()
	if len(p.direct) >= maxDirect || now.Before(p.until) {
		return nil
	}
	for a := range p.direct {
		if now.Sub(a.began) > p.budget {
			return nil
		}
	}
	if p.recent > p.budget && (now.Sub(p.last) < probeAfter || len(p.direct) > 0) {
		return nil
	}
	a := &attempt{now}
	p.direct[a] = struct{}{}
	return a
}

// enterQuick is enter for a start that need not be tried while Temporal is slow: rows show when it is quick again.
func (p *pace) enterQuick() *attempt {
	p.mutex.Lock()
	slow := p.recent > p.budget
	p.mutex.Unlock()
	if slow {
		return nil
	}
	return p.enter()
}

// away reports whether the last start failed, just now.
func (p *pace) away() bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.pausing > 0 && p.clock().Sub(p.last) < probeAfter
}

// restart sets the beginning of a direct start to now.
func (p *pace) restart(a *attempt) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	a.began = p.clock()
}

// left ends a direct start that says nothing about Temporal.
func (p *pace) left(a *attempt) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.direct, a)
}

// ended ends a direct start.
func (p *pace) ended(a *attempt, failed bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.direct, a)
	now := p.clock()
	p.note(now, now.Sub(a.began), failed)
}

// drained ends the start of a row that began at began, while busy rows were being started.
func (p *pace) drained(began time.Time, failed bool, busy int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	now := p.clock()
	took := now.Sub(began)
	p.note(now, took, failed)
	switch {
	case failed:
	case took > drainTarget:
		p.slower(began, now)
	case float64(busy) >= p.limit/2:
		p.limit = min(p.limit+1/p.limit, maxDrain)
	}
}

// refused ends the start of a row that began at began: more runs are being started than the engine keeps up with.
func (p *pace) refused(began time.Time) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	now := p.clock()
	p.slower(began, now)
	p.recent, p.last = max(p.recent, 2*p.budget), now
	if p.until.Before(now) {
		p.until = now.Add(minPause)
	}
}

// slower reduces the limit, once for all starts that were under way together.
func (p *pace) slower(began, now time.Time) {
	if began.Before(p.cut) {
		return
	}
	p.limit, p.cut = max(p.limit*cutShare, minDrain), now
}

func (p *pace) note(now time.Time, took time.Duration, failed bool) {
	p.last = now
	if failed {
		p.recent = max(p.recent, 2*p.budget)
		p.limit = 1
		p.pausing = min(max(2*p.pausing, minPause), maxPause)
		p.until = now.Add(p.pausing)
		return
	}
	p.successes++
	p.pausing, p.until = 0, time.Time{}
	p.limit = max(p.limit, minDrain)
	p.recent += (took - p.recent) / 4
}

// room returns how many rows may be started at the same time now, or how long to wait first.
func (p *pace) room() (rows int, wait time.Duration) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if wait := p.until.Sub(p.clock()); wait > 0 {
		return 0, wait
	}
	return int(math.Floor(p.limit)), 0
}

// started counts the starts that succeeded.
func (p *pace) started() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.successes
}
