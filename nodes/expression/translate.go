package expression

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"

	"github.com/everhook/everhook"
)

// operand is a translated node.
type operand struct {
	run  code
	node ast.Node
	// shape describes what can exist below the value; nil means anything.
	shape *Shape
	kind  kind
	// constant means that run always returns the same value and needs no scope.
	constant bool
}

// translator compiles a syntax tree to closures. It records the first error and continues, so that no step must check
// for errors.
type translator struct {
	env        *Environment
	source     string
	err        *Error
	references References
	// usesData means that a root besides env is used.
	usesData bool
	// encodes: the function path is called.
	encodes bool
	// warnings are about likely mistakes that compile.
	warnings []*Error

	// variables are the variables of the enclosing let.
	variables map[string]operand
	// pointers are the enclosing predicates, innermost last.
	pointers []*pointers
	slots    int
}

// fail records the error and returns an operand to continue with.
func (t *translator) fail(node ast.Node, message, fix string) operand {
	return t.failAt(node, &Error{Message: message, Fix: fix})
}

func (t *translator) failAt(node ast.Node, err *Error) operand {
	if t.err == nil {
		err.Source, err.Offset = t.source, byteOffset(t.source, node.Location().From)
		t.err = err
	}
	return operand{node: node, run: func(*machine) (any, error) { return nil, err }}
}

func constantOperand(node ast.Node, v any) operand {
	composite := false
	switch v.(type) {
	case []any, map[string]any:
		composite = true
	}
	run := func(m *machine) (any, error) {
		m.units++
		m.built = m.built || composite
		return v, nil
	}
	return operand{node: node, run: run, kind: kindOf(v), constant: true}
}

func (t *translator) translate(node ast.Node) operand {
	switch n := node.(type) {
	case *ast.NilNode:
		return constantOperand(n, nil)
	case *ast.BoolNode:
		return constantOperand(n, n.Value)
	case *ast.IntegerNode:
		return constantOperand(n, n.Value)
	case *ast.FloatNode:
		v, err := everhook.CanonicalFloat(n.Value)
		if err != nil {
			return t.fail(n, err.Error(), "")
		}
		return constantOperand(n, v)
	case *ast.StringNode:
		return t.text(n)
	case *ast.BytesNode:
		return t.fail(n, "bytes are not a value", `write text, without the b`)
	case *ast.ChainNode:
		return t.translate(n.Node)
	case *ast.IdentifierNode:
		return t.identifier(n)
	case *ast.PointerNode:
		return t.pointer(n)
	case *ast.MemberNode:
		return t.member(n)
	case *ast.SliceNode:
		return t.slice(n)
	case *ast.UnaryNode:
		return t.unary(n)
	case *ast.BinaryNode:
		return t.binary(n)
	case *ast.ConditionalNode:
		return t.conditional(n)
	case *ast.VariableDeclaratorNode:
		return t.let(n)
	case *ast.SequenceNode:
		return t.sequence(n)
	case *ast.ArrayNode:
		return t.array(n)
	case *ast.MapNode:
		return t.mapping(n)
	case *ast.BuiltinNode:
		return t.call(n, n.Name, n.Arguments)
	case *ast.CallNode:
		return t.callNode(n)
	default:
		return t.fail(node, fmt.Sprintf("%T is not supported", node), "")
	}
}

// text translates a literal text.
func (t *translator) text(n *ast.StringNode) operand {
	at := byteOffset(t.source, n.Location().From)
	if strings.ContainsRune(n.Value, utf8.RuneError) && surrogateEscape.MatchString(t.source[at:]) {
		return t.fail(n, "the text has an escape of half a character", "write the character itself, for example \"😀\"")
	}
	if fix, found := insertionIn(n.Value, t.env); found {
		t.warnings = append(t.warnings, &Error{Message: "the braces are part of this text and insert nothing", Fix: fix,
			Source: t.source, Offset: at})
	}
	return constantOperand(n, n.Value)
}

// surrogateEscape is the escape of half a surrogate pair inside the text that starts here.
var surrogateEscape = regexp.MustCompile(`^(?s:"(?:[^"\\]|\\.)*?\\u[dD][89a-fA-F]|'(?:[^'\\]|\\.)*?\\u[dD][89a-fA-F])`)

// Budget of evaluating constants when compiling.
const (
	foldUnits = 10_000
	foldBytes = 64 << 10
)

