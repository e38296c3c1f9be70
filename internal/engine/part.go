package engine

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Part is a loop, or a part of one, that another execution continues: everything it needs besides the flow and the
// start of the run. It is stored in histories.
type Part struct {
	// Node is the key of the loop. Path is its position in the loops around it.
	Node string `json:"node"`
	Path string `json:"path,omitempty"`
	// State is how far the loop is.
	State kind.LoopState `json:"state"`
	// Nodes and Errors are the results that the loop refers to. Assigned are the variables among them that earlier
	// executions of the chain assigned.
	Nodes    everhook.Mapping `json:"nodes,omitempty"`
	Errors   everhook.Mapping `json:"errors,omitempty"`
	Assigned []string         `json:"assigned,omitempty"`
	// Loops are the loops around it.
	Loops []outerLoop `json:"loops,omitempty"`
	// Failure is set within onFailure.
	Failure *everhook.Value `json:"failure,omitempty"`
	// Answered is set when the caller has an answer.
	Answered bool `json:"answered,omitempty"`
	// Output and Answer are what earlier executions of the chain left for the run.
	Output *Output          `json:"output,omitempty"`
	Answer *everhook.Answer `json:"answer,omitempty"`
	// Progress orders the work of the loop within the run.
	Progress Progress `json:"progress,omitzero"`
	// Log is how full the step log is.
	Log LogState `json:"log"`
}

// outerLoop is a loop as the nodes in it see it.
type outerLoop struct {
	Key    string         `json:"key"`
	Item   everhook.Value `json:"item"`
	Index  int            `json:"index"`
	Length *int           `json:"length,omitempty"`
}

// PartEnd is how an execution that continued a loop ended.
type PartEnd struct {
	State kind.LoopState `json:"state"`
	// Error is the failure of an iteration that ends the loop. End is set if an iteration ended the run.
	Error *everhook.Error `json:"error,omitempty"`
	End   *kind.End       `json:"end,omitempty"`
	// Assigned are the variables outside the loop that were assigned.
	Assigned everhook.Mapping `json:"assigned,omitempty"`
	Output   *Output          `json:"output,omitempty"`
	Answer   *everhook.Answer `json:"answer,omitempty"`
	// Until is when it last went on from a wait.
	Until time.Time `json:"until,omitzero"`
	Log   LogState  `json:"log"`
}

// Part makes of the loop that the step is what another execution needs to continue it.
func (s *Step) Part(state kind.LoopState) *Part {
	r, d := s.run, s.data
	part := &Part{
		Node: s.node.Key, Path: s.outer, State: state, Nodes: everhook.Mapping{}, Errors: everhook.Mapping{},
		Answered: r.answer != nil || r.answered, Log: r.log.state(s.node.Below),
		Progress: Progress{Moment: d.progress.next()},
	}
	for _, key := range s.node.Uses.Nodes {
		if slices.Contains(s.node.Below, key) {
			continue
		}
		if v, ok := d.nodes[key]; ok {
			part.Nodes[key] = expression.Load(v)
		}
		if v, ok := d.errors[key]; ok {
			part.Errors[key] = expression.Load(v)
		}
	}
	for _, key := range everhook.SortedKeys(d.loops) {
		if key == s.node.Key || !slices.Contains(s.node.Uses.Nodes, key) {
			continue
		}
		seen := expression.Load(d.loops[key]).(map[string]any)
		loop := outerLoop{Key: key, Item: everhook.Value{V: seen["item"]}, Index: seen["index"].(int)}
		if length, ok := seen["length"].(int); ok {
			loop.Length = &length
		}
		part.Loops = append(part.Loops, loop)
	}
	if failure, ok := d.scope.Values["failure"]; ok {
		part.Failure = everhook.Of(failure)
	}
	return part
}

// NextPart is Part for the next execution of a chain, which also carries what this one leaves for the run.
func (s *Step) NextPart(state kind.LoopState) *Part {
	progress := s.data.progress
	part := s.Part(state)
	part.Assigned, part.Output, part.Answer = s.assignedOutside(), s.run.output(), s.run.answer
	part.Progress = progress
	return part
}

