package expression

import "time"

// Stored is a canonical value that is kept in another form while it is not used.
type Stored interface {
	// Load gives the value, always an equal one. It must not be changed.
	Load() any
}

// Load gives the value that v is, or that is kept in its place.
func Load(v any) any {
	if stored, ok := v.(Stored); ok {
		return stored.Load()
	}
	return v
}

// Scope is the data at one step. It is not safe for concurrent use.
type Scope struct {
	// Values are the values of the roots; they are canonical. A Stored value may be in place of a root, or of a member
	// of nodes, errors and loops, but not further below.
	Values map[string]any
	// Now is the run's clock, the same on every replay. Nil: now() is an error.
	Now func() time.Time
	// Seed is the input of uuid(): run, node and iteration. The Scope counts the calls.
	Seed string
	// ResumeURL returns the URL that resumes a waiting node. Nil: resumeUrl() is an error.
	ResumeURL func(nodeKey string) (string, error)
	// Spent counts the units used by all evaluations so far; it only grows, and grows the same on every replay.
	Spent int
	// Record, if set, is called with each evaluated field: its JSON pointer as given to Compile, and its value, with
	// "{{ secret.NAME }}" in place of secrets.
	Record func(pointer string, v any)
	// Warn, if set, is called with likely mistakes in fields that could be evaluated.
	Warn func(text string)

	ordinal int
}

// Reseed sets the seed and resets the count of uuid() calls.
func (s *Scope) Reseed(seed string) { s.Seed, s.ordinal = seed, 0 }

func (s *Scope) record(pointer string, v any) {
	if s.Record != nil {
		s.Record(pointer, v)
	}
}
