package nodes

import (
	"errors"
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/query"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// JSONQuery queries a value.
type JSONQuery struct {
	// Input is the value to query.
	Input expression.Template[any] `json:"input" required:"true"`
	// Engine is the language of the query: jmespath (jmespath.org, with the community's functions, arithmetic and let),
	// or jsonpath (RFC 9535).
	Engine activities.QueryEngine `json:"engine" required:"true" enum:"jmespath,jsonpath"`
	// Query is literal: templates in it are not evaluated. Put data that varies into the input.
	Query string `json:"query" required:"true"`
	// Model selects fields of the result, or of each element if the result is a list.
	Model []ModelField `json:"model,omitempty"`
}

// ModelField is one field of the results.
type ModelField struct {
	// Path leads to the field in the result, or in each of its elements.
	Path everhook.Path `json:"path" required:"true"`
	// Alias is the name of the field. Without it, the name is the path.
	Alias string `json:"alias,omitempty"`
}

func (f *ModelField) name() string {
	if f.Alias != "" {
		return f.Alias
	}
	return f.Path.String()
}

var (
	_ kind.Waiting = (*JSONQuery)(nil)
	_ kind.Shaping = (*JSONQuery)(nil)
)

// Spec describes the kind.
func (*JSONQuery) Spec() kind.Spec {
	return kind.Spec{
		Kind: "json-query", Group: kind.Calculating, Canonical: true,
		Summary: "Queries a value in JMESPath or JSONPath.",
		Result: "What the query finds: with jsonpath always a list, with jmespath nil if there is nothing. With " +
			"`model` a mapping of its fields, or a list of such mappings. " +
			"Members of a mapping are found in the order of their names.",
		Failures: "Error when the query cannot be evaluated, takes longer than 5s or finds more than 1536KiB, or the " +
			"template cannot be evaluated.",
		Example: `key: cheap
type: json-query
config:
  input: '{{ trigger.body }}'
  engine: jsonpath
  query: '$.items[?@.price < 5]'
  model: [ { path: price }, { path: quantity, alias: pieces } ]
`,
	}
}

// Validate compiles the query and checks the names of the model.
func (c *JSONQuery) Validate(v *kind.Validation) {
	if _, err := query.Compile(c.Engine, c.Query); err != nil {
		v.Error("/config/query", c.describe(err), c.fix())
	}
	seen := map[string]bool{}
	for i := range c.Model {
		name := c.Model[i].name()
		if seen[name] {
			v.Error(fmt.Sprintf("/config/model/%d", i), fmt.Sprintf("two fields are called %q", name),
				"give one of them another alias")
		}
		seen[name] = true
	}
}

// ResultShape has the fields of the model, and is a list with jsonpath.
func (c *JSONQuery) ResultShape(*everhook.Node) *expression.Shape {
	shape := &expression.Shape{}
	if c.Engine == activities.JSONPath {
		shape.Type = expression.List
	}
	if len(c.Model) > 0 {
		shape.Fields = map[string]*expression.Shape{}
	}
	for i := range c.Model {
		shape.Fields[c.Model[i].name()] = &expression.Shape{}
	}
	return shape
}

func (c *JSONQuery) fix() string {
	switch {
	case strings.Contains(c.Query, "{{"):
		return "write the query out, it holds no templates; what varies belongs into the input"
	case c.Engine == activities.JMESPath:
		return "numbers and JSON stand in backquotes, text in single quotes; see https://jmespath.site"
	default:
		return "see https://www.rfc-editor.org/rfc/rfc9535"
	}
}

// describe shows the position of the fault in the query, if the engine reports it.
func (c *JSONQuery) describe(err error) string {
	syntax, ok := errors.AsType[*query.SyntaxError](err)
	if !ok || syntax.Offset < 0 {
		return err.Error()
	}
	shown := expression.Error{Source: c.Query, Offset: syntax.Offset}
	return err.Error() + shown.Snippet()
}

// Execute leaves the query to a local activity, whose result is recorded: its engine is no workflow code.
func (c *JSONQuery) Execute(ctx workflow.Context, run kind.WaitingRun) (kind.Result, error) {
	input, err := c.Input.Eval(run.Scope())
	if err != nil {
		return kind.Result{}, err
	}
	fields := make([]activities.QueryField, len(c.Model))
	for i := range c.Model {
		fields[i] = activities.QueryField{Name: c.Model[i].name(), Path: c.Model[i].Path}
	}
	var found everhook.Value
	err = run.LocalActivity(ctx, activities.JSONQuery, activities.JSONQueryInput{
		Engine: c.Engine, Query: c.Query, Input: everhook.Value{V: input}, Model: fields,
	}, &found)
	return kind.Result{Value: found.V}, err
}
