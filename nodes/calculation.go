package nodes

import (
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Calculation evaluates an expression.
type Calculation struct {
	// Expression is evaluated. It may give any value.
	Expression expression.Expression `json:"expression" required:"true"`
}

var _ kind.Pure = (*Calculation)(nil)

// Spec describes the kind.
func (*Calculation) Spec() kind.Spec {
	return kind.Spec{
		Kind: "calculation", Group: kind.Calculating, Canonical: true,
		Summary:  "Evaluates an expression. Its value is the result of the node.",
		Result:   "The value of the expression.",
		Failures: "Error when the expression cannot be evaluated.",
		Example: `key: total
type: calculation
config: { expression: 'sum(trigger.body.items, .price * .quantity)' }
`,
	}
}

// Validate has nothing to add.
func (*Calculation) Validate(*kind.Validation) {}

// Execute is pure.
func (c *Calculation) Execute(run kind.Run) (kind.Result, error) {
	v, err := c.Expression.Eval(run.Scope())
	return kind.Result{Value: v}, err
}
