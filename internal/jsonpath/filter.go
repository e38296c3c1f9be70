package jsonpath

import "github.com/everhook/everhook"

// logical is a condition on the filtered node (RFC 9535, 2.3.5).
type logical interface {
	holds(e *evaluation, current any) bool
}

type (
	or  []logical
	and []logical
	not struct{ logical }
	// exists holds if the query selects a node.
	exists struct{ query }
	// comparison compares two values; one of them, or both, may be Nothing.
	comparison struct {
		left, right value
		operator    string
	}
)

func (l or) holds(e *evaluation, current any) bool {
	for _, alternative := range l {
		if alternative.holds(e, current) {
			return true
		}
	}
	return false
}

func (l and) holds(e *evaluation, current any) bool {
	for _, condition := range l {
		if !condition.holds(e, current) {
			return false
		}
	}
	return true
}

func (l not) holds(e *evaluation, current any) bool    { return !l.logical.holds(e, current) }
func (l exists) holds(e *evaluation, current any) bool { return len(l.nodes(e, current)) > 0 }

func (c comparison) holds(e *evaluation, current any) bool {
	a, aThere := c.left.value(e, current)
	b, bThere := c.right.value(e, current)
	equal := aThere == bThere && (!aThere || everhook.Equal(a, b))
	if e.err == nil { // comparing may have taken long
		e.err = e.ctx.Err()
	}
	switch c.operator {
	case "==":
		return equal
	case "!=":
		return !equal
	case "<":
		return aThere && bThere && less(a, b)
	case "<=":
		return equal || aThere && bThere && less(a, b)
	case ">":
		return aThere && bThere && less(b, a)
	default:
		return equal || aThere && bThere && less(b, a)
	}
}

// less compares two numbers or two texts; other values have no order (RFC 9535, 2.3.5.2.2).
func less(a, b any) bool {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		// The order of UTF-8 is that of its code points.
		return ok && a < b
	case int:
		if b, ok := b.(int); ok {
			return a < b
		}
	}
	x, xOK := number(a)
	y, yOK := number(b)
	return xOK && yOK && x < y
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// value is an expression that yields a value, or Nothing: then it reports false.
type value interface {
	value(e *evaluation, current any) (any, bool)
}

// literal is a literal of the query.
type literal struct{ v any }

func (l literal) value(*evaluation, any) (any, bool) { return l.v, true }

// query is a query inside a filter, from the current node or from the root.
type query struct {
	segments []segment
	fromRoot bool
}

func (q query) nodes(e *evaluation, current any) []any {
	if q.fromRoot {
		current = e.root
	}
	return e.follow(q.segments, current)
}

// value returns the value of the only node; Nothing if there is none, or more than one.
func (q query) value(e *evaluation, current any) (any, bool) {
	nodes := q.nodes(e, current)
	if len(nodes) != 1 {
		return nil, false
	}
	return nodes[0], true
}

// singular reports whether the query selects one node at most, by its form.
func (q query) singular() bool {
	for _, s := range q.segments {
		if s.descendant || len(s.selectors) != 1 {
			return false
		}
		switch s.selectors[0].(type) {
		case nameSelector, indexSelector:
		default:
			return false
		}
	}
	return true
}
