package trigger

import (
	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Call lets other flows call this flow.
type Call struct {
	// Input is a JSON Schema (2020-12) for the input. If an input does not match, the call is not made, and the calling
	// node reports the places. `format` is checked. References must stay inside the schema. Without it, any input is
	// taken.
	Input BodySchema `json:"input,omitzero"`
	kind.Filter
}

var (
	_ kind.Callable  = (*Call)(nil)
	_ kind.Filtering = (*Call)(nil)
)

// Spec describes the kind.
func (*Call) Spec() kind.TriggerSpec {
	return kind.TriggerSpec{
		Kind:    "call",
		Summary: "Lets other flows call this flow with a node of kind subflow.",
		Data: "`input`, what the caller gave (nil if nothing), `id` (the run ID) and `receivedAt` (RFC 3339), the " +
			"time of the call.",
		Example: `type: call
input:
  type: object
  required: [sku, quantity]
  properties:
    sku: { type: string, minLength: 1 }
    quantity: { type: integer, minimum: 1 }
`,
	}
}

// Validate has nothing to add: the schema is compiled when it is read.
func (*Call) Validate(*kind.Validation) {}

// Shape describes the values of a call.
func (*Call) Shape() *expression.Shape {
	return &expression.Shape{Fields: map[string]*expression.Shape{"input": {}, "id": {}, "receivedAt": {}},
		Content: "input"}
}

// FieldRoots are the names that are visible in the condition.
func (*Call) FieldRoots(string) map[string]*expression.Shape {
	return map[string]*expression.Shape{"input": {}}
}

// CheckInput checks an input with the schema.
func (c *Call) CheckInput(input any) ([]everhook.ProblemDetail, error) { return c.Input.Check(input) }
