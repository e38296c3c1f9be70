package runs

import (
	"fmt"
	"time"
)

// recent records whether starts fail.
type recent struct {
	// failures counts the failures in a row, the last of which was at, with err.
	failures int
	at       time.Time
	err      error
}

const (
	// recentFailures in a row make a process not ready.
	recentFailures = 3
	// recentFor is how long a failure counts. Then the process is ready again, and the next starts decide.
	recentFor = 10 * time.Second
)

func (r *recent) add(now time.Time, err error) {
	if err == nil {
		*r = recent{}
		return
	}
	if now.Sub(r.at) > recentFor {
		r.failures = 0
	}
	r.failures++
	r.at, r.err = now, err
}

// failing is the reason if the last starts failed, or nil.
func (r *recent) failing(now time.Time) error {
	if r.failures < recentFailures || now.Sub(r.at) > recentFor {
		return nil
	}
	return fmt.Errorf("the last %d starts of runs failed, most recently %s ago: %w", r.failures,
		now.Sub(r.at).Round(time.Second), r.err)
}

// Failing returns the reason if the most recent starts of runs failed, or nil.
func (s *Starter) Failing() error {
	for _, a := range []*admission{s.async, s.sync} {
		a.mutex.Lock()
		err := a.recent.failing(a.clock())
		a.mutex.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// Load returns how many starts of runs are under way, and how many may be: of sync flows, or of all others.
func (s *Starter) Load(sync bool) (underWay, limit int) {
	if sync {
		return s.sync.load()
	}
	return s.async.load()
}
