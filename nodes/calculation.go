package nodes

import (
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook/nodes/expression"
)

// Calculation evaluates an expression and keeps its value.
type Calculation struct {
	// Expression may yield any value.
	Expression expression.Expression `json:"expression" required:"true"`
}

var _ Kind = (*Calculation)(nil)

// Spec describes the kind.
func (*Calculation) Spec() Spec {
	return Spec{
		Kind: "calculation", Group: Calculating,
		Summary:  "Evaluates an expression and keeps its value.",
		Result:   "The value of the expression.",
		Failures: "Error when the expression cannot be evaluated.",
		Example: `key: total
type: calculation
config: { expression: 'sum(trigger.body.items, .price * .quantity)' }
`,
	}
}

// Validate has nothing to add.
func (*Calculation) Validate(*Validation) {}

// Execute is pure.
func (c *Calculation) Execute(_ workflow.Context, run Run) (Result, error) {
	v, err := c.Expression.Eval(run.Scope())
	return Result{Value: v}, err
}
