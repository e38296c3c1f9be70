package engine

import (
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/kind"
)

// Host is the place where a run is executed. It does what the engine can't do itself: wait, act outside, and limit the
// run.
type Host interface {
	// Wait executes a step whose kind waits or acts outside.
	Wait(s *Step) (kind.Result, error)
	// After calls fire when the time is over, unless the line is cancelled before. Name is for people.
	After(line Line, left time.Duration, name string, fire func())
	// Listen calls abort if the run is to end with an error that comes from outside.
	Listen(line Line, abort func(*everhook.Error))
	// Break lets others use the thread after a long stretch of work. It may wait.
	Break(line Line) error
	// Answered takes note of the answer, which the caller may have at once if the run goes on.
	Answered(line Line, answer *everhook.Answer, continues bool)
	// Limit returns the end of a run that has used up a limit of the place; nil for all others.
	Limit() *kind.End
	// UsedUp reports whether loops must continue in another execution, for reasons of the place.
	UsedUp() bool
	// HandOver continues the loop of a step in other executions, until the state is over or a part of it is.
	HandOver(s *Step, state *kind.LoopState) error
	// MaxOutput bounds the output, in bytes as JSON.
	MaxOutput() int
	// Keep gives the value, or an expression.Stored in its place that takes less memory while the run does not use it.
	// It changes nothing that the run can notice.
	Keep(v any) any
	// Error reads an error that a kind or the place returned. Cancelled reports whether it is that of a cancelled line.
	Error(err error) (failure *everhook.Error, cancelled bool)
}