// Open prepares an execution that continues a loop, and gives the loop's step and its state. It takes the values out of
// the part, and panics if the flow has no such loop on this build, as other faults of a worker do.
func (r *Run) Open(line Line, part *Part) (*Step, *kind.LoopState) {
	node := r.flow.Node(part.Node)
	if node == nil || !isLoop(node) {
		panic(fmt.Sprintf("this build has no loop %q in flow %q: deploy a build that has it", part.Node,
			r.flow.Definition.Key))
	}
	r.log, r.answer, r.answered = newLog(part.Log), part.Answer, part.Answered
	if part.Output != nil {
		r.setOutput(*part.Output)
	}
	s := &Step{run: r, line: line, node: node, data: r.partData(part), record: &Record{}, outer: part.Path}
	s.data.at(r, node, s.record, line.Now())
	state := part.State
	part.State, part.Nodes, part.Errors, part.Loops = kind.LoopState{}, nil, nil, nil
	return s, &state
}

func isLoop(node *compile.Node) bool { _, ok := node.Kind.(kind.Iterating); return ok }

// Iterate goes through iterations of the loop that the step is, see kind.Iterating.
func (s *Step) Iterate(state *kind.LoopState) error {
	defer s.release()
	state.KeepItems(s.Keep)
	return s.node.Kind.(kind.Iterating).Iterate(s, state)
}

// partData is the data of the run, as far as the loop refers to it.
func (r *Run) partData(part *Part) *data {
	d := r.rootData()
	for _, key := range everhook.SortedKeys(part.Nodes) {
		d.nodes[key] = r.host.Keep(part.Nodes[key])
	}
	for _, key := range everhook.SortedKeys(part.Errors) {
		d.errors[key] = r.host.Keep(part.Errors[key])
	}
	for _, variable := range part.Assigned {
		d.assigned[variable] = struct{}{}
	}
	d.progress = part.Progress
	for _, loop := range part.Loops {
		seen := map[string]any{"item": loop.Item.V, "index": loop.Index, "sequence": loop.Index + 1, "length": nil}
		if loop.Length != nil {
			seen["length"] = *loop.Length
		}
		d.loops[loop.Key] = r.host.Keep(seen)
	}
	if part.Failure != nil {
		d.scope.Values["failure"] = part.Failure.V
		r.failing = true
	}
	d.position.path = part.Path
	return d
}

// PartEnd is what the execution has for the one that handed the loop over. Err is how the iterations ended.
func (s *Step) PartEnd(state *kind.LoopState, err error) *PartEnd {
	r := s.run
	end := &PartEnd{State: *state, Output: r.output(), Answer: r.answer, Log: r.log.state(s.node.Below),
		Assigned: everhook.Mapping{}, Until: s.data.progress.Since}
	end.State.Items = nil
	if err != nil { // the loop has no result
		end.State.Collected, end.State.Errors = nil, nil
	}
	for _, variable := range s.assignedOutside() {
		end.Assigned[variable] = expression.Load(s.data.nodes[variable])
	}
	if ended, ok := errors.AsType[*kind.End](err); ok {
		end.End = ended
	} else if err != nil {
		end.Error = r.failure(err)
	}
	return end
}

// Without is what remains of an end that is too large to be handed over. If an iteration ended the run, so does the
// failure: nothing catches either.
func (e *PartEnd) Without(failure *everhook.Error) *PartEnd {
	left := &PartEnd{Answer: e.Answer, Log: e.Log, Until: e.Until}
	if e.End == nil {
		left.Error = failure
	} else {
		left.End = &kind.End{Status: failure.Status, Type: failure.Type, Message: failure.Message, Node: failure.Node}
	}
	return left
}

// assignedOutside are the variables that were assigned in the loop and are declared outside of it.
func (s *Step) assignedOutside() []string {
	var outside []string
	for _, variable := range everhook.SortedKeys(s.data.assigned) {
		if !slices.Contains(s.node.Below, variable) {
			outside = append(outside, variable)
		}
	}
	return outside
}

// Take takes over what another execution did with a part of the loop. Its error is how the loop ends.
func (s *Step) Take(part *Part, end *PartEnd, state *kind.LoopState) error {
	r := s.run
	r.log.join(part.Log, end.Log)
	state.Join(&end.State)
	for _, variable := range everhook.SortedKeys(end.Assigned) {
		s.SetVariable(variable, end.Assigned[variable])
	}
	s.data.goOn(end.Until)
	if end.Output != nil {
		r.setOutput(*end.Output)
	}
	if end.Answer != nil && r.answer == nil {
		r.GiveAnswer(end.Answer)
	}
	cancelled := s.line.Err()
	switch {
	case end.End != nil:
		return end.End
	case end.Error == nil:
		return cancelled
	case cancelled != nil && !end.Error.Status.Catchable():
		// The other execution knows which node it was at, but perhaps not why it had to end.
		return r.failure(cancelled).At(end.Error.Node)
	}
	return end.Error
}
