package nodes

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Loop runs its body once for each item, or while an expression is true.
type Loop struct {
	// Over gives the items: a list, a whole number n (items 0 to n-1), text (its characters), a mapping (a `{key,
	// value}` for each entry, sorted by key), or nil (no items). It may be left out if `when` is given; the items are
	// then 0, 1, 2, and so on.
	Over expression.Expression `json:"over,omitzero"`
	// When must give true or false. `onFalse` says what happens when it is false.
	When expression.Bool `json:"when,omitzero"`
	// Check says when `when` is evaluated: before the body, or after it. After it, `when` can use the results of the
	// body; with `onFail: continue` it is also evaluated after an iteration that failed.
	Check string `json:"check,omitempty" enum:"before,after" default:"before"`
	// OnFalse says what happens if `when` is false: break ends the loop, skip leaves out the iteration.
	OnFalse string `json:"onFalse,omitempty" enum:"break,skip" default:"break"`
	// OnFail says what happens if an iteration does not resolve: fail ends the loop with the status of the iteration,
	// break ends the loop as resolved, continue starts the next iteration.
	OnFail string `json:"onFail,omitempty" enum:"fail,break,continue" default:"fail"`
	// Collect is evaluated after each iteration that resolved. The values become the list `items` in the result, in the
	// order of the items. Limit: 1 MiB in total.
	Collect expression.Expression `json:"collect,omitzero"`
	// MaxIterations limits the number of iterations. Reaching the limit is an error.
	MaxIterations int `json:"maxIterations,omitempty" default:"1000000"`
	// Concurrency is the number of iterations that run at the same time, 1 to 100. Each has its own copy of the data,
	// `when` is evaluated in order, and collected values keep the order of the items. With more than 1, iterations
	// cannot assign to a variable that is declared outside the loop.
	Concurrency int `json:"concurrency,omitempty" default:"1"`
}

const (
	loopBody             = "do"
	defaultMaxIterations = 1_000_000
	maxCollected         = 1 << 20
	maxLoopErrors        = 100
	maxConcurrency       = 100
)

var (
	_ kind.Iterating   = (*Loop)(nil)
	_ kind.Repeating   = (*Loop)(nil)
	_ kind.FieldScoper = (*Loop)(nil)
)

// Spec describes the kind.
func (*Loop) Spec() kind.Spec {
	return kind.Spec{
		Kind: "loop", Group: kind.Control, Canonical: true,
		Summary: "Runs its body once for each item, or while an expression is true.",
		Result:  "What the iterations came to.",
		Members: []kind.Member{
			{Name: "looped", Type: expression.Number, Summary: "Iterations that began or were skipped."},
			{Name: "done", Type: expression.Number, Summary: "Iterations that resolved."},
			{Name: "failed", Type: expression.Number, Summary: "Iterations that did not resolve."},
			{Name: "skipped", Type: expression.Number, Summary: "Iterations that were skipped."},
			{Name: "broken", Type: expression.Boolean, Summary: "Whether the loop was ended early."},
			{Name: "items", Type: expression.List, Content: true,
				Summary: "The values of `collect`, nil for an iteration that was not resolved; nil without `collect`."},
			{Name: "errors", Type: expression.List, Summary: "The first 100 iterations that did not resolve.",
				Members: []kind.Member{
					{Name: "index", Type: expression.Number, Summary: "The number of the iteration, from 0."},
					{Name: "node", Type: expression.Text, Summary: "The node that did not resolve."},
					{Name: "message", Type: expression.Text, Summary: "The reason."},
				}},
		},
		Failures: "The status of an iteration that is not resolved, with `onFail: fail`. Error when `over` gives " +
			"something else than a list, whole number, text, mapping or nil, when an expression cannot be evaluated," +
			" or when a limit is reached.",
		Branches: []kind.BranchSpec{{Name: loopBody, Required: true, Summary: "the body, once an iteration"}},
		Example: `key: each
type: loop
config: { over: trigger.body.items, collect: nodes.line }
branches:
  do:
    - { key: line, type: calculation, config: { expression: 'loop.item.price * loop.item.quantity' } }
`,
	}
}

// FieldScope says that `over` is evaluated once, that `collect`, and `when` after the body, see the body's results, and
// that `when` before it sees the loop.
func (c *Loop) FieldScope(pointer string) kind.FieldScope {
	switch {
	case pointer == "/collect" || pointer == "/when" && c.Check == "after":
		return kind.FieldScope{Branch: loopBody, Loop: true, After: true}
	case pointer == "/when":
		return kind.FieldScope{Branch: loopBody, Loop: true}
	case pointer == "/over":
		return kind.FieldScope{Once: true}
	default:
		return kind.FieldScope{}
	}
}

