package nodes

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook/nodes/expression"
)

// Variable declares a variable or assigns to one.
type Variable struct {
	// Value is the variable's new value.
	Value expression.Template[any] `json:"value" required:"true"`
	// Target is the key of the variable node whose variable is assigned. Without it the node declares a variable of its
	// own, read as nodes.<its key>.
	Target string `json:"target,omitempty"`
}

var _ Kind = (*Variable)(nil)

// Spec describes the kind.
func (*Variable) Spec() Spec {
	return Spec{
		Kind: "variable", Group: Control,
		Summary: "Declares a variable, or assigns to one that an earlier variable node declares. Its value survives " +
			"branches and loop iterations.",
		Result:   "The value. Of the declaring node: the variable's current value.",
		Failures: "Error when the value cannot be evaluated.",
		Example: `key: attempts
type: variable
config: { value: 0 }
`,
	}
}

// Validate checks that the target is a variable that is declared before.
func (c *Variable) Validate(v *Validation) {
	if c.Target == "" {
		return
	}
	declaring, ok := v.Visible(c.Target)
	switch {
	case !ok:
		v.Error("/config/target", fmt.Sprintf("no variable %q is declared before this node", c.Target),
			v.didYouMean(c.Target, v.variables()))
	case declaring.Type != "variable":
		v.Error("/config/target", fmt.Sprintf("%q is a node of kind %s, not a variable", c.Target, declaring.Type),
			"name a node of kind variable")
	case declaring.Config["target"] != nil:
		v.Error("/config/target", fmt.Sprintf("%q assigns to a variable, it does not declare one", c.Target),
			fmt.Sprintf("write `target: %v`", declaring.Config["target"]))
	}
}

// Execute is pure.
func (c *Variable) Execute(_ workflow.Context, run Run) (Result, error) {
	v, err := c.Value.Eval(run.Scope())
	if err != nil {
		return Result{}, err
	}
	if c.Target != "" {
		run.SetVariable(c.Target, v)
	}
	return Result{Value: v}, nil
}
