package workflows

import (
	"maps"
	"strconv"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/expression"
)

// data is what the nodes of one line of execution see and change. Branches that run at the same time have one each. The
// values in it are shared and never changed.
type data struct {
	scope         expression.Scope
	nodes, errors map[string]any
	loops         map[string]any
	position      position
	// record is the step that evaluates now.
	record *everhook.Step
	// now is the time that the scope has as system.now.
	now time.Time
	// charged is how much of scope.Spent is charged to the run already.
	charged int
	// assigned are the variables that were assigned since the data was forked.
	assigned map[string]bool
	// line orders what is done here among what other lines do, around is the data that this was forked from.
	line   line
	around *data
}

// position is where in its loops a line of execution stands.
type position struct {
	// path is as in "items[3].lines[0]".
	path string
	// loop is what expressions see as loop; nil outside loops.
	loop any
}

func (r *run) rootData() *data {
	env := make(map[string]any, len(r.start.Env))
	//workflowcheck:ignore a copy; its order does not show
	for name, value := range r.start.Env {
		env[name] = value
	}
	d := &data{nodes: map[string]any{}, errors: map[string]any{}, loops: map[string]any{}, assigned: map[string]bool{}}
	d.connect(r, map[string]any{"trigger": map[string]any(r.start.Delivery.Trigger), "env": env})
	return d
}

// fill takes over what another execution of the run handed over.
func (d *data) fill(part *LoopStart) {
	for _, key := range everhook.SortedKeys(part.Nodes) {
		d.nodes[key] = part.Nodes[key]
	}
	for _, key := range everhook.SortedKeys(part.Errors) {
		d.errors[key] = part.Errors[key]
	}
	for _, variable := range part.Assigned {
		d.assigned[variable] = true
	}
	d.line = part.Line
}

// fork copies the data for a branch that runs beside others.
func (d *data) fork(r *run) *data {
	f := &data{nodes: maps.Clone(d.nodes), errors: maps.Clone(d.errors), loops: maps.Clone(d.loops),
		position: d.position, record: d.record, now: d.now, assigned: map[string]bool{},
		line: line{moment: d.line.next()}, around: d}
	f.connect(r, maps.Clone(d.scope.Values))
	return f
}

// connect makes the scope show the data.
func (d *data) connect(r *run, values map[string]any) {
	values["nodes"], values["errors"], values["loops"] = d.nodes, d.errors, d.loops
	d.scope.Values = values
	d.scope.Now = r.clock
	d.scope.ResumeURL = func(key string) (string, error) { return r.resumeURL(key, d.position.path) }
	d.scope.Record = func(pointer string, v any) { r.log.field(d.record, pointer, v) }
}

// at makes the scope that of a step.
func (d *data) at(r *run, node *compile.Node, record *everhook.Step, now time.Time) {
	d.seed(r, node, "")
	d.show(r, record, now)
}

// show makes the scope show the time of a step, and what it evaluates go to its record.
func (d *data) show(r *run, record *everhook.Step, now time.Time) {
	d.record = record
	if d.now.Equal(now) {
		return
	}
	d.now = now
	// A new mapping each time: an expression may have taken the old one as a value.
	d.scope.Values["system"] = map[string]any{
		"now": everhook.FormatTime(now.UTC()), "runId": string(r.start.Delivery.RunID),
		"flow": map[string]any{"key": r.flow.Definition.Key, "version": r.start.Version,
			"title": r.flow.Definition.Name()},
	}
}

// seed makes uuid() depend on the place alone: the node, the iteration, and the branch after which it is called, if it
// is.
func (d *data) seed(r *run, node *compile.Node, after string) {
	seed := string(r.origin()) + "/" + node.Key + "/" + d.position.path
	if after != "" {
		seed += "/after " + after
	}
	d.scope.Reseed(seed)
}

// enter begins an iteration of the loop key, which stands at outer.
func (d *data) enter(outer, key string, index int, loop map[string]any) {
	if outer != "" {
		outer += "."
	}
	d.position = position{path: outer + key + "[" + strconv.Itoa(index) + "]", loop: loop}
	d.loops[key] = loop
	d.scope.Values["loop"] = loop
}

// leave goes back to where the step key began, if it was a loop.
func (d *data) leave(key string, outer position) {
	if d.position.path == outer.path {
		return
	}
	d.position = outer
	delete(d.loops, key)
	d.scope.Values["loop"] = outer.loop
}

// spent gives the units that were used since it was asked last.
func (d *data) spent() int {
	units := d.scope.Spent - d.charged
	d.charged = d.scope.Spent
	return units
}
