package nodes

import (
	"errors"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
)

// Loop runs its body once for each item, or as long as an expression is true.
type Loop struct {
	// Over gives the items: a list, a whole number n (the items 0 to n-1), text (each character), a mapping (each {key, value}, sorted by key), or nil (none).
	// May be left out when `when` is given; the items are then 0, 1, 2, …
	Over expression.Expression `json:"over,omitzero"`
	// When must yield a boolean; what happens when it is false, onFalse says.
	When expression.Bool `json:"when,omitzero"`
	// Check says when `when` is evaluated: before the body of an iteration (default) or after it, where it sees the body's results.
	Check string `json:"check,omitempty" enum:"before,after"`
	// OnFalse says what a false `when` does: break (default) ends the loop, skip leaves out that iteration.
	OnFalse string `json:"onFalse,omitempty" enum:"break,skip"`
	// OnFail says what an iteration that is not resolved does: fail (default) gives the loop its status, break ends the loop, continue goes on with the next.
	OnFail string `json:"onFail,omitempty" enum:"fail,break,continue"`
	// Collect is evaluated after each iteration that resolved; the values are gathered in order in the result's items, at most 1 MiB.
	Collect expression.Expression `json:"collect,omitzero"`
	// MaxIterations bounds the number of iterations; more is an error. Default 1,000,000.
	MaxIterations int `json:"maxIterations,omitempty"`
}

const (
	loopBody             = "do"
	defaultMaxIterations = 1_000_000
	maxCollected         = 1 << 20
	maxLoopErrors        = 100
)

var (
	_ Kind        = (*Loop)(nil)
	_ FieldScoper = (*Loop)(nil)
)

// Spec describes the kind.
func (*Loop) Spec() Spec {
	return Spec{
		Kind: "loop", Group: Control,
		Summary: "Runs its body once for each item, or as long as an expression is true.",
		Result: "`{looped, done, failed, skipped, broken, items, errors}`: iterations begun or skipped, those resolved, those not resolved, those skipped, whether the loop was ended early, " +
			"the collected values (nil for an iteration that was not resolved), and `{index, node, message}` of the first 100 that were not resolved.",
		Failures: "The status of an iteration that is not resolved, with `onFail: fail`. Error when `over` gives something else than a list, whole number, text, mapping or nil, when an expression cannot be evaluated, or when a limit is reached.",
		Branches: []BranchSpec{{Name: loopBody, Required: true, Summary: "the body, once an iteration"}},
		Example: `key: each
type: loop
config: { over: trigger.body.items, collect: nodes.line }
branches:
  do:
    - { key: line, type: calculation, config: { expression: 'loop.item.price * loop.item.quantity' } }
`,
	}
}

// FieldScope says that `collect`, and `when` after the body, see the body's results, and that `when` before it sees the loop.
func (c *Loop) FieldScope(pointer string) FieldScope {
	switch {
	case pointer == "/collect" || pointer == "/when" && c.Check == "after":
		return FieldScope{Branch: loopBody, Loop: true, After: true}
	case pointer == "/when":
		return FieldScope{Branch: loopBody, Loop: true}
	default:
		return FieldScope{}
	}
}

// Validate wants something that ends the loop.
func (c *Loop) Validate(v *Validation) {
	if !c.Over.IsSet() && !c.When.IsSet() {
		v.Error("/config", "neither over nor when is given", "write for example `over: trigger.body.items`")
	}
	if !c.Over.IsSet() && c.OnFalse == "skip" {
		v.Error("/config/onFalse", "without over, a loop that skips never ends", "use `onFalse: break`, or give `over`")
	}
	if !c.When.IsSet() && (c.Check != "" || c.OnFalse != "") {
		v.Error("/config", "check and onFalse say what `when` does, and there is none", "add `when`, or remove them")
	}
	if c.MaxIterations < 0 {
		v.Error("/config/maxIterations", "the number of iterations is negative", "leave it out for 1,000,000")
	}
}

// Execute is pure. It counts up and never ranges over a mapping.
func (c *Loop) Execute(ctx workflow.Context, run Run) (Result, error) {
	items, open, err := c.items(run)
	if err != nil {
		return Result{}, err
	}
	limit := c.MaxIterations
	if limit == 0 {
		limit = defaultMaxIterations
	}
	state := loopState{config: c}
	for index := 0; open || index < len(items); index++ {
		if index == limit {
			return Result{}, everhook.Errorf(everhook.TypeLimit, "the loop reached its limit of %d iterations; raise maxIterations if that is right", limit)
		}
		position := LoopPosition{Item: index, Index: index, Length: len(items), Open: open}
		if !open {
			position.Item = items[index]
		}
		if err := run.EnterLoop(ctx, position); err != nil {
			return Result{}, err
		}
		goOn, err := state.iterate(ctx, run, index)
		if err != nil {
			return Result{}, err
		}
		if !goOn {
			state.broken = true
			break
		}
	}
	return Result{Value: state.result()}, nil
}

