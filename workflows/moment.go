package workflows

import (
	"cmp"
	"slices"
	"time"
)

// moment orders what lines of execution do that run at once, so that a run comes to the same whether or not its loops
// are handed over: which of two executions is quicker must not decide.
type moment struct {
	// Since is when the line last went on from a wait: for a delay, an effect, a call or another run. All that it does
	// before the next wait counts as done then.
	Since time.Time `json:"since,omitzero"`
	// Place orders what counts as done at the same time: by branches as they stand in the file, by iterations, and in
	// one line as it was done.
	Place []int `json:"place,omitempty"`
}

func (m moment) before(other moment) bool {
	return cmp.Or(m.Since.Compare(other.Since), slices.Compare(m.Place, other.Place)) < 0
}

// line is how far a line of execution is in the order of moments.
type line struct {
	moment
	// Done counts what was done on the line.
	Done int `json:"done,omitempty"`
}

// next is the moment of what is done now.
func (l *line) next() moment {
	l.Done++
	return moment{l.Since, append(slices.Clip(l.Place), l.Done)}
}

// waited takes note that the line goes on from a wait, and so do those around it: they go on once it has ended.
func (d *data) waited(until time.Time) {
	for at := d; at != nil; at = at.around {
		if at.line.Since.Before(until) {
			at.line.Since = until
		}
	}
}
