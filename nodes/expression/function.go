package expression

import (
	"fmt"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/calendar"
)

// Function documents one function of the language.
type Function struct {
	// Name is the name in expressions.
	Name string
	// Group is the chapter of the reference page.
	Group string
	// Signature names the arguments; those in brackets are optional.
	Signature string
	// Doc is one line.
	Doc string
	// Example is an expression, and Result its value as JSON.
	Example, Result string

	minimum, maximum int
	gives            kind
	apply            implementation
	// varying means that equal arguments can yield different values, so calls are never evaluated at compile time.
	varying bool
	// prepare, if set, is called once when a call is compiled. Its error is for the author of the source.
	prepare func(c *call) error
	// predicate is set instead of apply if the function takes a predicate.
	predicate predicateImplementation
}

// implementation is called with evaluated arguments. It may keep but not change them; it must not keep the slice. It
// charges its work.
type implementation func(m *machine, c *call, args []any) (any, error)

// Functions lists all functions, by group.
func Functions() []Function {
	var list []Function
	for _, group := range functionGroups {
		for _, f := range group.functions {
			documented := *f
			documented.Group = group.name
			list = append(list, documented)
		}
	}
	return list
}

type functionGroup struct {
	name      string
	functions []*Function
}

var (
	functionGroups = []functionGroup{
		{"Lists, with a predicate", predicateFunctions}, {"Lists", listFunctions}, {"Mappings", mappingFunctions},
		{"Text", textFunctions}, {"Patterns", patternFunctions}, {"Markup", markupFunctions},
		{"Numbers", append(numberFunctions, decimalFunctions...)},
		{"Types", append(typeFunctions, csvFunctions...)}, {"Times", timeFunctions}, {"Codes", codeFunctions},
	}
	functionIndex = indexFunctions()
)

func indexFunctions() map[string]*Function {
	index := map[string]*Function{}
	for _, group := range functionGroups {
		for _, f := range group.functions {
			index[f.Name] = f
		}
	}
	return index
}

// unlimited is the maximum of functions that take any number of arguments.
const unlimited = 1 << 20

// call is one call of a function in a source.
type call struct {
	name  string
	nodes []ast.Node
	// pattern is that of a function with a constant pattern.
	pattern *pattern
	// layout is that of a function or method with a constant layout.
	layout calendar.Layout
}

// what returns the source of an argument, for messages.
func (c *call) what(i int) string {
	if i >= len(c.nodes) {
		return fmt.Sprintf("argument %d", i+1)
	}
	return quoted(c.nodes[i])
}

func (c *call) needs(i int, v any, need kind) error {
	return fmt.Errorf("%s: %w", c.name, needs(c.what(i), v, need))
}

func (c *call) errorf(format string, args ...any) error {
	return fmt.Errorf("%s: "+format, append([]any{c.name}, args...)...)
}

// argument checks the type of an argument.
func argument[T any](c *call, args []any, i int, need kind) (T, error) {
	v, ok := args[i].(T)
	if !ok {
		return v, c.needs(i, args[i], need)
	}
	return v, nil
}

func (c *call) text(args []any, i int) (string, error) { return argument[string](c, args, i, kindText) }

func (c *call) list(args []any, i int) ([]any, error) { return argument[[]any](c, args, i, kindList) }

func (c *call) mapping(args []any, i int) (map[string]any, error) {
	return argument[map[string]any](c, args, i, kindMapping)
}

// whole returns an integer argument, or otherwise if it is missing.
func (c *call) whole(args []any, i, otherwise int) (int, error) {
	if i >= len(args) {
		return otherwise, nil
	}
	n, ok := args[i].(int)
	if f, isFloat := args[i].(float64); isFloat {
		return 0, c.errorf("%s is %s where a whole number is needed", c.what(i), floatText(f))
	}
	if !ok {
		return 0, c.needs(i, args[i], kindNumber)
	}
	return n, nil
}

func (c *call) number(args []any, i int) (float64, error) {
	f, ok := float(args[i])
	if !ok {
		return 0, c.needs(i, args[i], kindNumber)
	}
	return f, nil
}

func (c *call) time(args []any, i int) (time.Time, error) {
	return argument[time.Time](c, args, i, kindTime)
}

