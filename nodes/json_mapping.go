package nodes

import (
	"fmt"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// JSONMapping takes values out of a value and gives them names.
type JSONMapping struct {
	// Input is a mapping or a list.
	Input expression.Template[any] `json:"input" required:"true"`
	// Variables are the values to take.
	Variables []MappedVariable `json:"variables" required:"true"`
	// Parse accepts JSON text as input. Without it, the node fails if the input is text.
	Parse bool `json:"parse,omitempty" default:"false"`
}

// MappedVariable is one value of the input.
type MappedVariable struct {
	// Name is the name of the value in the result.
	Name string `json:"name" required:"true"`
	// Path leads to the value in the input, for example `order.items[0].sku`. Through a list without an index, it takes
	// the field of every element.
	Path everhook.Path `json:"path" required:"true"`
	// Alias is a name for people.
	Alias string `json:"alias,omitempty"`
}

var (
	_ kind.Pure    = (*JSONMapping)(nil)
	_ kind.Shaping = (*JSONMapping)(nil)
)

// Spec describes the kind.
func (*JSONMapping) Spec() kind.Spec {
	return kind.Spec{
		Kind: "json-mapping", Group: kind.Calculating, Canonical: true,
		Summary: "Takes values out of a mapping or list by their paths and gives them names.",
		Result:  "`{<name>: value}`; nil where the input has nothing at the path.",
		Failures: "Failed when the input is neither a mapping nor a list, or with `parse` is not JSON. Error when " +
			"the template cannot be evaluated.",
		Example: `key: fields
type: json-mapping
config:
  input: '{{ trigger.body }}'
  variables:
    - { name: id, path: order.id }
    - { name: skus, path: order.items.sku }
`,
	}
}

// Validate checks the names.
func (c *JSONMapping) Validate(v *kind.Validation) {
	seen := map[string]bool{}
	for i, variable := range c.Variables {
		pointer := fmt.Sprintf("/config/variables/%d/name", i)
		if variable.Name == "" {
			v.Error(pointer, "the name is empty", "name the value, for example by the last part of its path")
		} else if seen[variable.Name] {
			v.Error(pointer, fmt.Sprintf("two variables are called %q", variable.Name), "give each its own name")
		}
		seen[variable.Name] = true
	}
}

// ResultShape has the names.
func (c *JSONMapping) ResultShape(*everhook.Node) *expression.Shape {
	shape := &expression.Shape{Type: expression.Mapping, Fields: map[string]*expression.Shape{}}
	for _, variable := range c.Variables {
		shape.Fields[variable.Name] = &expression.Shape{}
	}
	return shape
}

// Execute is pure.
func (c *JSONMapping) Execute(run kind.Run) (kind.Result, error) {
	input, err := c.Input.Eval(run.Scope())
	if err != nil {
		return kind.Result{}, err
	}
	if text, ok := input.(string); ok && c.Parse {
		run.Charge(len(text))
		parsed, err := everhook.ParseJSON([]byte(text))
		if err != nil {
			return kind.Result{}, everhook.Failuref(everhook.TypeInput, "the input is not JSON: %v", err)
		}
		input = parsed
	}
	switch input.(type) {
	case map[string]any, []any:
	case string:
		return kind.Result{}, everhook.Failuref(everhook.TypeInput, "the input is text, not a mapping or list; set "+
			"`parse: true` if it is JSON")
	default:
		return kind.Result{}, everhook.Failuref(everhook.TypeInput, "the input is %s, not a mapping or list",
			everhook.TypeName(input))
	}
	result := make(map[string]any, len(c.Variables))
	looked := 0
	for _, variable := range c.Variables {
		result[variable.Name], _ = variable.Path.GetCounted(input, &looked)
	}
	run.Charge(looked)
	return kind.Result{Value: result}, nil
}
