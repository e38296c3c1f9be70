package kind

import "github.com/everhook/everhook/nodes/expression"

//go:generate go run ../../cmd/fielddocs -types Filter

// Filtering is a trigger that can skip events: no run starts for them. A trigger that embeds a Filter is one.
type Filtering interface {
	Trigger
	// Filters reports whether the trigger skips events with this config.
	Filters() bool
	// Takes reports whether an event starts a run. The event has the names that the condition sees: headers, query and
	// body of a whole delivery, or the data of an event. After an error, the run starts and ends with that error, so
	// that no event is lost without a trace.
	Takes(event map[string]any) (bool, error)
}

// Filter is the field `when` of triggers. The trigger's FieldRoots say what "/when" sees.
type Filter struct {
	// When says which events start a run. If it is false, the event is skipped: no run starts. If it cannot be
	// evaluated, a run starts and ends in error at the step `trigger`.
	When expression.Bool `json:"when,omitzero"`
}

// Filters reports whether there is a condition.
func (f *Filter) Filters() bool { return f.When.IsSet() }

// Takes reports whether an event starts a run; without a condition, all do.
func (f *Filter) Takes(event map[string]any) (bool, error) {
	if !f.When.IsSet() {
		return true, nil
	}
	return f.When.Eval(&expression.Scope{Values: event})
}
