package expression

import "time"

// Scope is the data at one step. It is not safe for concurrent use.
type Scope struct {
	// Values are the roots; canonical values.
	Values map[string]any
	// Now is the run's clock, the same on every replay. Nil: now() is an error.
	Now func() time.Time
	// Seed makes uuid(): run, node and iteration. The calls are counted in the Scope.
	Seed string
	// ResumeURL gives the URL that resumes a waiting node. Nil: resumeUrl() is an error.
	ResumeURL func(nodeKey string) (string, error)
	// Spent counts the units used by all evaluations so far; it only grows, and grows the same on every replay.
	Spent int
	// Record, if set, is called with each field that was evaluated: its JSON pointer as it was given to Compile, and
	// its value, with "{{ secret.NAME }}" in place of secrets.
	Record func(pointer string, v any)
	// Warn, if set, is called with what is likely a mistake in a field, though it could be evaluated.
	Warn func(text string)

	ordinal int
}

// Reseed sets the seed and counts the calls of uuid() anew.
func (s *Scope) Reseed(seed string) { s.Seed, s.ordinal = seed, 0 }

func (s *Scope) record(pointer string, v any) {
	if s.Record != nil {
		s.Record(pointer, v)
	}
}
