package nodes

import (
	"cmp"
	"errors"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/kind"
)

// Iterate goes through iterations until the loop, or its part, is over, or the execution has used up its budget after
// one iteration at least.
func (c *Loop) Iterate(run kind.LoopingRun, state *kind.LoopState) error {
	if c.Concurrency > 1 {
		return c.iterateTogether(run, state)
	}
	for began := false; !state.Over() && (!began || !run.UsedUp()); began = true {
		iteration, err := c.enter(run, state)
		if err == nil && iteration.end == running {
			err = c.body(run, iteration)
		}
		if err == nil {
			err = c.charge(run, state, iteration)
		}
		if err != nil {
			return err
		}
		c.add(state, iteration)
	}
	return nil
}

// iteration is one pass through the body.
type iteration struct {
	index int
	end   iterationEnd
	// last is set when the loop ends with it.
	last      bool
	collected any
	failure   *everhook.Error
}

// iterationEnd is how an iteration ended.
type iterationEnd int

const (
	running  iterationEnd = iota
	unbegun               // `when` was false before the body, and the loop ends
	skipped               // `when` was false, and the loop goes on
	resolved              // the body resolved
	failed                // the body did not resolve, and onFail says that the loop is not over so
)

// enter begins the next iteration in the scope of run, up to where its body runs.
func (c *Loop) enter(run kind.LoopingRun, state *kind.LoopState) (*iteration, error) {
	before := c.When.IsSet() && c.Check != "after"
	if !before {
		if err := c.mayIterate(state.Next); err != nil {
			return nil, err
		}
	}
	it := &iteration{index: state.Next}
	if err := run.Enter(kind.LoopPosition{Item: state.Item(it.index), Index: it.index,
		Length: state.Length, Open: state.Open}); err != nil {
		return nil, err
	}
	state.Next++
	if !before {
		return it, nil
	}
	ok, err := c.When.Eval(run.Scope())
	switch {
	case err != nil:
		return nil, err
	case ok:
	case c.OnFalse == "skip":
		it.end = skipped
	default:
		it.end, it.last = unbegun, true
		return it, nil
	}
	return it, c.mayIterate(it.index)
}

// mayIterate is an error when the loop has had as many iterations as it may.
func (c *Loop) mayIterate(index int) error {
	if limit := cmp.Or(c.MaxIterations, defaultMaxIterations); index >= limit {
		return everhook.Errorf(everhook.TypeLimit, "the loop reached its limit of %d iterations; raise maxIterations "+
			"if that is right", limit)
	}
	return nil
}

// body runs the body of an iteration and sees how it ended. An error ends the loop with it.
func (c *Loop) body(run kind.Run, it *iteration) error {
	if _, err := run.Branch(loopBody); err != nil {
		if err := c.onFail(err, it); err != nil || it.last {
			return err
		}
		return c.whenAfter(run, it)
	}
	it.end = resolved
	if err := c.whenAfter(run, it); err != nil || it.end == skipped || !c.Collect.IsSet() {
		return err
	}
	var err error
	it.collected, err = c.Collect.Eval(run.Scope())
	return err
}

// whenAfter evaluates `when` after the body, also after a body that failed: a loop without `over` whose body always
// fails would otherwise run to its limit.
func (c *Loop) whenAfter(run kind.Run, it *iteration) error {
	if !c.When.IsSet() || c.Check != "after" {
		return nil
	}
	ok, err := c.When.Eval(run.Scope())
	switch {
	case err != nil:
		return err
	case ok:
	case c.OnFalse == "skip":
		if it.end == resolved {
			it.end = skipped
		}
	default:
		it.last = true
	}
	return nil
}

func (c *Loop) onFail(err error, it *iteration) error {
	failure, ok := errors.AsType[*everhook.Error](err)
	if !ok || !failure.Status.Catchable() || c.OnFail == "" || c.OnFail == "fail" {
		return err
	}
	it.end, it.failure, it.last = failed, failure, c.OnFail == "break"
	return nil
}

// charge counts what an iteration collected.
func (c *Loop) charge(run kind.Run, s *kind.LoopState, it *iteration) error {
	if !c.Collect.IsSet() || it.end != resolved && it.end != failed {
		return nil
	}
	size := everhook.EncodedSize(it.collected, maxCollected) + 1
	run.Charge(size / kind.EncodedPerUnit)
	if s.CollectedBytes += size; s.CollectedBytes > maxCollected {
		return everhook.Errorf(everhook.TypeLimit, "the collected values are larger than 1 MiB; collect less of each "+
			"iteration")
	}
	return nil
}

// add counts an iteration that has ended, in the order of the items.
func (c *Loop) add(s *kind.LoopState, it *iteration) {
	s.Broken = s.Broken || it.last
	if it.end == unbegun {
		return
	}
	s.Looped++
	switch it.end {
	case skipped:
		s.Skipped++
		return
	case failed:
		if s.Failed++; s.Failed <= maxLoopErrors {
			s.Errors = append(s.Errors, map[string]any{"index": it.index, "node": it.failure.Node,
				"message": it.failure.Message})
		}
	default:
		s.Done++
	}
	if c.Collect.IsSet() {
		s.Collected = append(s.Collected, it.collected)
	}
}
