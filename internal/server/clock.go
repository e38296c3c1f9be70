package server

import "time"

// clock notices that the wall clock was set. Temporal's queues halt until the wall clock is again where it was before a
// step back, and a restart of the embedded server heals that.
type clock struct {
	// wall and elapsed were read together: the time of day, and the monotonic time since some moment.
	wall    time.Time
	elapsed time.Duration
	// furthest is the latest wall clock time that was seen.
	furthest time.Time
}

// newClock begins to watch.
func newClock(wall time.Time, elapsed time.Duration) *clock {
	return &clock{wall: wall, elapsed: elapsed, furthest: wall}
}

// tick takes new readings. Step is by how much the clock was set since the last ones, 0 if it is less than minStep.
// Behind returns the difference between the latest time that the wall clock showed and its time now, or 0.
func (c *clock) tick(wall time.Time, elapsed time.Duration) (step, behind time.Duration) {
	if moved := wall.Sub(c.wall) - (elapsed - c.elapsed); moved >= minStep || moved <= -minStep {
		step = moved
	}
	c.wall, c.elapsed = wall, elapsed
	if behind = c.furthest.Sub(wall); behind > 0 {
		return step, behind
	}
	c.furthest = wall
	return step, 0
}

// healed forgets the furthest time: the queues go on.
func (c *clock) healed() { c.furthest = c.wall }

// minStep is more than time servers slew a clock in a second.
const minStep = 500 * time.Millisecond