// call translates the call of a function.
func (t *translator) call(n ast.Node, name string, arguments []ast.Node) operand {
	f, ok := functionIndex[name]
	if !ok {
		return t.unknownFunction(n, name)
	}
	if len(arguments) < f.minimum || len(arguments) > f.maximum {
		return t.fail(n, fmt.Sprintf("%s takes %s, not %d", name, arity(f), len(arguments)), "write `"+f.Signature+"`")
	}
	if f.predicate != nil {
		return t.predicate(n, f, arguments)
	}
	t.encodes = t.encodes || name == "path"
	if name == "resumeUrl" {
		key, ok := arguments[0].(*ast.StringNode)
		if !ok {
			return t.fail(arguments[0], "resumeUrl takes the constant key of a node", "write `resumeUrl(\"key\")`")
		}
		t.references.Resume = append(t.references.Resume, key.Value)
	}
	inputs := make([]operand, len(arguments))
	runs := make([]code, len(arguments))
	for i, argument := range arguments {
		inputs[i] = t.translate(argument)
		runs[i] = inputs[i].run
	}
	if name == "get" {
		if err := t.checkGet(inputs[0], arguments[1]); err != nil {
			return t.failAt(arguments[1], err)
		}
	}
	c := &call{name: name, nodes: arguments}
	if f.prepare != nil {
		if err := f.prepare(c); err != nil {
			return t.fail(n, fmt.Sprintf("%s: %v", name, err), "")
		}
	}
	apply := f.apply
	o := operand{node: n, kind: f.gives, run: func(m *machine) (any, error) {
		base := len(m.stack)
		for _, run := range runs {
			v, err := run(m)
			if err != nil {
				return nil, err
			}
			m.stack = append(m.stack, v)
		}
		if err := m.spend(1 + len(runs)); err != nil {
			return nil, err
		}
		v, err := apply(m, c, m.stack[base:len(m.stack):len(m.stack)])
		m.stack = m.stack[:base]
		return v, err
	}}
	if len(inputs) > 0 {
		o.shape = shapeOf(name, inputs[0].shape)
	}
	if f.varying {
		return o
	}
	return t.fold(o, inputs...)
}

// shapeOf returns the shape of a function's result for a list of that shape; nil if it is not known.
func shapeOf(name string, list *Shape) *Shape {
	switch name {
	case "first", "last", "find", "findLast":
		return list.element()
	case "take", "reverse", "sort", "uniq", "flatten", "filter", "sortBy":
		return list
	default:
		return nil
	}
}

func arity(f *Function) string {
	switch {
	case f.maximum == unlimited:
		return fmt.Sprintf("%s or more", plural(f.minimum))
	case f.minimum == f.maximum:
		return plural(f.minimum)
	default:
		return fmt.Sprintf("%d to %s", f.minimum, plural(f.maximum))
	}
}

func plural(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

func (t *translator) unknownFunction(n ast.Node, name string) operand {
	if _, ok := t.variables[name]; ok || t.env.Roots[name] != nil {
		return t.fail(n, fmt.Sprintf("`%s` is not a function", name), "")
	}
	fix, ok := elsewhere[strings.ToLower(name)]
	if nearest := strict.Nearest(name, everhook.SortedKeys(functionIndex)); !ok && nearest != "" {
		fix = fmt.Sprintf("did you mean %q?", nearest)
	}
	return t.fail(n, fmt.Sprintf("there is no function %q", name), fix)
}

// elsewhere has fixes for functions of other languages.
var elsewhere = map[string]string{
	"raw":    "it is the outermost call of an insertion into text: `Hello {{ raw(…) }}`",
	"length": "use `len`", "size": "use `len`", "substring": "use a slice, as in `text[0:3]`",
	"substr": "use a slice, as in `text[0:3]`", "slice": "use a slice, as in `list[0:3]`",
	"str": "use `string`", "tostring": "use `string`", "number": "use `int` or `float`", "parseint": "use `int`",
	"json": "use `toJSON` or `fromJSON`", "includes": "use `contains` or `in`",
	"contains": "it is an operator: `text contains \"part\"`",
	"matches":  "it is an operator: `text matches \"pattern\"`", "startswith": "it is an operator: `text startsWith " +
		"\"part\"`",
	"endswith": "it is an operator: `text endsWith \"part\"`", "coalesce": "use `??`", "default": "use `??`",
	"if": "use `condition ? a : b`", "format": "use `date(…).Format(\"YYYY-MM-DD\")` or `fixed`",
}
