package payloads

import "time"

// Explain is explain.
var Explain = explain

// At sets the clock of a sweeper.
func (s *Sweeper) At(now time.Time) *Sweeper {
	s.clock = func() time.Time { return now }
	return s
}
