package engine

import (
	"fmt"
	"slices"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Step is one execution of one node: what its kind sees of the run. A fork of a step works on a copy of the data, on a
// line of its own.
type Step struct {
	run    *Run
	line   Line
	node   *compile.Node
	data   *data
	record *Record
	// outer is the position of the step in the loops around it.
	outer string
	// running is how many of its iterations are running.
	running int
	// group is the line that forks begin on, cancel what cancels it; nil until the first fork.
	group  Line
	cancel func()
}

var (
	_ kind.LoopingRun    = (*Step)(nil)
	_ kind.AnsweringRun  = (*Step)(nil)
	_ kind.AssigningRun  = (*Step)(nil)
	_ kind.OutputtingRun = (*Step)(nil)
)

// Line is the line that the step runs on.
func (s *Step) Line() Line { return s.line }

// Compiled is the node with its kind.
func (s *Step) Compiled() *compile.Node { return s.node }

// Record is the step as the step log keeps it.
func (s *Step) Record() *Record { return s.record }

// Node is the node.
func (s *Step) Node() *everhook.Node { return s.node.Node }

// Scope is the data that the node's fields are evaluated on.
func (s *Step) Scope() *expression.Scope { return &s.data.scope }

// ID is the run's ID.
func (s *Step) ID() everhook.RunID { return s.run.start.Delivery.RunID }

// Origin is the ID of the run that this one retries, or its own.
func (s *Step) Origin() everhook.RunID { return s.run.Origin() }

// Iteration says at which iteration of its loops the step is.
func (s *Step) Iteration() string { return s.outer }

// Charge counts work besides the evaluation of expressions.
func (s *Step) Charge(units int) { s.data.scope.Spent += units }

// Logf adds a line to the step log.
func (s *Step) Logf(format string, args ...any) {
	s.run.log.line(s.record, fmt.Sprintf(format, args...))
}

// GoOn notes that the step goes on from a wait.
func (s *Step) GoOn() { s.data.goOn(s.line.Now()) }

// Branch runs the nodes of a branch and gives the result of the last one.
func (s *Step) Branch(name string) (last any, err error) {
	last, err = s.run.list(s.line, s.node.Branch(name), s.data)
	s.data.show(s.run, s.record, s.line.Now())
	s.data.seed(s.run, s.node, name)
	return last, err
}

// Enter begins an iteration.
func (s *Step) Enter(position kind.LoopPosition) error {
	if err := s.run.pause(s.line, s.data.takeUnits()+stepUnits); err != nil {
		return err
	}
	defer func() { s.data.seed(s.run, s.node, "") }()
	loop := map[string]any{"item": position.Item, "index": position.Index, "sequence": position.Index + 1,
		"length": position.Length}
	if position.Open {
		loop["length"] = nil
	}
	s.data.enter(s.outer, s.node.Key, position.Index, s.run.host.Keep(loop))
	s.run.meter.charge(len(s.node.Below) / clearedPerUnit)
	for _, key := range s.node.Below {
		delete(s.data.nodes, key)
		delete(s.data.errors, key)
	}
	return nil
}

// Keep is that of the host.
func (s *Step) Keep(v any) any { return s.run.host.Keep(v) }

// HandOver continues the loop in other executions.
func (s *Step) HandOver(state *kind.LoopState) error {
	if err := s.line.Err(); err != nil {
		return err
	}
	return s.run.host.HandOver(s, state)
}

// Pause charges what the step has used, and makes a break after a long stretch of work.
func (s *Step) Pause() error { return s.run.pause(s.line, s.data.takeUnits()) }

// Fork gives a step with a copy of the data.
func (s *Step) Fork() kind.Run {
	if s.group == nil {
		s.group, s.cancel = s.line.Cancellable()
	}
	s.run.meter.charge(len(s.data.nodes) / copiedPerUnit)
	return &Step{run: s.run, line: s.group, node: s.node, data: s.data.fork(s.run), record: s.record, outer: s.outer}
}

// Alone reports whether no other line of the execution does steps at the same time.
func (s *Step) Alone() bool { return s.data.around == nil }

// Go runs do on a line of its own, which the fork is moved to.
func (s *Step) Go(name string, fork kind.Run, do func()) {
	s.group.Go(name, func(line Line) {
		fork.(*Step).line = line
		do()
	})
}

// Await waits even if the step is cancelled: its forks are cancelled too, and the step ends when they have.
func (s *Step) Await(done func() bool) error {
	if done() {
		return nil
	}
	line, cancel := s.line.Detached()
	defer cancel()
	return line.Await(done)
}

// Cancel cancels the forks.
func (s *Step) Cancel() {
	if s.cancel != nil {
		s.cancel()
	}
}

// Err is an error once the step was cancelled.
func (s *Step) Err() error { return s.line.Err() }

// Join copies the results of a branch that ran in a fork, and its assigned variables.
func (s *Step) Join(fork kind.Run, branch string) {
	from := fork.(*Step).data
	keys := s.node.KeysBelow(branch)
	for _, key := range keys {
		s.data.nodes[key], s.data.errors[key] = from.nodes[key], from.errors[key]
	}
	for _, variable := range everhook.SortedKeys(from.assigned) {
		if !slices.Contains(keys, variable) {
			s.SetVariable(variable, from.nodes[variable])
		}
	}
}

// release lets go of the line of the forks, which have ended.
func (s *Step) release() { s.Cancel() }

// SetVariable assigns to a variable.
func (s *Step) SetVariable(target string, v any) {
	s.run.remember(s.data, target)
	s.data.nodes[target] = s.run.host.Keep(v)
	s.data.assigned[target] = struct{}{}
}

// SetOutput sets the output of the run.
func (s *Step) SetOutput(v any) error {
	limit := s.run.host.MaxOutput()
	encoded, err := everhook.EncodeJSON(v)
	s.run.meter.charge(len(encoded) / kind.EncodedPerUnit)
	if err != nil || len(encoded) > limit {
		return everhook.Errorf(everhook.TypeLimit, "the output is larger than %s; put less into it",
			everhook.Size(limit))
	}
	s.run.setOutput(Output{Value: everhook.Value{V: v}, At: s.data.progress.next()})
	return nil
}

// Answer gives the caller its answer.
func (s *Step) Answer(answer everhook.Answer, continues bool) bool {
	r := s.run
	if r.answer != nil || r.answered {
		return false
	}
	answer.Delivery, answer.Digest = r.start.Delivery.ID, r.start.Delivery.Digest
	r.GiveAnswer(&answer)
	r.host.Answered(s.line, &answer, continues)
	return true
}

// GiveAnswer decides what the caller receives.
func (r *Run) GiveAnswer(answer *everhook.Answer) { r.answer, r.outcome.Answer = answer, answer }

// DeriveAnswer sets the answer of a run that ended without one. The outcome keeps none.
func (r *Run) DeriveAnswer(answer *everhook.Answer) { r.answer = answer }

// Output is an output that was set. It may be null, which a pointer to a value could not tell from no output.
type Output struct {
	Value everhook.Value `json:"value"`
	// At is when it was set.
	At Moment `json:"at,omitzero"`
}

// setOutput sets the output, unless a later moment has set it already.
func (r *Run) setOutput(output Output) {
	if output.At.before(r.outputAt) {
		return
	}
	r.outcome.Output, r.outputAt = everhook.Of(output.Value.V), output.At
}

// output is what was set so far; nil for nothing.
func (r *Run) output() *Output {
	if r.outcome.Output == nil {
		return nil
	}
	return &Output{*r.outcome.Output, r.outputAt}
}