// fold evaluates an operation on constants at compile time, so that its errors are found when the flow is validated.
func (t *translator) fold(o operand, inputs ...operand) operand {
	for _, input := range inputs {
		if !input.constant {
			return o
		}
	}
	if t.err != nil {
		return o
	}
	m := machine{scope: &Scope{}, maxUnits: foldUnits, maxBytes: foldBytes}
	v, err := o.run(&m)
	switch limit, ok := errors.AsType[*everhook.Error](err); {
	case err == nil:
		shape := o.shape
		o = constantOperand(o.node, v)
		o.shape = shape
		return o
	case ok && limit.Type == everhook.TypeLimit:
		return o
	default:
		return t.fail(o.node, err.Error(), "")
	}
}

func (t *translator) unary(n *ast.UnaryNode) operand {
	inner := t.translate(n.Node)
	run, what := inner.run, n.Node
	switch n.Operator {
	case "not", "!":
		return t.fold(operand{node: n, kind: kindBool, run: func(m *machine) (any, error) {
			is, err := truth(m, run, what)
			return !is, err
		}}, inner)
	case "-":
		return t.fold(operand{node: n, kind: inner.kind, run: func(m *machine) (any, error) {
			v, err := run(m)
			if err != nil {
				return nil, err
			}
			m.units++
			return negate(what, v)
		}}, inner)
	case "+":
		return t.fold(operand{node: n, kind: inner.kind, run: func(m *machine) (any, error) {
			v, err := run(m)
			if err != nil {
				return nil, err
			}
			if kind := kindOf(v); kind != kindNumber && kind != kindDecimal {
				return nil, needs(quoted(what), v, kindNumber)
			}
			return v, nil
		}}, inner)
	default:
		return t.fail(n, fmt.Sprintf("the operator `%s` is not supported", n.Operator), "")
	}
}

// truth evaluates a condition.
func truth(m *machine, run code, what ast.Node) (bool, error) {
	m.units++
	v, err := run(m)
	if err != nil {
		return false, err
	}
	is, ok := v.(bool)
	if !ok {
		return false, notBoolean(quoted(what), typeName(v))
	}
	return is, nil
}

func (t *translator) binary(n *ast.BinaryNode) operand {
	left, right := t.translate(n.Left), t.translate(n.Right)
	leftRun, rightRun := left.run, right.run
	switch n.Operator {
	case "and", "&&":
		return t.fold(operand{node: n, kind: kindBool, run: func(m *machine) (any, error) {
			if is, err := truth(m, leftRun, n.Left); !is || err != nil {
				return false, err
			}
			return anyBool(truth(m, rightRun, n.Right))
		}}, left, right)
	case "or", "||":
		return t.fold(operand{node: n, kind: kindBool, run: func(m *machine) (any, error) {
			if is, err := truth(m, leftRun, n.Left); is || err != nil {
				return is, err
			}
			return anyBool(truth(m, rightRun, n.Right))
		}}, left, right)
	case "??":
		return t.fold(operand{node: n, kind: sameKind(left, right), run: func(m *machine) (any, error) {
			m.units++
			if v, err := leftRun(m); v != nil || err != nil {
				return v, err
			}
			return rightRun(m)
		}}, left, right)
	case "matches":
		return t.matches(n, left, right)
	}
	operation, ok := binaryOperations[n.Operator]
	if !ok {
		return t.fail(n, fmt.Sprintf("the operator `%s` is not supported", n.Operator), "")
	}
	if err := t.checkShapes(n, left, right); err != nil {
		return t.failAt(n, err)
	}
	apply := operation.apply
	return t.fold(operand{node: n, kind: operation.gives, run: func(m *machine) (any, error) {
		a, err := leftRun(m)
		if err != nil {
			return nil, err
		}
		b, err := rightRun(m)
		if err != nil {
			return nil, err
		}
		m.units++
		return apply(m, n, a, b)
	}}, left, right)
}

func anyBool(is bool, err error) (any, error) { return is, err }

func sameKind(a, b operand) kind {
	if a.kind == b.kind {
		return a.kind
	}
	return kindAny
}

