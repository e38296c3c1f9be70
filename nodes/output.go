package nodes

import (
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Output sets the output of the flow; the flow goes on.
type Output struct {
	// Value is the output. The last output node that ran wins; of those in branches or iterations that ran at once,
	// without a wait in between, the one in the later branch or iteration.
	Value expression.Template[any] `json:"value" required:"true"`
}

var _ kind.Outputting = (*Output)(nil)

// Spec describes the kind.
func (*Output) Spec() kind.Spec {
	return kind.Spec{
		Kind: "output", Group: kind.Control,
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
func (*Output) Validate(*kind.Validation) {}

// SetsOutput is true.
func (*Output) SetsOutput() bool { return true }

// Execute is pure.
func (c *Output) Execute(_ workflow.Context, run kind.Run) (kind.Result, error) {
	v, err := c.Value.Eval(run.Scope())
	if err != nil {
		return kind.Result{}, err
	}
	if err := run.SetOutput(v); err != nil {
		return kind.Result{}, err
	}
	return kind.Result{Value: v}, nil
}
