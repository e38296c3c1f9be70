package nodes

import (
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook/nodes/expression"
)

// Output sets the output of the flow; the flow goes on.
type Output struct {
	// Value is the output. The last output node that ran wins; of those in branches or iterations that ran at once,
	// without a wait in between, the one in the later branch or iteration.
	Value expression.Template[any] `json:"value" required:"true"`
}

var _ Kind = (*Output)(nil)

// Spec describes the kind.
func (*Output) Spec() Spec {
	return Spec{
		Kind: "output", Group: Control,
		Summary:  "Sets the flow's output and goes on. A sync flow that ends without a response answers 200 with it.",
		Result:   "The value.",
		Failures: "Error when the value cannot be evaluated or is larger than 768 KiB.",
		Example: `key: result
type: output
config: { value: { id: '{{ trigger.body.id }}', accepted: true } }
`,
	}
}

// Validate has nothing to add.
func (*Output) Validate(*Validation) {}

// Execute is pure.
func (c *Output) Execute(_ workflow.Context, run Run) (Result, error) {
	v, err := c.Value.Eval(run.Scope())
	if err != nil {
		return Result{}, err
	}
	if err := run.SetOutput(v); err != nil {
		return Result{}, err
	}
	return Result{Value: v}, nil
}