// Brief is what the loop goes through.
func (c *Loop) Brief(*everhook.Node) string {
	brief := "while `" + c.When.Source() + "`"
	if c.Over.IsSet() {
		brief = "over `" + c.Over.Source() + "`"
	}
	if c.Concurrency > 1 {
		brief += fmt.Sprintf(", %d at once", c.Concurrency)
	}
	return brief
}

// Repeats is true for a loop that counts: without data to go through, each iteration does the same again.
func (c *Loop) Repeats() bool {
	_, err := strconv.Atoi(strings.TrimSpace(c.Over.Source()))
	return !c.Over.IsSet() || err == nil
}

// Validate reports a loop that would never end.
func (c *Loop) Validate(v *kind.Validation) {
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
	if c.Concurrency < 0 || c.Concurrency > maxConcurrency {
		v.Error("/config/concurrency", fmt.Sprintf("%d iterations at once", c.Concurrency),
			fmt.Sprintf("write 1 to %d", maxConcurrency))
	}
	if c.Concurrency > 1 {
		body, _ := v.Node.Branches.Get(loopBody)
		c.validateTogether(v, body, "/branches/"+loopBody, keysIn(body))
	}
}

// validateTogether reports assignments to variables outside a loop with concurrent iterations, because the last one to
// assign would be random.
func (c *Loop) validateTogether(v *kind.Validation, nodes []everhook.Node, pointer string, inside []string) {
	for i := range nodes {
		node, at := &nodes[i], fmt.Sprintf("%s/%d", pointer, i)
		assigning, ok := v.Nodes.Kind(node.Key).(kind.Assigning)
		if ok && assigning.AssignsTo() != "" && !slices.Contains(inside, assigning.AssignsTo()) {
			v.Error(at+"/config/target",
				fmt.Sprintf("%q assigns to %q, which is declared outside a loop whose iterations run at once", node.Key,
					assigning.AssignsTo()),
				"carry values out with the loop's `collect`, or leave `concurrency` out")
		}
		for _, branch := range node.Branches {
			c.validateTogether(v, branch.Nodes, at+"/branches/"+branch.Name, inside)
		}
	}
}

// keysIn are the keys of nodes, and of all nodes below them.
func keysIn(nodes []everhook.Node) []string {
	var keys []string
	for i := range nodes {
		keys = append(keys, nodes[i].Key)
		for _, branch := range nodes[i].Branches {
			keys = append(keys, keysIn(branch.Nodes)...)
		}
	}
	return keys
}

// Execute counts up and never ranges over a mapping. When the execution has used up its budget, it hands the remaining
// iterations over to another execution.
func (c *Loop) Execute(run kind.Run) (kind.Result, error) {
	looping := run.(kind.LoopingRun)
	state, err := c.begin(run)
	if err == nil {
		state.KeepItems(looping.Keep)
	}
	for err == nil && !state.Over() {
		if looping.UsedUp() {
			err = looping.HandOver(state)
		} else {
			err = c.Iterate(looping, state)
		}
	}
	if err != nil {
		return kind.Result{}, err
	}
	return kind.Result{Value: c.result(state)}, nil
}

// begin evaluates `over`. The state is open for a loop that only `when` ends.
func (c *Loop) begin(run kind.Run) (*kind.LoopState, error) {
	if !c.Over.IsSet() {
		return &kind.LoopState{Open: true}, nil
	}
	over, err := c.Over.Eval(run.Scope())
	if err != nil {
		return nil, err
	}
	items := everhook.List{}
	switch over := over.(type) {
	case nil:
	case []any:
		items = over
	case int:
		if over > max(defaultMaxIterations, c.MaxIterations) {
			return nil, everhook.Errorf(everhook.TypeLimit, "over is %d, more than the loop's limit of iterations; "+
				"raise maxIterations if that is right", over)
		}
		return &kind.LoopState{Length: max(over, 0)}, nil
	case string:
		run.Charge(unitsPerCharacter * len(over))
		for _, character := range over {
			items = append(items, string(character))
		}
	case map[string]any:
		run.Charge(unitsPerEntry * len(over))
		for _, key := range everhook.SortedKeys(over) {
			items = append(items, map[string]any{"key": key, "value": over[key]})
		}
	case float64:
		return nil, everhook.Errorf(everhook.TypeInput, "over is %v; a loop counts to a whole number", over)
	default:
		return nil, everhook.Errorf(everhook.TypeInput, "over is %s; a loop goes over a list, a whole number, text, "+
			"a mapping or nil", everhook.TypeName(over))
	}
	return &kind.LoopState{Items: items, Length: len(items)}, nil
}

// result is that of the node.
func (c *Loop) result(s *kind.LoopState) map[string]any {
	var items any
	if c.Collect.IsSet() {
		items = append([]any{}, s.Collected...)
	}
	return map[string]any{
		"looped": s.Looped, "done": s.Done, "failed": s.Failed, "skipped": s.Skipped, "broken": s.Broken,
		"items": items, "errors": append([]any{}, s.Errors...),
	}
}
