package inbox

import (
	"sync"
	"time"
)

// yield lets the drain give way to a storm. Starting a run takes many times the work of storing a delivery, and both
// compete for the same processors and disk. While deliveries come much faster than runs can be started, and storing
// them has become slow, rows are started at a part of the usual rate: callers come first, and the rows would have to
// wait anyway.
type yield struct {
	clock func() time.Time

	mutex sync.Mutex
	// since is the beginning of the current period. In it, so many runs were started and deliveries stored, which took
	// storing together. Limited is set if the drain had to give way, and full if it had as many starts under way as the
	// pace allows.
	since           time.Time
	started, stored int
	storing         time.Duration
	limited, full   bool
	// usual is how many runs are started in a second while rows wait and the drain does not give way; learnt counts the
	// periods that it was measured in.
	usual  float64
	learnt int
	// rate is how many rows may be started in a second; 0: no bound. The next one may be started at next.
	rate float64
	next time.Time
}

const (
	yieldPeriod = 200 * time.Millisecond
	// In a storm, more than stormFactor times as many deliveries come as runs can be started, and more than minStorm in
	// a second: fewer cost little.
	stormFactor = 2
	minStorm    = 500
	// storeTarget is how long storing a delivery may take on average before the drain gives way.
	storeTarget = 6 * time.Millisecond
	// yieldFloor is the part of the usual rate that the drain keeps.
	yieldFloor = 0.15
	// The rate is multiplied by yieldCut for a period in which storing was slow, and by yieldGrowth for another.
	yieldCut, yieldGrowth = 0.5, 1.1
	// minLearnt is how many periods it takes to know the usual rate, and maxLearnt over how many it is averaged.
	minLearnt, maxLearnt = 5, 10
)

func newYield(clock func() time.Time) *yield { return &yield{clock: clock, since: clock()} }

// addStored notes that a delivery was stored.
func (y *yield) addStored(took time.Duration) {
	y.mutex.Lock()
	defer y.mutex.Unlock()
	y.turn(y.clock())
	y.stored++
	y.storing += took
}

// addStarted notes that a run was started.
func (y *yield) addStarted() {
	y.mutex.Lock()
	defer y.mutex.Unlock()
	y.turn(y.clock())
	y.started++
}

// wait is how long to wait before a row may be started; 0: none.
func (y *yield) wait() time.Duration {
	y.mutex.Lock()
	defer y.mutex.Unlock()
	now := y.clock()
	y.turn(now)
	if y.rate == 0 {
		return 0
	}
	y.limited = true
	return min(max(y.next.Sub(now), 0), yieldPeriod)
}

// take notes that a row is being started.
func (y *yield) take() {
	y.mutex.Lock()
	defer y.mutex.Unlock()
	if y.rate > 0 {
		y.next = y.clock().Add(time.Duration(float64(time.Second) / y.rate))
	}
}

// addFull notes that rows wait although as many are being started as the pace allows.
func (y *yield) addFull() {
	y.mutex.Lock()
	defer y.mutex.Unlock()
	y.turn(y.clock())
	y.full = true
}

// turn ends the period if its time is over.
func (y *yield) turn(now time.Time) {
	passed := now.Sub(y.since)
	if passed < yieldPeriod {
		return
	}
	y.learn(float64(y.started) / passed.Seconds())
	slow := y.stored > 0 && y.storing/time.Duration(y.stored) > storeTarget
	storm := float64(y.stored)/passed.Seconds() > max(stormFactor*y.usual, minStorm)
	y.adjust(storm, slow)
	y.since, y.started, y.stored, y.storing = now, 0, 0, 0
	y.limited, y.full = false, false
}

// learn corrects the usual rate by that of a period. A period in which more rows could have been started says nothing.
func (y *yield) learn(rate float64) {
	if y.limited || !y.full {
		return
	}
	y.learnt++
	y.usual += (rate - y.usual) / float64(min(y.learnt, maxLearnt))
}

// adjust sets the rate of the next period.
func (y *yield) adjust(storm, slow bool) {
	switch {
	case !storm || y.learnt < minLearnt:
		y.rate = 0
	case slow && y.rate == 0:
		y.rate = y.usual * yieldCut
	case slow:
		y.rate = max(y.rate*yieldCut, y.usual*yieldFloor)
	case y.rate*yieldGrowth >= y.usual:
		y.rate = 0
	default:
		y.rate *= yieldGrowth
	}
}
