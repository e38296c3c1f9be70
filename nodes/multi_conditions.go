package nodes

import (
	"fmt"
	"slices"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// MultiConditions runs the branch of the first case that is true.
type MultiConditions struct {
	// Cases are evaluated in order until one is true. The cases after it are not evaluated.
	Cases []Case `json:"cases" required:"true"`
	// On is a value that cases compare with their `is`. It is evaluated once.
	On expression.Expression `json:"on,omitzero"`
	// ContinueOnNoMatch lets the flow continue after the node if no case is true and there is no branch "otherwise".
	// Without it, the node fails.
	ContinueOnNoMatch bool `json:"continueOnNoMatch,omitempty" default:"false"`
}

// Case is one condition of several.
type Case struct {
	// Name is the name of the branch that runs.
	Name string `json:"name" required:"true"`
	// When must give true or false.
	When expression.Bool `json:"when,omitzero"`
	// Is takes the place of `when`: the case is true if the value of `on` is one of these values. Text and numbers are
	// never equal.
	Is []expression.Template[any] `json:"is,omitempty" single:"true"`
	// Title is shown to people in place of the name.
	Title string `json:"title,omitempty"`
}

// otherwise is the branch that runs when no case is true.
const otherwise = "otherwise"

var (
	_ kind.Pure     = (*MultiConditions)(nil)
	_ kind.Choosing = (*MultiConditions)(nil)
)

// Spec describes the kind.
func (*MultiConditions) Spec() kind.Spec {
	return kind.Spec{
		Kind: "multi-conditions", Group: kind.Control, Canonical: true,
		Summary: "Runs the branch of the first case that is true.",
		Result:  "Which case was true.",
		Members: []kind.Member{
			{Name: "matched", Type: expression.Text, Content: true,
				Summary: "The name of the case; nil if none was true."},
			{Name: "tried", Type: expression.List, Summary: "The booleans of the cases that were evaluated."},
		},
		Failures: "Failed when no case is true, there is no branch `otherwise` and `continueOnNoMatch` is not set. " +
			"Error when an expression cannot be evaluated, or `when` is not a boolean.",
		Branches: []kind.BranchSpec{{Name: otherwise, Summary: "when no case is true"}}, NamedBranches: true,
		Example: `key: size
type: multi-conditions
config:
  cases:
    - { name: large, when: 'trigger.body.amount >= 1000' }
    - { name: business, is: [company, public] }
  on: trigger.body.customer
branches:
  large:
    - { key: review, type: calculation, config: { expression: '"a person looks at it"' } }
  otherwise:
    - { key: pass, type: calculation, config: { expression: '"fine"' } }
`,
	}
}

// Brief counts the cases.
func (c *MultiConditions) Brief(*everhook.Node) string {
	if len(c.Cases) == 1 {
		return "1 case"
	}
	return fmt.Sprintf("%d cases", len(c.Cases))
}

// BranchTitle is the title of the case.
func (c *MultiConditions) BranchTitle(branch string) string {
	for i := range c.Cases {
		if c.Cases[i].Name == branch {
			return c.Cases[i].Title
		}
	}
	return ""
}

// Validate checks the names of cases and branches.
func (m *MultiConditions) Validate(v *kind.Validation) {
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
		case slices.Contains(names, c.Name):
			v.Error(pointer, fmt.Sprintf("two cases are called %q", c.Name), "give each case its own name")
		default:
			names = append(names, c.Name)
		}
	}
	v.OnlyBranches(names)
	m.validateValues(v)
}

// validateValues checks that each case has one way to be true, and that no value belongs to an earlier case.
func (m *MultiConditions) validateValues(v *kind.Validation) {
	compared := false
	seen := map[string]string{}
	for i, c := range m.Cases {
		pointer := fmt.Sprintf("/config/cases/%d", i)
		switch {
		case c.When.IsSet() == (len(c.Is) > 0):
			v.Error(pointer, "a case has either `when` or `is`",
				"write `when: 'trigger.body.amount > 100'`, or `is: [paid, settled]` beside an `on`")
		case len(c.Is) > 0 && !m.On.IsSet():
			v.Error(pointer+"/is", "there is no value to compare with", "add `on` beside `cases`, for example "+
				"`on: trigger.body.status`")
		}
		compared = compared || len(c.Is) > 0
		for j := range c.Is {
			literal, ok := c.Is[j].Literal()
			if !ok {
				continue
			}
			encoded, _ := everhook.EncodeJSON(literal) // a literal can always be encoded
			if earlier, again := seen[string(encoded)]; again {
				v.Error(fmt.Sprintf("%s/is/%d", pointer, j), fmt.Sprintf("%s belongs to the case %q already", encoded,
					earlier), "remove it from one of them")
			}
			seen[string(encoded)] = c.Name
		}
	}
	if m.On.IsSet() && !compared {
		v.Error("/config/on", "no case compares with it", "give cases `is` in place of `when`, or remove it")
	}
}

// Execute is pure.
func (m *MultiConditions) Execute(run kind.Run) (kind.Result, error) {
	tried := make([]any, 0, len(m.Cases))
	on, err := m.On.Eval(run.Scope())
	if err != nil {
		return kind.Result{}, err
	}
	for i := range m.Cases {
		ok, err := m.Cases[i].holds(run.Scope(), on)
		if err != nil {
			return kind.Result{}, err
		}
		tried = append(tried, ok)
		if ok {
			name := m.Cases[i].Name
			_, err = run.Branch(name)
			return kind.Result{Value: map[string]any{"matched": name, "tried": tried}}, err
		}
	}
	if _, ok := run.Node().Branches.Get(otherwise); !ok && !m.ContinueOnNoMatch {
		return kind.Result{}, everhook.Failuref(everhook.TypeNoMatch, "no case is true")
	}
	_, err = run.Branch(otherwise)
	return kind.Result{Value: map[string]any{"matched": nil, "tried": tried}}, err
}

// holds reports whether the case is true.
func (c *Case) holds(scope *expression.Scope, on any) (bool, error) {
	if c.When.IsSet() {
		return c.When.Eval(scope)
	}
	for i := range c.Is {
		is, err := c.Is[i].Eval(scope)
		if err != nil || everhook.Equal(on, is) {
			return err == nil, err
		}
	}
	return false, nil
}

// Choices are the branches of the cases, and "otherwise" unless the node fails instead.
func (m *MultiConditions) Choices(node *everhook.Node) []string {
	names := make([]string, 0, len(m.Cases)+1)
	for _, c := range m.Cases {
		names = append(names, c.Name)
	}
	if _, ok := node.Branches.Get(otherwise); ok || m.ContinueOnNoMatch {
		names = append(names, otherwise)
	}
	return names
}

// Chosen has the case of that name true and those before it false.
func (m *MultiConditions) Chosen(branch string) any {
	tried := make([]any, 0, len(m.Cases))
	for _, c := range m.Cases {
		tried = append(tried, c.Name == branch)
		if c.Name == branch {
			return map[string]any{"matched": branch, "tried": tried}
		}
	}
	return map[string]any{"matched": nil, "tried": tried}
}
