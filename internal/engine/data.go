package engine

import (
	"maps"
	"strconv"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/expression"
)

// data holds the values that the nodes of one line see and change. Lines that run at the same time have one each. The
// values in it are shared and immutable. Heavy ones are expression.Stored values, see Host.Keep.
type data struct {
	scope         expression.Scope
	nodes, errors map[string]any
	loops         map[string]any
	position      position
	// record is the step that evaluates now.
	record *Record
	// now is the time that the scope shows as system.now.
	now time.Time
	// charged is the part of scope.Spent that the run was charged for.
	charged int
	// assigned are the variables that were assigned since the data was forked.
	assigned map[string]struct{}
	// progress orders what is done here among what other lines do. around is the data that this was forked from.
	progress Progress
	around   *data
}

// position says at which iteration of its loops a line is.
type position struct {
	// path is for example "items[3].lines[0]".
	path string
	// loop is what expressions see as loop, as the host keeps it; nil outside loops.
	loop any
}

func (r *Run) rootData() *data {
	env := make(map[string]any, len(r.start.Env))
	//workflowcheck:ignore a copy, whose order does not show
	for name, value := range r.start.Env {
		env[name] = value
	}
	d := &data{nodes: map[string]any{}, errors: map[string]any{}, loops: map[string]any{},
		assigned: map[string]struct{}{}}
	r.trigger, r.start.Delivery.Trigger = r.host.Keep(map[string]any(r.start.Delivery.Trigger)), nil
	d.connect(r, map[string]any{"trigger": r.trigger, "env": env})
	return d
}

// Trigger gives the values of the delivery.
func (r *Run) Trigger() everhook.Mapping {
	return expression.Load(r.trigger).(map[string]any)
}

// fork copies the data for a line of its own.
func (d *data) fork(r *Run) *data {
	f := &data{nodes: maps.Clone(d.nodes), errors: maps.Clone(d.errors), loops: maps.Clone(d.loops),
		position: d.position, record: d.record, now: d.now, assigned: map[string]struct{}{},
		progress: Progress{Moment: d.progress.next()}, around: d}
	f.connect(r, maps.Clone(d.scope.Values))
	return f
}

// connect makes the scope show the data.
func (d *data) connect(r *Run, values map[string]any) {
	values["nodes"], values["errors"], values["loops"] = d.nodes, d.errors, d.loops
	d.scope.Values = values
	d.scope.Now = r.now
	d.scope.ResumeURL = func(key string) (string, error) { return r.resumeURL(key, d.position.path) }
	d.scope.Record = func(pointer string, v any) { r.log.field(d.record, pointer, v) }
	d.scope.Warn = func(text string) { r.log.line(d.record, everhook.StepWarning+text) }
}

// at makes the scope that of a step.
func (d *data) at(r *Run, node *compile.Node, record *Record, now time.Time) {
	d.seed(r, node, "")
	d.show(r, record, now)
}

// show sets the time in the scope, and makes the step's record take the evaluated fields.
func (d *data) show(r *Run, record *Record, now time.Time) {
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

// seed makes uuid() depend on where it is called: the node, the iteration, and the branch after which the call comes,
// if it comes after one.
func (d *data) seed(r *Run, node *compile.Node, after string) {
	seed := string(r.Origin()) + "/" + node.Key + "/" + d.position.path
	if after != "" {
		seed += "/after " + after
	}
	d.scope.Reseed(seed)
}

// enter begins an iteration of the loop key, which is in the iteration outer of the loops around it.
func (d *data) enter(outer, key string, index int, loop any) {
	if outer != "" {
		outer += "."
	}
	d.position = position{path: outer + key + "[" + strconv.Itoa(index) + "]", loop: loop}
	d.loops[key] = loop
	d.scope.Values["loop"] = loop
}

// leave goes back to the position at which the step key began, if it was a loop.
func (d *data) leave(key string, outer position) {
	if d.position.path == outer.path {
		return
	}
	d.position = outer
	delete(d.loops, key)
	d.scope.Values["loop"] = outer.loop
}

// uncharged is the number of units that the run was not charged for yet.
func (d *data) uncharged() int { return d.scope.Spent - d.charged }

// takeUnits gives the units that were used since the last call.
func (d *data) takeUnits() int {
	units := d.uncharged()
	d.charged = d.scope.Spent
	return units
}

// goOn notes that the line goes on from a wait, and so do the lines around it: they go on once it has ended.
func (d *data) goOn(now time.Time) {
	for at := d; at != nil; at = at.around {
		if at.progress.Since.Before(now) {
			at.progress.Since = now
		}
	}
}
