package engine

import (
	"errors"
	"iter"
	"time"
)

// ErrStuck is the error of a wait on the plain scheduler that can never end: no line can go on.
var ErrStuck = errors.New("waits for something that cannot come")

// plain is a scheduler in this process. Time stands still. Lines are coroutines that take turns in the order in which
// they began, as on Temporal.
type plain struct {
	now func() time.Time
	// lines are those that Go began and that have not ended. The first line of all is the caller's own.
	lines []*coroutine
	// turn is the coroutine that has the turn; nil for the caller.
	turn *coroutine
	// closed cancels every line.
	closed bool
	// forked is set once a second line began.
	forked bool
}

// coroutine is one line with a stack of its own.
type coroutine struct {
	// next gives it the turn until it waits or ends. stop ends it.
	next func() (struct{}, bool)
	stop func()
	// yield gives the turn back. It reports false if the line must end.
	yield func(struct{}) bool
	// ready reports whether a wait is over; nil for a line that has not begun.
	ready func() bool
}

// plainLine is a line of the plain scheduler.
type plainLine struct {
	scheduler *plain
	// scope tells whether it was cancelled; nil for a detached line.
	scope *cancelScope
}

// cancelScope is what is cancelled together.
type cancelScope struct {
	parent    *cancelScope
	cancelled bool
}

func (s *cancelScope) err() error {
	for ; s != nil; s = s.parent {
		if s.cancelled {
			return ErrCancelled
		}
	}
	return nil
}

var _ Line = (*plainLine)(nil)

func (l *plainLine) Now() time.Time { return l.scheduler.now() }

func (l *plainLine) Err() error {
	if l.scheduler.closed {
		return ErrCancelled
	}
	return l.scope.err()
}

func (l *plainLine) Cancellable() (Line, func()) {
	scope := &cancelScope{parent: l.scope}
	return &plainLine{l.scheduler, scope}, func() { scope.cancelled = true }
}

func (l *plainLine) Detached() (Line, func()) { return &plainLine{scheduler: l.scheduler}, func() {} }

func (l *plainLine) Go(_ string, do func(Line)) {
	c := &coroutine{}
	c.next, c.stop = iter.Pull(func(yield func(struct{}) bool) {
		c.yield = yield
		do(l)
	})
	l.scheduler.lines, l.scheduler.forked = append(l.scheduler.lines, c), true
}

// Await gives the turn to others until done reports true. The caller's own line hands out the turns.
func (l *plainLine) Await(done func() bool) error {
	p := l.scheduler
	for !done() {
		if err := l.Err(); err != nil {
			return err
		}
		if p.turn != nil {
			c := p.turn
			c.ready = func() bool { return done() || l.Err() != nil }
			if !c.yield(struct{}{}) {
				return ErrStuck
			}
			continue
		}
		if !p.round() && !done() {
			return ErrStuck
		}
	}
	return nil
}

func isCancelled(err error) bool { return errors.Is(err, ErrCancelled) }

// round gives every line that can go on one turn. It reports whether one did.
func (p *plain) round() bool {
	progress := false
	for i := 0; i < len(p.lines); i++ {
		c := p.lines[i]
		if c.ready != nil && !c.ready() {
			continue
		}
		progress = true
		p.turn = c
		_, waits := c.next()
		p.turn = nil
		if !waits {
			p.lines = append(p.lines[:i], p.lines[i+1:]...)
			i--
		}
	}
	return progress
}

// close ends the lines that still wait.
func (p *plain) close() {
	p.closed = true
	for _, c := range p.lines {
		p.turn = c
		c.stop()
	}
	p.lines, p.turn = nil, nil
}
