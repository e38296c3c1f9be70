package engine

import (
	"cmp"
	"slices"
	"time"
)

// Moment orders the work of lines that run at the same time. The order must not depend on which of two executions is
// faster, so that a run gives the same result whether or not its loops are handed over.
type Moment struct {
	// Since is when the line last went on from a wait for a delay, an effect, a call or another run. Everything that
	// the line does before its next wait counts as done at that time.
	Since time.Time `json:"since,omitzero"`
	// Position orders what counts as done at the same time: by branches as they stand in the file, by iterations, and
	// on one line by the order in which it was done.
	Position []int `json:"position,omitempty"`
}

func (m Moment) before(other Moment) bool {
	return cmp.Or(m.Since.Compare(other.Since), slices.Compare(m.Position, other.Position)) < 0
}

// Progress is how far a line is in the order of moments.
type Progress struct {
	Moment
	// Done counts what was done on the line.
	Done int `json:"done,omitempty"`
}

// next returns the moment of the next action.
func (p *Progress) next() Moment {
	p.Done++
	return Moment{p.Since, append(slices.Clip(p.Position), p.Done)}
}