// items gives the list to go through, or open for a loop that only its `when` ends.
func (c *Loop) items(run Run) (items []any, open bool, err error) {
	if !c.Over.IsSet() {
		return nil, true, nil
	}
	over, err := c.Over.Eval(run.Scope())
	if err != nil {
		return nil, false, err
	}
	switch over := over.(type) {
	case nil:
		return nil, false, nil
	case []any:
		return over, false, nil
	case int:
		if over > defaultMaxIterations && over > c.MaxIterations {
			return nil, false, everhook.Errorf(everhook.TypeLimit, "over is %d, more than the loop's limit of iterations; raise maxIterations if that is right", over)
		}
		for i := range over {
			items = append(items, i)
		}
		return items, false, nil
	case string:
		for _, character := range over {
			items = append(items, string(character))
		}
		return items, false, nil
	case map[string]any:
		for _, key := range everhook.SortedKeys(over) {
			items = append(items, map[string]any{"key": key, "value": over[key]})
		}
		return items, false, nil
	case float64:
		return nil, false, everhook.Errorf(everhook.TypeInput, "over is %v; a loop counts to a whole number", over)
	default:
		return nil, false, everhook.Errorf(everhook.TypeInput, "over is %s; a loop goes over a list, a whole number, text, a mapping or nil", everhook.TypeName(over))
	}
}

// loopState counts what the result tells.
type loopState struct {
	config                        *Loop
	looped, done, failed, skipped int
	broken                        bool
	items, errors                 []any
	collected                     int
}

// iterate runs one iteration and reports whether the loop goes on.
func (s *loopState) iterate(ctx workflow.Context, run Run, index int) (bool, error) {
	s.looped++
	if s.config.When.IsSet() && s.config.Check != "after" {
		ok, err := s.config.When.Eval(run.Scope())
		if err != nil {
			return false, err
		}
		if !ok {
			return s.onFalse(true), nil
		}
	}
	if err := run.Branch(ctx, loopBody); err != nil {
		return s.onFail(err, index)
	}
	if s.config.When.IsSet() && s.config.Check == "after" {
		ok, err := s.config.When.Eval(run.Scope())
		if err != nil {
			return false, err
		}
		if !ok && s.config.OnFalse == "skip" {
			return s.onFalse(false), nil
		}
		if err := s.resolved(run); err != nil {
			return false, err
		}
		return ok, nil
	}
	return true, s.resolved(run)
}

// onFalse handles an iteration whose body `when` left out, or with skip whose results it drops.
func (s *loopState) onFalse(before bool) bool {
	if s.config.OnFalse == "skip" {
		s.skipped++
		return true
	}
	if before {
		s.looped--
	}
	return false
}

func (s *loopState) onFail(err error, index int) (bool, error) {
	failure, ok := errors.AsType[*everhook.Error](err)
	if !ok || !failure.Status.Catchable() || s.config.OnFail == "" || s.config.OnFail == "fail" {
		return false, err
	}
	s.failed++
	if s.config.Collect.IsSet() {
		s.items = append(s.items, nil)
	}
	if len(s.errors) < maxLoopErrors {
		s.errors = append(s.errors, map[string]any{"index": index, "node": failure.Node, "message": failure.Message})
	}
	return s.config.OnFail == "continue", nil
}

func (s *loopState) resolved(run Run) error {
	s.done++
	if !s.config.Collect.IsSet() {
		return nil
	}
	v, err := s.config.Collect.Eval(run.Scope())
	if err != nil {
		return err
	}
	if s.collected += everhook.EncodedSize(v, maxCollected) + 1; s.collected > maxCollected {
		return everhook.Errorf(everhook.TypeLimit, "the collected values are larger than 1 MiB; collect less of each iteration")
	}
	s.items = append(s.items, v)
	return nil
}

func (s *loopState) result() map[string]any {
	var items any
	if s.config.Collect.IsSet() {
		items = append([]any{}, s.items...)
	}
	return map[string]any{
		"looped": s.looped, "done": s.done, "failed": s.failed, "skipped": s.skipped, "broken": s.broken,
		"items": items, "errors": append([]any{}, s.errors...),
	}
}
