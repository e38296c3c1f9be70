package nodes

import (
	"strconv"

	"github.com/everhook/everhook/nodes/kind"
)

// iterateTogether runs several iterations at the same time, and returns when all that began have ended.
func (c *Loop) iterateTogether(run kind.LoopingRun, state *kind.LoopState) error {
	flight := loopFlight{loop: c, run: run, state: state, next: state.Next, ended: map[int]*iteration{}}
	for began := false; !state.Over() && !flight.stopped && (!began || !run.UsedUp()); began = true {
		fork := run.Fork().(kind.LoopingRun)
		it, err := c.enter(fork, state)
		if err == nil {
			err = fork.Pause()
		}
		if err != nil {
			flight.fail(err)
			break
		}
		if it.end != running {
			flight.land(it)
			continue
		}
		flight.count(1)
		run.Go("iteration "+strconv.Itoa(it.index), fork, func() {
			err := c.body(fork, it)
			if err == nil {
				err = fork.Pause()
			}
			flight.count(-1)
			if err != nil {
				flight.fail(err)
				return
			}
			flight.land(it)
		})
		if err := run.Await(func() bool {
			return flight.inFlight < min(c.Concurrency, run.AtOnce()) || flight.stopped
		}); err != nil {
			return err
		}
	}
	if err := run.Await(func() bool { return flight.inFlight == 0 }); err != nil {
		return err
	}
	if flight.failure == nil {
		return run.Err()
	}
	return flight.failure
}

// loopFlight are the iterations that run at the same time.
type loopFlight struct {
	loop     *Loop
	run      kind.LoopingRun
	state    *kind.LoopState
	inFlight int
	// ended are iterations that have ended before an earlier one; next is the one that is added next.
	ended map[int]*iteration
	next  int
	// stopped is set when no further iteration begins; failure is why, if the loop ends with it.
	stopped bool
	failure error
}

func (f *loopFlight) count(change int) {
	f.inFlight += change
	f.run.SetRunning(f.inFlight)
}

// land takes an iteration that has ended, and adds to the state all that are in order.
func (f *loopFlight) land(it *iteration) {
	if f.failure != nil {
		return
	}
	if err := f.loop.charge(f.run, f.state, it); err != nil {
		f.fail(err)
		return
	}
	f.stopped = f.stopped || it.last
	f.ended[it.index] = it
	for {
		next := f.ended[f.next]
		if next == nil {
			return
		}
		delete(f.ended, f.next)
		f.next++
		f.loop.add(f.state, next)
	}
}

// fail ends the loop with the first error; the iterations under way are cancelled.
func (f *loopFlight) fail(err error) {
	if f.failure == nil {
		f.failure, f.stopped = err, true
		f.run.Cancel()
	}
}
