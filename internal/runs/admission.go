package runs

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/everhook/everhook"
)

// admission bounds the starts under way to as many as Temporal finishes within admissionTarget. Without a bound an
// overload makes every start time out, and those that timed out are work for Temporal too: then no caller is served.
//
// The bound adapts as congestion windows do (additive increase, multiplicative decrease): it grows by one in the time
// in which that many starts are finished, and shrinks when starts take longer than the target, by as much as they do.
// It shrinks once for all starts that were under way together.
type admission struct {
	mutex sync.Mutex
	clock func() time.Time
	// lag is the delay of the engine with runs that were started; nil: unknown. From allowed on a share of the
	// starts is refused, and from twice as much on all: a start is quick even when what follows it waits.
	lag     func() time.Duration
	allowed time.Duration
	chance  func() float64

	limit    float64
	underWay int
	// cut is when the limit shrank. Starts that began before say nothing about the limit since.
	cut    time.Time
	recent recent
}

const (
	// admissionTarget is the time that a start may take until Temporal has it and a worker has begun the run.
	admissionTarget = time.Second
	// A run without a caller who waits may be late, so its start gives way. A start of a sync flow ends when a worker
	// has begun the run, so it shows itself whether callers can be answered, also while many old runs wake at once.
	asyncLag = 500 * time.Millisecond
	// The limit begins at firstLimit and stays between slowLimit and maxLimit. Only starts that fail, because they are
	// not finished within startTimeout, make it smaller than slowLimit: a few slow starts say little about the engine.
	firstLimit, slowLimit, minLimit, maxLimit = 128, 32, 4, 2000

	// One cut leaves at least smallestShare of the limit, and at most largestShare.
	smallestShare, largestShare = 0.5, 0.9
)

func newAdmission(clock func() time.Time, lag func() time.Duration, allowed time.Duration) *admission {
	return &admission{clock: clock, limit: firstLimit, lag: lag, allowed: allowed, chance: rand.Float64}
}

// enter admits a start, or returns everhook.ErrOverloaded at once.
func (a *admission) enter() (*admitted, error) {
	behind := a.lag != nil && a.chance() < float64(a.lag()-a.allowed)/float64(a.allowed)
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if behind || a.underWay >= int(a.limit) {
		return nil, everhook.ErrOverloaded
	}
	a.underWay++
	return &admitted{admission: a, began: a.clock()}, nil
}

// load returns the starts under way and their limit.
func (a *admission) load() (underWay, limit int) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.underWay, int(a.limit)
}

// admitted is a start under way. One of its methods ends it; calls after the first do nothing.
type admitted struct {
	admission *admission
	began     time.Time
	ended     bool
}

// finished ends a start that reached its worker. Its duration adjusts the limit.
func (s *admitted) finished() {
	s.end(func(a *admission, now time.Time) {
		a.recent.add(now, nil)
		if now.Sub(s.began) > admissionTarget {
			a.shrink(s.began, now, slowLimit)
		} else if float64(a.underWay) >= a.limit/2 {
			a.limit = min(a.limit+1/a.limit, maxLimit)
		}
	})
}

// failed ends a start that Temporal refused, or did not finish in time.
func (s *admitted) failed(err error) {
	s.end(func(a *admission, now time.Time) {
		a.recent.add(now, err)
		a.shrink(s.began, now, minLimit)
	})
}

// durable ends the start of an async run, which waits for no worker.
func (s *admitted) durable(err error) {
	switch {
	case err == nil:
		s.finished()
	case isRefusal(err):
		s.left()
	default:
		s.failed(err)
	}
}

// confirmed ends a start that no worker began in time, after a plain start to confirm it. If the plain start was quick,
// Temporal is not busy, and workers are missing.
func (s *admitted) confirmed(took time.Duration, err error) {
	if err == nil && took > admissionTarget/4 {
		err = errLateStart
	}
	if err == nil {
		s.left()
		return
	}
	s.durable(err)
}

var errLateStart = errors.New("no worker began the run in time")

// isRefusal reports whether an error is caused by the arguments of the start.
func isRefusal(err error) bool {
	_, refusal := errors.AsType[*everhook.Error](err)
	return refusal
}

// left ends a start that says nothing about the load of Temporal: its arguments were refused, or there is no worker.
func (s *admitted) left() { s.end(func(*admission, time.Time) {}) }

func (s *admitted) end(note func(*admission, time.Time)) {
	a := s.admission
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	note(a, a.clock())
	a.underWay--
}

// shrink reduces the limit, but not below least.
func (a *admission) shrink(began, now time.Time, least float64) {
	if began.Before(a.cut) {
		return
	}
	share := float64(admissionTarget) / float64(now.Sub(began)+1)
	share = min(max(share, smallestShare), largestShare)
	a.limit, a.cut = min(a.limit, max(a.limit*share, least)), now
}
