package nodes

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/kind"
)

// Parallel runs its branches at the same time.
type Parallel struct {
	// Mode says when the node ends. all: every branch must resolve; the first that does not cancels the others. any:
	// the first branch that resolves wins, and the others are cancelled. race: the first branch that ends decides, and
	// the others are cancelled. allSettled: waits for all branches and always resolves.
	Mode string `json:"mode,omitempty" enum:"all,any,race,allSettled" default:"all"`
}

var _ kind.Forking = (*Parallel)(nil)

// Spec describes the kind.
func (*Parallel) Spec() kind.Spec {
	return kind.Spec{
		Kind: "parallel", Group: kind.Control,
		Summary: "Runs two or more branches at the same time. Each branch works on its own copy of the variables; " +
			"what the branches that resolved assigned is applied afterwards, in the order of the branches.",
		Result: "`{<branch>: {status, result}}`; a branch's result is that of its last step.",
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

// Validate wants two branches.
func (c *Parallel) Validate(v *kind.Validation) {
	if len(v.Branches()) < 2 {
		v.Error("/branches", "a parallel node has two or more branches", "add branches, or move the nodes out of it")
	}
}

// Forks is true.
func (*Parallel) Forks() bool { return true }

// Execute starts the branches in the order of the file and ends only when every branch has ended.
func (c *Parallel) Execute(ctx workflow.Context, run kind.Run) (kind.Result, error) {
	branchCtx, cancel := workflow.WithCancel(ctx)
	defer cancel()
	var names []string
	for _, branch := range run.Node().Branches {
		if branch.Name != everhook.ErrorBranch {
			names = append(names, branch.Name)
		}
	}
	race := parallelRace{mode: c.Mode, outcomes: make([]error, len(names)), winner: -1}
	forks := make([]kind.Run, len(names))
	ended := 0
	for i, name := range names {
		forks[i] = run.Fork()
		workflow.GoNamed(branchCtx, name, func(ctx workflow.Context) {
			race.outcomes[i] = forks[i].Branch(ctx, name)
			ended++
			if race.decidedBy(i) {
				cancel()
			}
		})
	}
	// The wait is not cancelled with the node: the branches are, and the node ends when they have.
	waiting, stopWaiting := workflow.NewDisconnectedContext(ctx)
	defer stopWaiting()
	if err := workflow.Await(waiting, func() bool { return ended == len(names) }); err != nil {
		return kind.Result{}, err
	}
	if race.end != nil {
		return kind.Result{}, race.end
	}
	if ctx.Err() != nil {
		return kind.Result{}, ctx.Err()
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
		run.Join(forks[i], name)
		result[name] = map[string]any{"status": string(status), "result": forks[i].Last()}
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
