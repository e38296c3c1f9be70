package nodes

import (
	"fmt"

	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Variable declares a variable or assigns to one.
type Variable struct {
	// Value is the new value of the variable.
	Value expression.Template[any] `json:"value" required:"true"`
	// Target is the key of the variable node to whose variable the value is assigned. Without it, the node declares a
	// variable, which expressions read as `nodes.<key of this node>`.
	Target string `json:"target,omitempty"`
}

var _ kind.Assigning = (*Variable)(nil)

// Spec describes the kind.
func (*Variable) Spec() kind.Spec {
	return kind.Spec{
		Kind: "variable", Group: kind.Control, Canonical: true,
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
func (c *Variable) Validate(v *kind.Validation) {
	if c.Target == "" {
		return
	}
	node, visible := v.Nodes.Visible(c.Target)
	declaring, isVariable := v.Nodes.Kind(c.Target).(kind.Assigning)
	switch {
	case !visible:
		fix := "declare it before, with a variable node that has no target"
		if known := variables(v); known != nil {
			fix = strict.Suggest(c.Target, known)
		}
		v.Error("/config/target", fmt.Sprintf("no variable %q is declared before this node", c.Target), fix)
	case !isVariable:
		v.Error("/config/target", fmt.Sprintf("%q is a node of kind %s, not a variable", c.Target, node.Type),
			"name a node of kind variable")
	case declaring.AssignsTo() != "":
		v.Error("/config/target", fmt.Sprintf("%q assigns to a variable, it does not declare one", c.Target),
			fmt.Sprintf("write `target: %s`", declaring.AssignsTo()))
	}
}

// variables are the keys of the nodes that declare variables before this node.
func variables(v *kind.Validation) []string {
	var keys []string
	for _, key := range v.Nodes.VisibleKeys() {
		if variable, ok := v.Nodes.Kind(key).(kind.Assigning); ok && variable.AssignsTo() == "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// AssignsTo is the target.
func (c *Variable) AssignsTo() string { return c.Target }

// NodeNames has the target.
func (c *Variable) NodeNames() map[string]string { return map[string]string{"/target": c.Target} }

// Execute is pure.
func (c *Variable) Execute(run kind.Run) (kind.Result, error) {
	v, err := c.Value.Eval(run.Scope())
	if err != nil {
		return kind.Result{}, err
	}
	if c.Target != "" {
		run.(kind.AssigningRun).SetVariable(c.Target, v)
	}
	return kind.Result{Value: v}, nil
}
