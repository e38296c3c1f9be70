package nodes

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
)

// MultiConditions goes on through the branch of the first case that is true.
type MultiConditions struct {
	// Cases are tried in order; the first true one wins, and those after it are not evaluated.
	Cases []Case `json:"cases" required:"true"`
	// ContinueOnNoMatch lets the flow go on below the node when no case is true and there is no branch "otherwise".
	// Default false: the node is then failed.
	ContinueOnNoMatch bool `json:"continueOnNoMatch,omitempty"`
}

// Case is one of several conditions.
type Case struct {
	// Name is the name of the branch that runs.
	Name string `json:"name" required:"true"`
	// When must yield a boolean.
	When expression.Bool `json:"when" required:"true"`
	// Title is the case's name for people.
	Title string `json:"title,omitempty"`
}

// otherwise is the branch that runs when no case is true.
const otherwise = "otherwise"

var (
	_ Kind    = (*MultiConditions)(nil)
	_ Enterer = (*MultiConditions)(nil)
)

// Spec describes the kind.
func (*MultiConditions) Spec() Spec {
	return Spec{
		Kind: "multi-conditions", Group: Control,
		Summary: "Goes on through the branch of the first case that is true.",
		Result: "`{matched, tried}`: the name of the case that was true, or nil, and the booleans of the cases " +
			"that were evaluated.",
		Failures: "Failed when no case is true, there is no branch `otherwise` and `continueOnNoMatch` is not set. " +
			"Error when the expression of a case cannot be evaluated or is not a boolean.",
		Branches: []BranchSpec{{Name: otherwise, Summary: "when no case is true"}}, NamedBranches: true,
		Example: `key: size
type: multi-conditions
config:
  cases:
    - { name: large, when: 'trigger.body.amount >= 1000' }
    - { name: small, when: 'trigger.body.amount < 1000' }
branches:
  large:
    - { key: review, type: calculation, config: { expression: '"a person looks at it"' } }
  otherwise:
    - { key: pass, type: calculation, config: { expression: '"fine"' } }
`,
	}
}

// Validate checks the names of cases and branches.
func (m *MultiConditions) Validate(v *Validation) {
	if len(m.Cases) == 0 {
		v.Error("/config/cases", "there is no case", "add at least one: `- { name: large, when: 'trigger.body.amount "+
			"> 100' }`")
	}
	names := []string{otherwise}
	for i, c := range m.Cases {
		pointer := fmt.Sprintf("/config/cases/%d/name", i)
		switch {
		case c.Name == otherwise || c.Name == everhook.ErrorBranch:
			v.Error(pointer, fmt.Sprintf("the name %q is reserved", c.Name), "choose another name")
		case !everhook.IsNodeKey(c.Name):
			v.Error(pointer, fmt.Sprintf("%q is not a name", c.Name),
				"use letters, digits and _, not starting with a digit")
		default:
			if slices.Contains(names, c.Name) {
				v.Error(pointer, fmt.Sprintf("two cases are called %q", c.Name), "give each case its own name")
				continue
			}
			names = append(names, c.Name)
		}
	}
	v.OnlyBranches(names)
}

// Execute is pure.
func (m *MultiConditions) Execute(ctx workflow.Context, run Run) (Result, error) {
	tried := make([]any, 0, len(m.Cases))
	for i := range m.Cases {
		ok, err := m.Cases[i].When.Eval(run.Scope())
		if err != nil {
			return Result{}, err
		}
		tried = append(tried, ok)
		if ok {
			name := m.Cases[i].Name
			return Result{Value: map[string]any{"matched": name, "tried": tried}}, run.Branch(ctx, name)
		}
	}
	if !run.HasBranch(otherwise) && !m.ContinueOnNoMatch {
		return Result{}, everhook.Failuref(everhook.TypeNoMatch, "no case is true")
	}
	return Result{Value: map[string]any{"matched": nil, "tried": tried}}, run.Branch(ctx, otherwise)
}

// Entered has the case of that name true and those before it false.
func (m *MultiConditions) Entered(branch string) any {
	tried := make([]any, 0, len(m.Cases))
	for _, c := range m.Cases {
		tried = append(tried, c.Name == branch)
		if c.Name == branch {
			return map[string]any{"matched": branch, "tried": tried}
		}
	}
	return map[string]any{"matched": nil, "tried": tried}
}
