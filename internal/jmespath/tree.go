package jmespath

import (
	"fmt"
	"math"

	"github.com/everhook/everhook"
)

// node is a part of a parsed query.
type node interface {
	// eval evaluates the part on the current value v, with the variables that are bound around it.
	eval(e *evaluation, v any, bound *variables) (any, error)
}

// The parts that need nothing but the current value.
type (
	current struct{}
	root    struct{}
	value   struct{ v any }
	bound   string
	field   string
	index   int
)

func (current) eval(e *evaluation, v any, _ *variables) (any, error) { return v, e.step(1) }
func (root) eval(e *evaluation, _ any, _ *variables) (any, error)    { return e.root, e.step(1) }

func (n value) eval(e *evaluation, _ any, _ *variables) (any, error) { return n.v, e.step(1) }

func (n bound) eval(e *evaluation, _ any, bound *variables) (any, error) {
	return bound.get(string(n)), e.step(1)
}

func (n field) eval(e *evaluation, v any, _ *variables) (any, error) {
	mapping, _ := v.(map[string]any)
	return mapping[string(n)], e.step(1)
}

func (n index) eval(e *evaluation, v any, _ *variables) (any, error) {
	list, _ := v.([]any)
	i := int(n)
	if i < 0 {
		i += len(list)
	}
	if i < 0 || i >= len(list) {
		return nil, e.step(1)
	}
	return list[i], e.step(1)
}

// group is an expression in parentheses, where a projection ends.
type group struct{ inner node }

func (n group) eval(e *evaluation, v any, bound *variables) (any, error) {
	return n.inner.eval(e, v, bound)
}

// slice cuts a list or a text, whose characters are its elements.
type slice struct{ start, stop, step *int }

func (n slice) eval(e *evaluation, v any, _ *variables) (any, error) {
	switch v := v.(type) {
	case string:
		characters := []rune(v)
		cut, err := cutOut(e, n, characters)
		return string(cut), err
	case []any:
		return cutOut(e, n, v)
	default:
		return nil, e.step(1)
	}
}

func cutOut[T any](e *evaluation, n slice, list []T) ([]T, error) {
	if err := e.step(1 + len(list)); err != nil {
		return nil, err
	}
	from, to, step := n.bounds(len(list))
	cut := []T{}
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		cut = append(cut, list[i])
	}
	return cut, nil
}

// bounds are the first index, the one to stop before, and the step. The step is cut to the length, so that sums of it
// do not overflow.
func (n slice) bounds(length int) (from, to, step int) {
	step = 1
	if n.step != nil {
		step = max(-length-1, min(*n.step, length+1))
	}
	low, high := 0, length
	from, to = 0, length
	if step < 0 {
		low, high = -1, length-1
		from, to = high, low
	}
	at := func(part *int, otherwise int) int {
		if part == nil {
			return otherwise
		}
		i := *part
		if i < 0 {
			i += length
		}
		return max(low, min(i, high))
	}
	return at(n.start, from), at(n.stop, to), step
}

// chain evaluates its right side on its left side, and is nil where the left side is.
type chain struct{ left, right node }

func (n chain) eval(e *evaluation, v any, bound *variables) (any, error) {
	left, err := n.left.eval(e, v, bound)
	if left == nil || err != nil {
		return nil, err
	}
	return n.right.eval(e, left, bound)
}

// pipe evaluates its right side on its left side, nil or not.
type pipe struct{ left, right node }

func (n pipe) eval(e *evaluation, v any, bound *variables) (any, error) {
	left, err := n.left.eval(e, v, bound)
	if err != nil {
		return nil, err
	}
	return n.right.eval(e, left, bound)
}

// list is a multi-select list.
type list []node

func (n list) eval(e *evaluation, v any, bound *variables) (any, error) {
	return evalAll(e, n, v, bound)
}

// evalAll evaluates every part on the same value.
func evalAll(e *evaluation, parts []node, v any, bound *variables) ([]any, error) {
	results := make([]any, len(parts))
	for i, part := range parts {
		var err error
		if results[i], err = part.eval(e, v, bound); err != nil {
			return nil, err
		}
	}
	return results, e.step(1)
}

// hash is a multi-select hash. The last of equal keys wins.
type hash struct {
	keys   []string
	values []node
}

func (n hash) eval(e *evaluation, v any, bound *variables) (any, error) {
	values, err := evalAll(e, n.values, v, bound)
	if err != nil {
		return nil, err
	}
	mapping := make(map[string]any, len(values))
	for i, value := range values {
		mapping[n.keys[i]] = value
	}
	return mapping, nil
}

// not is true for what counts as false.
type not struct{ inner node }

func (n not) eval(e *evaluation, v any, bound *variables) (any, error) {
	inner, err := n.inner.eval(e, v, bound)
	return isFalse(inner), err
}

// isFalse reports whether a value counts as false: nil, false, and empty texts, lists and mappings. 0 is true.
func isFalse(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	default:
		return false
	}
}

// either is `||` if or is set, else `&&`. It returns the left side if that decides.
type either struct {
	left, right node
	or          bool
}

func (n either) eval(e *evaluation, v any, bound *variables) (any, error) {
	left, err := n.left.eval(e, v, bound)
	if err != nil || isFalse(left) != n.or {
		return left, err
	}
	return n.right.eval(e, v, bound)
}

// comparison compares two values. Only numbers have an order; that of other values is nil.
type comparison struct {
	left, right node
	operator    kind
}

func (n comparison) eval(e *evaluation, v any, bound *variables) (any, error) {
	both, err := evalAll(e, []node{n.left, n.right}, v, bound)
	if err != nil {
		return nil, err
	}
	if n.operator == "==" || n.operator == "!=" {
		if err := e.deep(both...); err != nil {
			return nil, err
		}
		return everhook.Equal(both[0], both[1]) == (n.operator == "=="), nil
	}
	if !isNumber(both[0]) || !isNumber(both[1]) {
		return nil, nil
	}
	order := compare(both[0], both[1])
	switch n.operator {
	case "<":
		return order < 0, nil
	case "<=":
		return order <= 0, nil
	case ">":
		return order > 0, nil
	default:
		return order >= 0, nil
	}
}

// arithmetic calculates with two numbers; with other values it is nil.
type arithmetic struct {
	left, right node
	operator    kind
}

func (n arithmetic) eval(e *evaluation, v any, bound *variables) (any, error) {
	both, err := evalAll(e, []node{n.left, n.right}, v, bound)
	if err != nil || !isNumber(both[0]) || !isNumber(both[1]) {
		return nil, err
	}
	return calculate(n.operator, both[0], both[1])
}

func calculate(operator kind, a, b any) (any, error) {
	switch operator {
	case "+":
		return add(a, b), nil
	case "-":
		return add(a, negative(b)), nil
	case "*":
		return multiply(a, b), nil
	}
	x, y := float(a), float(b)
	if y == 0 {
		return nil, fmt.Errorf("division by zero")
	}
	switch operator {
	case "/":
		return x / y, nil
	case "%":
		return math.Mod(x, y), nil
	default:
		return math.Floor(x / y), nil
	}
}

// let evaluates its body with additional variables. Their expressions are evaluated outside of the let.
type let struct {
	names  []string
	values []node
	body   node
}

func (n let) eval(e *evaluation, v any, bound *variables) (any, error) {
	values, err := evalAll(e, n.values, v, bound)
	if err != nil {
		return nil, err
	}
	for i, value := range values {
		bound = &variables{n.names[i], value, bound}
	}
	return n.body.eval(e, v, bound)
}
