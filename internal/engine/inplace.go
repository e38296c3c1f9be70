package engine

import (
	"errors"
	"fmt"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/kind"
)

// Options say how a run is executed in place.
type Options struct {
	// Now is the run's time. It stands still.
	Now time.Time
	// Answer gives the result of a step that would wait or act outside: a canned one, for trying flows. It reports
	// false for a step that it has no result for. Nil has none for any step.
	Answer func(Waiting) (result kind.Result, err error, ok bool)
	// Alone refuses a run that did several things at the same time: its report says that it would wait.
	Alone bool
	// Late reports whether the run has taken too long; nil: it may take any time.
	Late func() bool
	// MaxUnits bounds the work of the run, in units; 0 is the bound of an execution.
	MaxUnits int
	// MaxOutput bounds the output, in bytes as JSON; 0 is 768 KiB.
	MaxOutput int
}

// Waiting is a step that would wait or act outside.
type Waiting struct {
	Node      *compile.Node
	Iteration string
	// Run is what the kind would see: it may evaluate fields.
	Run kind.Run
}

// WouldWait is the error of a run in place that came to a step which waits or acts outside. Nothing catches it.
type WouldWait struct {
	// Node is the key of the node.
	Node      string
	Iteration string
	// Reason tells a person why the run could not go on in place.
	Reason string
}

func (w *WouldWait) Error() string {
	name := w.Node
	if w.Iteration != "" {
		name += " " + w.Iteration
	}
	return fmt.Sprintf("the run would wait at node %s: %s", name, w.Reason)
}

// Unwrap makes it an end of the run, which no onError and no loop catches.
func (w *WouldWait) Unwrap() error {
	return &kind.End{Status: everhook.Pending, Type: everhook.TypeEnd, Node: w.Node, Message: w.Error()}
}

// Report is what a run in place came to.
type Report struct {
	// Outcome is how it ended; its status is pending if it would wait.
	Outcome everhook.Outcome
	// Log has its steps.
	Log *Log
	// Wait is set if it would wait.
	Wait *WouldWait
}

// InPlace executes a run at once, without Temporal: nothing that it does outlives the call. A step that waits or acts
// outside ends it, unless the options have a result for the step.
func InPlace(flow *compile.Flow, start Start, options Options) Report {
	clock := func() time.Time { return options.Now }
	scheduler := &plain{now: clock}
	defer scheduler.close()
	host := &inPlace{options: options}
	run := New(flow, start, host, clock)
	host.run = run
	run.Execute(&plainLine{scheduler: scheduler})
	if options.Alone && scheduler.forked && host.wait == nil {
		_ = host.stop(&WouldWait{Reason: "it does several things at the same time"})
		return Report{Outcome: everhook.Outcome{Status: everhook.Pending}, Log: run.Log(), Wait: host.wait}
	}
	return Report{Outcome: run.Outcome(), Log: run.Log(), Wait: host.wait}
}

// inPlace is the host of a run that is executed in this process.
type inPlace struct {
	options Options
	run     *Run
	wait    *WouldWait
}

var _ Host = (*inPlace)(nil)

func (p *inPlace) Wait(s *Step) (kind.Result, error) {
	if p.options.Answer != nil {
		if result, err, ok := p.options.Answer(Waiting{Node: s.node, Iteration: s.outer, Run: s}); ok {
			return result, err
		}
	}
	return kind.Result{}, p.stop(&WouldWait{Node: s.node.Key, Iteration: s.outer, Reason: "its kind " + s.node.Type +
		" waits or acts outside"})
}

// stop notes the first reason why the run could not go on.
func (p *inPlace) stop(wait *WouldWait) error {
	if p.wait == nil {
		p.wait = wait
	}
	return wait
}

// After never fires: no time passes.
func (p *inPlace) After(Line, time.Duration, string, func()) {}

// Listen does nothing: the caller waits for the end.
func (p *inPlace) Listen(Line, func(*everhook.Error)) {}

func (p *inPlace) Break(Line) error { return nil }

func (p *inPlace) Answered(Line, *everhook.Answer, bool) {}

func (p *inPlace) Limit() *kind.End {
	reason := ""
	switch most := p.options.MaxUnits; {
	case most > 0 && p.run.meter.units > most:
		reason = fmt.Sprintf("it has used more than %d units of work", most)
	case p.options.Late != nil && p.options.Late():
		reason = "it has taken too long"
	default:
		return nil
	}
	end, _ := errors.AsType[*kind.End](p.stop(&WouldWait{Reason: reason}))
	return end
}

// UsedUp never is: a run in place is bounded by its limits alone.
func (p *inPlace) UsedUp() bool { return false }

func (p *inPlace) HandOver(s *Step, _ *kind.LoopState) error {
	return p.stop(&WouldWait{Node: s.node.Key, Iteration: s.outer, Reason: "the loop is longer than one execution"})
}

const defaultMaxOutput = 768 << 10

func (p *inPlace) MaxOutput() int {
	if p.options.MaxOutput > 0 {
		return p.options.MaxOutput
	}
	return defaultMaxOutput
}

// Keep gives the value: the run does not wait.
func (p *inPlace) Keep(v any) any { return v }

func (p *inPlace) Error(err error) (*everhook.Error, bool) {
	if isCancelled(err) {
		return nil, true
	}
	return everhook.AsError(err), false
}
