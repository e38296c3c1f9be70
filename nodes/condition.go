package nodes

import (
	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Condition runs one of two branches, depending on an expression.
type Condition struct {
	// Expression must give true or false. Other values are an error: they are not converted.
	Expression expression.Bool `json:"expression" required:"true"`
	// RejectOnFalse makes the node fail if the expression is false. The node then has no branches.
	RejectOnFalse bool `json:"rejectOnFalse,omitempty" default:"false"`
}

var (
	_ kind.Pure     = (*Condition)(nil)
	_ kind.Choosing = (*Condition)(nil)
)

// Spec describes the kind.
func (*Condition) Spec() kind.Spec {
	return kind.Spec{
		Kind: "condition", Group: kind.Control, Canonical: true,
		Summary: "Runs one of two branches, depending on an expression.",
		Result:  "The boolean that the expression gave.", Type: expression.Boolean,
		Failures: "Failed when `rejectOnFalse` is set and the expression is false. Error when the expression cannot " +
			"be evaluated or is not a boolean.",
		Branches: []kind.BranchSpec{{Name: "then", Summary: "when it is true"},
			{Name: "else", Summary: "when it is false"}},
		Example: `key: paid
type: condition
config: { expression: 'trigger.body.order.status == "paid"' }
branches:
  then:
    - { key: thanks, type: calculation, config: { expression: '"thank you"' } }
  else:
    - { key: sorry, type: calculation, config: { expression: '"not paid"' } }
`,
	}
}

// Validate refuses branches beside rejectOnFalse.
func (c *Condition) Validate(v *kind.Validation) {
	if !c.RejectOnFalse {
		return
	}
	c.warnIfFilter(v)
	for _, name := range []string{"then", "else"} {
		if v.HasBranch(name) {
			v.Error("/branches/"+name, "with rejectOnFalse, the flow continues after the node and not in a branch",
				"move the nodes of the branch after this node, or remove rejectOnFalse")
		}
	}
}

// warnIfFilter warns of a condition that only keeps events out.
func (c *Condition) warnIfFilter(v *kind.Validation) {
	d, node := v.Definition, v.Node
	_, filtering := v.Trigger.(kind.Filtering)
	first := len(d.Nodes) > 0 && node.Key == d.Nodes[0].Key
	handled := len(d.OnFailure) > 0 || node.OnError != "" && node.OnError != everhook.OnErrorFail
	if filtering && first && !handled && len(c.Expression.References().Env) == 0 {
		v.Warn("/config/rejectOnFalse", "a run for which this is false ends failed, and with `dedupe` every "+
			"redelivery runs it again", "to ignore such events, write the condition as the trigger's `when`: no run "+
			"then starts")
	}
}

// Execute is pure: the same scope takes the same branch on every replay.
func (c *Condition) Execute(run kind.Run) (kind.Result, error) {
	ok, err := c.Expression.Eval(run.Scope())
	if err != nil {
		return kind.Result{}, err
	}
	if c.RejectOnFalse {
		if !ok {
			return kind.Result{}, everhook.Failuref(everhook.TypeCondition, "the condition is false")
		}
		return kind.Result{Value: true}, nil
	}
	branch := "else"
	if ok {
		branch = "then"
	}
	_, err = run.Branch(branch)
	return kind.Result{Value: ok}, err
}

// Choices are both branches, or none with rejectOnFalse.
func (c *Condition) Choices(*everhook.Node) []string {
	if c.RejectOnFalse {
		return nil
	}
	return []string{"then", "else"}
}

// Chosen is true for "then".
func (c *Condition) Chosen(branch string) any { return branch == "then" }
