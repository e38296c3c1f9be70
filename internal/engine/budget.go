package engine

import (
	"cmp"
	"fmt"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/kind"
)

// Budget limits one execution; above it, loops continue in another execution. It keeps cold replays short. A field that
// is 0 stands for the engine's own number.
type Budget struct {
	Steps, Units int
}

const (
	budgetSteps = 50_000
	// budgetUnits is what evaluations may cost; a cold replay does all of them in a few seconds.
	budgetUnits = 20_000_000
	// budgetEvents is how many events iterations that run at the same time may add to a history, see AtOnce.
	budgetEvents = 4000
	// eventsOfStep is how many events a step adds to a history at most.
	eventsOfStep = 6
)

// Limits of one execution, far above its budget. They end a run that no loop could hand over in time.
const (
	maxSteps = 500_000
	maxUnits = 200_000_000
)

const (
	// maxStretch is how many units of work may pass before the run makes a break: far below the second after which
	// Temporal takes workflow code for deadlocked.
	maxStretch = 200_000
	// stepUnits is the cost of a step without its expressions.
	stepUnits = 20
	// copiedPerUnit is how many results are copied for one unit when data is forked.
	copiedPerUnit = 2
	// clearedPerUnit is how many results are cleared for one unit when an iteration begins.
	clearedPerUnit = 20
)

// meter counts what an execution uses.
type meter struct {
	budget       Budget
	steps, units int
	// expected is how many events the iterations that run now may add to the history.
	expected int
	// stretch counts the units since the last break. breaking is set during a break.
	stretch  int
	breaking bool
}

func newMeter(b Budget) meter {
	return meter{budget: Budget{Steps: cmp.Or(b.Steps, budgetSteps), Units: cmp.Or(b.Units, budgetUnits)}}
}

func (m *meter) charge(units int) { m.units, m.stretch = m.units+units, m.stretch+units }

// countStep charges a step to the execution. A limit that is reached ends the run; nothing catches that.
func (r *Run) countStep(line Line, node *compile.Node) error {
	r.meter.steps++
	if end := r.limit(); end != nil {
		end.Node = node.Key
		return end
	}
	if err := r.pause(line, stepUnits); err != nil {
		return r.failure(err).At(node.Key)
	}
	return nil
}

// limit is the end of a run whose execution has too much of something. onFailure may still run then, within its ten
// minutes.
func (r *Run) limit() *kind.End {
	if r.failing {
		return nil
	}
	if r.meter.steps > maxSteps || r.meter.units > maxUnits {
		return &kind.End{Status: everhook.Errored, Type: everhook.TypeLimit,
			Message: fmt.Sprintf("the run reached the "+
				"limit of %d steps or %d units of evaluation outside of loops; let each iteration or delivery do less",
				maxSteps, maxUnits)}
	}
	return r.host.Limit()
}

// pause charges units to the stretch that goes on without a break, and makes a break if the stretch has become long.
// Its error is that of a cancelled line.
func (r *Run) pause(line Line, units int) error {
	if err := line.Err(); err != nil {
		return err
	}
	r.meter.charge(units)
	if r.meter.breaking {
		return line.Await(func() bool { return !r.meter.breaking })
	}
	if r.meter.stretch < maxStretch {
		return nil
	}
	return r.Break(line)
}

// Break makes a break, whatever the stretch. Other lines wait for its end before they begin a step.
func (r *Run) Break(line Line) error {
	r.meter.stretch, r.meter.breaking = 0, true
	defer func() { r.meter.breaking = false }()
	return r.host.Break(line)
}

// UsedUp reports whether the execution has used up its budget.
func (s *Step) UsedUp() bool {
	m := &s.run.meter
	return m.steps >= m.budget.Steps || m.units+s.data.uncharged() >= m.budget.Units || s.run.host.UsedUp()
}

// AtOnce is how many iterations of the step may run at the same time. When the budget is used up, everything that is
// under way then, in all loops together, may add as many events as the budget has.
func (s *Step) AtOnce() int {
	others := s.run.meter.expected - s.running*s.eventsOfIteration()
	return max(1, (budgetEvents-others)/s.eventsOfIteration())
}

// SetRunning reports how many iterations of the step are running.
func (s *Step) SetRunning(iterations int) {
	s.run.meter.expected += (iterations - s.running) * s.eventsOfIteration()
	s.running = iterations
}

// eventsOfIteration is how many events an iteration may add to a history.
func (s *Step) eventsOfIteration() int { return eventsOfStep * max(1, len(s.node.Below)) }
