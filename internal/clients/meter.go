package clients

import (
	"sync"
	"time"
)

// Meter limits the rate of events of each key: an average per second, and a burst after a quiet time. It is safe for
// concurrent use.
type Meter[K comparable] struct {
	// interval is the time between events, tolerance the time by which events may be early.
	interval, tolerance time.Duration
	epoch               time.Time

	mutex sync.Mutex
	// next is, for each key, the time since epoch at which the next event is due (the generic cell rate algorithm). A
	// forgotten key starts like one that was quiet.
	next table[K, time.Duration]
}

// NewMeter returns a meter of perSecond events a second, and bursts of burst events.
func NewMeter[K comparable](perSecond float64, burst int) *Meter[K] {
	interval := time.Duration(float64(time.Second) / perSecond)
	return &Meter[K]{interval: interval, tolerance: interval * time.Duration(max(burst, 1)-1), epoch: time.Now(),
		next: table[K, time.Duration]{half: half}}
}

// Take counts an event if it is within the rate, and returns 0. Else it returns the time until one is.
func (m *Meter[K]) Take(key K, now time.Time) time.Duration {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	at := now.Sub(m.epoch)
	next := max(m.next.get(key), at)
	if wait := next - at - m.tolerance; wait > 0 {
		return wait
	}
	m.next.set(key, next+m.interval)
	return 0
}

// Wait returns the time until an event is within the rate, and counts none.
func (m *Meter[K]) Wait(key K, now time.Time) time.Duration {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return max(0, m.next.get(key)-now.Sub(m.epoch)-m.tolerance)
}

// Count counts an event, whether or not it is within the rate.
func (m *Meter[K]) Count(key K, now time.Time) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.next.set(key, max(m.next.get(key), now.Sub(m.epoch))+m.interval)
}