func (t *translator) conditional(n *ast.ConditionalNode) operand {
	condition, yes, no := t.translate(n.Cond), t.translate(n.Exp1), t.translate(n.Exp2)
	if condition.kind != kindAny && condition.kind != kindBool {
		return t.fail(n.Cond, notBoolean(quoted(n.Cond), condition.kind.String()).Error(), "")
	}
	conditionRun, yesRun, noRun := condition.run, yes.run, no.run
	return operand{node: n, kind: sameKind(yes, no), run: func(m *machine) (any, error) {
		is, err := truth(m, conditionRun, n.Cond)
		switch {
		case err != nil:
			return nil, err
		case is:
			return yesRun(m)
		default:
			return noRun(m)
		}
	}}
}

func (t *translator) let(n *ast.VariableDeclaratorNode) operand {
	value := t.translate(n.Value)
	if err := t.checkName(n.Name); err != nil {
		return t.failAt(n, err)
	}
	slot := t.slot()
	t.variables[n.Name] = operand{shape: value.shape, kind: value.kind, run: func(m *machine) (any, error) {
		m.units++
		return m.slots[slot], nil
	}}
	rest := t.translate(n.Expr)
	delete(t.variables, n.Name)
	valueRun, restRun := value.run, rest.run
	return operand{node: n, kind: rest.kind, shape: rest.shape, run: func(m *machine) (any, error) {
		v, err := valueRun(m)
		if err != nil {
			return nil, err
		}
		m.slots[slot] = v
		return restRun(m)
	}}
}

// checkName refuses a variable that would hide another name.
func (t *translator) checkName(name string) *Error {
	_, variable := t.variables[name]
	_, root := t.env.Roots[name]
	_, hidden := t.env.Hidden[name]
	_, function := functionIndex[name]
	switch {
	case variable:
		return &Error{Message: fmt.Sprintf("the variable `%s` exists already", name), Fix: "choose another name"}
	case root, hidden, name == "secret", name == "$env":
		return &Error{Message: fmt.Sprintf("`%s` is what flows call their data", name), Fix: "choose another name"}
	case function:
		return &Error{Message: fmt.Sprintf("`%s` is a function", name), Fix: "choose another name"}
	default:
		return nil
	}
}

func (t *translator) slot() int {
	t.slots++
	return t.slots - 1
}

func (t *translator) sequence(n *ast.SequenceNode) operand {
	runs := make([]code, len(n.Nodes))
	var last operand
	for i, node := range n.Nodes {
		last = t.translate(node)
		runs[i] = last.run
	}
	return operand{node: n, kind: last.kind, shape: last.shape, run: func(m *machine) (any, error) {
		var v any
		for _, run := range runs {
			var err error
			if v, err = run(m); err != nil {
				return nil, err
			}
		}
		return v, nil
	}}
}

func (t *translator) array(n *ast.ArrayNode) operand {
	inputs := make([]operand, len(n.Nodes))
	for i, node := range n.Nodes {
		inputs[i] = t.translate(node)
	}
	return t.fold(operand{node: n, kind: kindList, run: func(m *machine) (any, error) {
		list, err := m.list(len(inputs))
		if err != nil {
			return nil, err
		}
		for i := range inputs {
			v, err := inputs[i].run(m)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}}, inputs...)
}

func (t *translator) mapping(n *ast.MapNode) operand {
	var inputs []operand
	constantKeys := map[string]bool{}
	for _, node := range n.Pairs {
		pair := node.(*ast.PairNode)
		key := t.translate(pair.Key)
		if name, ok := pair.Key.(*ast.StringNode); ok {
			if constantKeys[name.Value] {
				return t.fail(pair.Key, fmt.Sprintf("the key %q stands twice in one mapping", name.Value),
					"remove one of them")
			}
			constantKeys[name.Value] = true
		}
		inputs = append(inputs, key, t.translate(pair.Value))
	}
	return t.fold(operand{node: n, kind: kindMapping, run: func(m *machine) (any, error) {
		mapping, err := m.mapping(len(inputs) / 2)
		if err != nil {
			return nil, err
		}
		for i := 0; i < len(inputs); i += 2 {
			key, err := inputs[i].run(m)
			if err != nil {
				return nil, err
			}
			name, ok := key.(string)
			if !ok {
				return nil, fmt.Errorf("the key %s is %s; keys are text, use `string(…)`", quoted(inputs[i].node),
					typeName(key))
			}
			if mapping[name], err = inputs[i+1].run(m); err != nil {
				return nil, err
			}
		}
		return mapping, nil
	}}, inputs...)
}
