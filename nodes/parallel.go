package nodes

import (
	"errors"
	"fmt"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Parallel runs its branches at the same time.
type Parallel struct {
	// Mode says when the node ends. all: every branch must resolve; the first that does not cancels the others. any:
	// the first branch that resolves wins, and the others are cancelled. race: the first branch that ends decides, and
	// the others are cancelled. allSettled: waits for all branches and always resolves.
	Mode string `json:"mode,omitempty" enum:"all,any,race,allSettled" default:"all"`
}

var (
	_ kind.Forking = (*Parallel)(nil)
	_ kind.Shaping = (*Parallel)(nil)
)

// Spec describes the kind.
func (*Parallel) Spec() kind.Spec {
	return kind.Spec{
		Kind: "parallel", Group: kind.Control, Canonical: true,
		Summary: "Runs two or more branches at the same time. Each branch works on its own copy of the variables; " +
			"what the branches that resolved assigned is applied afterwards, in the order of the branches.",
		Result: "`{<branch>: {status, result}}`: for each branch how it ended (resolved, failed, …), and the result " +
			"of its last step.",
		Failures: "With `all`, the status of the first branch that does not resolve; with `race`, that of the first " +
			"to end; with `any`, failed when no branch resolves. " +
			"A response (without `continue`) or end node in a branch ends the whole run.",
		NamedBranches: true,
		Example: `key: both
type: parallel
branches:
  stock:
    - { key: reserve, type: calculation, config: { expression: '"reserved"' } }
  mail:
    - { key: tell, type: calculation, config: { expression: '"told"' } }
`,
	}
}

// Validate reports a node with fewer than two branches.
func (c *Parallel) Validate(v *kind.Validation) {
	if len(v.Branches()) < 2 {
		v.Error("/branches", "a parallel node has two or more branches", "add branches, or move the nodes out of it")
	}
}

// Brief is the mode.
func (c *Parallel) Brief(*everhook.Node) string {
	if c.Mode == "" {
		return "all"
	}
	return c.Mode
}

// ResultShape has the branches.
func (*Parallel) ResultShape(node *everhook.Node) *expression.Shape {
	shape := &expression.Shape{Type: expression.Mapping, Fields: map[string]*expression.Shape{}}
	for _, branch := range node.Branches {
		if branch.Name != everhook.ErrorBranch {
			shape.Fields[branch.Name] = &expression.Shape{Type: expression.Mapping, Content: "result",
				Fields: map[string]*expression.Shape{"status": {Type: expression.Text}, "result": {}}}
		}
	}
	return shape
}

// Forks is true.
func (*Parallel) Forks() bool { return true }

// Execute starts the branches in the order of the file and ends only when every branch has ended.
func (c *Parallel) Execute(run kind.Run) (kind.Result, error) {
	var names []string
	for _, branch := range run.Node().Branches {
		if branch.Name != everhook.ErrorBranch {
			names = append(names, branch.Name)
		}
	}
	race := parallelRace{mode: c.Mode, outcomes: make([]error, len(names)), winner: -1}
	forking := run.(kind.ForkingRun)
	forks, results := make([]kind.Run, len(names)), make([]any, len(names))
	ended := 0
	for i, name := range names {
		forks[i] = forking.Fork()
		forking.Go(name, forks[i], func() {
			results[i], race.outcomes[i] = forks[i].Branch(name)
			ended++
			if race.decidedBy(i) {
				forking.Cancel()
			}
		})
	}
	if err := forking.Await(func() bool { return ended == len(names) }); err != nil {
		return kind.Result{}, err
	}
	if race.end != nil {
		return kind.Result{}, race.end
	}
	if err := forking.Err(); err != nil {
		return kind.Result{}, err
	}
	if err := race.failure(); err != nil {
		return kind.Result{}, err
	}
	result := map[string]any{}
	for i, name := range names {
		status := everhook.Resolved
		if err := race.outcomes[i]; err != nil {
			status = everhook.AsError(err).Status
			result[name] = map[string]any{"status": string(status), "result": nil}
			continue
		}
		forking.Join(forks[i], name)
		result[name] = map[string]any{"status": string(status), "result": results[i]}
	}
	return kind.Result{Value: result}, nil
}

// parallelRace decides how a parallel node ends.
type parallelRace struct {
	mode     string
	outcomes []error
	// winner is the branch that decided, -1 while none has.
	winner int
	// end is set when a branch ended the whole run.
	end *kind.End
}

// decidedBy takes note that a branch has ended and reports whether the others are not needed any more.
func (r *parallelRace) decidedBy(branch int) bool {
	if r.winner >= 0 {
		return false
	}
	outcome := r.outcomes[branch]
	if end, ok := errors.AsType[*kind.End](outcome); ok {
		r.end, r.winner = end, branch
		return true
	}
	switch r.mode {
	case "any":
		if outcome != nil {
			return false
		}
	case "race":
	case "allSettled":
		return false
	default:
		if outcome == nil {
			return false
		}
	}
	r.winner = branch
	return true
}

// failure is how the node ends if it does not resolve.
func (r *parallelRace) failure() error {
	switch r.mode {
	case "allSettled":
		return nil
	case "any":
		if r.winner < 0 {
			return everhook.Failuref(everhook.TypeNoBranch, "none of the branches resolved; the first says: %s",
				everhook.Shorten(fmt.Sprint(r.outcomes[0]), 500))
		}
		return nil
	default:
		if r.winner < 0 {
			return nil
		}
		return r.outcomes[r.winner]
	}
}
