package nodes

import (
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Output sets the output of the flow. The flow continues.
type Output struct {
	// Value is the output. If several output nodes run, the last one wins. Among branches or iterations that run at the
	// same time without waiting in between, the later branch or iteration wins.
	Value expression.Template[any] `json:"value" required:"true"`
}

var _ kind.Outputting = (*Output)(nil)

// Spec describes the kind.
func (*Output) Spec() kind.Spec {
	return kind.Spec{
		Kind: "output", Group: kind.Control, Canonical: true,
		Summary: "Sets the output of the flow, which then continues. A sync flow that ends without a response " +
			"answers 200 with its output.",
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
func (c *Output) Execute(run kind.Run) (kind.Result, error) {
	v, err := c.Value.Eval(run.Scope())
	if err != nil {
		return kind.Result{}, err
	}
	if err := run.(kind.OutputtingRun).SetOutput(v); err != nil {
		return kind.Result{}, err
	}
	return kind.Result{Value: v}, nil
}
