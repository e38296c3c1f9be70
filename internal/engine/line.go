package engine

import (
	"errors"
	"time"
)

// Line is one line of execution of a run. A scheduler executes the lines of a run in turns, never two at the same time,
// so that the state of the run needs no locks. Only Await and Break of the host give the turn to another line.
//
// Every scheduler keeps the same order: lines take turns in the order in which they began, and each goes on until it
// has to wait. So a flow does the same on all of them.
type Line interface {
	// Now is the run's clock. It stands still while lines take turns.
	Now() time.Time
	// Err is an error once the line was cancelled.
	Err() error
	// Await returns when done reports true, or with an error when the line is cancelled. Done must not change anything.
	Await(done func() bool) error
	// Go begins a line that ends when do returns. It is cancelled with this one.
	Go(name string, do func(Line))
	// Cancellable gives this line with a cancellation of its own.
	Cancellable() (line Line, cancel func())
	// Detached gives this line without its cancellation. Cancel releases what the detached line holds.
	Detached() (line Line, cancel func())
}

// ErrCancelled is the error of a cancelled line of the plain scheduler.
var ErrCancelled = errors.New("cancelled")
