package expression

import (
	"github.com/cockroachdb/apd/v3"
	"github.com/expr-lang/expr/ast"
)

// predicate is one call of a function with a predicate.
type predicate struct {
	call
	body code
	// last is the argument after the predicate: the order of sortBy, the first #acc of reduce; nil if it is missing.
	last code
	slot pointers
}

// predicateImplementation applies a predicate to a list.
type predicateImplementation func(m *machine, p *predicate, items []any) (any, error)

func (t *translator) predicate(n ast.Node, f *Function, arguments []ast.Node) operand {
	list := t.translate(arguments[0])
	p := &predicate{call: call{name: f.Name, nodes: arguments}, slot: pointers{
		item: t.slot(), index: t.slot(), accumulator: t.slot(), list: arguments[0], shape: list.shape.element(),
		reduces: f.Name == "reduce",
	}}
	o := operand{node: n, kind: f.gives}
	o.shape = shapeOf(f.Name, list.shape)
	if len(arguments) > 1 {
		t.pointers = append(t.pointers, &p.slot)
		body := t.translate(arguments[1].(*ast.PredicateNode).Node)
		t.pointers = t.pointers[:len(t.pointers)-1]
		p.body = body.run
		if f.Name == "map" {
			o.shape = body.shape.listed()
		}
	}
	if len(arguments) > 2 {
		p.last = t.translate(arguments[2]).run
	}
	listRun, apply, ofNil := list.run, f.predicate, f.Name == "sum" || f.Name == "count"
	o.run = func(m *machine) (any, error) {
		v, err := listRun(m)
		if err != nil {
			return nil, err
		}
		if err := m.spend(1); err != nil {
			return nil, err
		}
		items, ok := v.([]any)
		switch {
		case v == nil && ofNil:
			return 0, nil
		case !ok && kindOf(v) == kindMapping:
			return nil, p.errorf("%s is a mapping; use `values(…)` or `toPairs(…)`", p.what(0))
		case !ok:
			return nil, p.needs(0, v, kindList)
		}
		return apply(m, p, items)
	}
	return o
}

// each evaluates the predicate for an element. It charges one unit in addition to the predicate's own work.
func (p *predicate) each(m *machine, i int, item any) (any, error) {
	if err := m.spend(1); err != nil {
		return nil, err
	}
	m.slots[p.slot.item] = item
	if p.slot.usesIndex {
		m.slots[p.slot.index] = i
	}
	return p.body(m)
}

// holds evaluates a predicate that must be boolean.
func (p *predicate) holds(m *machine, i int, item any) (bool, error) {
	v, err := p.each(m, i, item)
	if err != nil {
		return false, err
	}
	is, ok := v.(bool)
	if !ok {
		return false, p.errorf("%w", notBoolean(p.what(1), typeName(v)))
	}
	return is, nil
}

// quantifier stops at the first element for which the predicate is stopAt.
func quantifier(stopAt, result bool) predicateImplementation {
	return func(m *machine, p *predicate, items []any) (any, error) {
		for i, item := range items {
			is, err := p.holds(m, i, item)
			if err != nil {
				return nil, err
			}
			if is == stopAt {
				return result, nil
			}
		}
		return !result, nil
	}
}

func one(m *machine, p *predicate, items []any) (any, error) {
	found, err := p.count(m, items)
	return found == 1, err
}

func count(m *machine, p *predicate, items []any) (any, error) {
	if p.body != nil {
		return p.count(m, items)
	}
	found := 0
	for i, item := range items {
		if err := m.spend(1); err != nil {
			return nil, err
		}
		is, ok := item.(bool)
		if !ok {
			return nil, p.errorf("%s[%d] is %s; count a list of booleans, or give a predicate; `len(…)` counts "+
				"elements", p.what(0), i, typeName(item))
		}
		if is {
			found++
		}
	}
	return found, nil
}

func (p *predicate) count(m *machine, items []any) (int, error) {
	found := 0
	for i, item := range items {
		is, err := p.holds(m, i, item)
		if err != nil {
			return 0, err
		}
		if is {
			found++
		}
	}
	return found, nil
}

func filter(m *machine, p *predicate, items []any) (any, error) {
	m.built = true
	kept := []any{}
	for i, item := range items {
		is, err := p.holds(m, i, item)
		if err != nil {
			return nil, err
		}
		if !is {
			continue
		}
		if err := m.produce(elementWeight); err != nil {
			return nil, err
		}
		kept = append(kept, item)
	}
	return kept, nil
}

func mapEach(m *machine, p *predicate, items []any) (any, error) {
	mapped, err := m.list(len(items))
	if err != nil {
		return nil, err
	}
	for i, item := range items {
		v, err := p.each(m, i, item)
		if err != nil {
			return nil, err
		}
		mapped = append(mapped, v)
	}
	return mapped, nil
}

// search returns the position of the first or last element for which the predicate is true, or -1.
func (p *predicate) search(m *machine, items []any, backwards bool) (int, error) {
	for step := range items {
		i := step
		if backwards {
			i = len(items) - 1 - step
		}
		if is, err := p.holds(m, i, items[i]); is || err != nil {
			return i, err
		}
	}
	return -1, nil
}

func find(backwards bool) predicateImplementation {
	return func(m *machine, p *predicate, items []any) (any, error) {
		i, err := p.search(m, items, backwards)
		if i < 0 || err != nil {
			return nil, err
		}
		return items[i], nil
	}
}

func findIndex(backwards bool) predicateImplementation {
	return func(m *machine, p *predicate, items []any) (any, error) {
		return p.search(m, items, backwards)
	}
}

func sum(m *machine, p *predicate, items []any) (any, error) {
	var total any = 0
	for i, item := range items {
		v, err := item, m.spend(1)
		if p.body != nil {
			v, err = p.each(m, i, item)
		}
		if err != nil {
			return nil, err
		}
		if total, err = p.plus(m, total, v, i); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func (p *predicate) plus(m *machine, total, v any, i int) (any, error) {
	a, isInt := total.(int)
	b, otherInt := v.(int)
	if isInt && otherInt {
		if sum := a + b; (sum > a) == (b > 0) {
			return sum, nil
		}
		return nil, p.errorf("the sum of %s does not fit in 64 bits", p.what(0))
	}
	if x, y, ok := decimals(total, v); ok {
		return calculate(m, p.nodes[0], x, y, (*apd.Context).Add)
	}
	x, y, ok := floats(total, v)
	switch {
	case ok:
		return number(p.nodes[0], x+y)
	case p.body != nil:
		return nil, p.errorf("for element %d, %w", i, needs(p.what(1), v, kindNumber))
	default:
		return nil, p.errorf("%s[%d] is %s where a number is needed", p.what(0), i, typeName(v))
	}
}

func reduce(m *machine, p *predicate, items []any) (any, error) {
	var total any
	first := 0
	switch {
	case p.last != nil:
		var err error
		if total, err = p.last(m); err != nil {
			return nil, err
		}
	case len(items) == 0:
		return nil, p.errorf("%s is empty; give a first value for #acc as third argument", p.what(0))
	default:
		total, first = items[0], 1
	}
	for i := first; i < len(items); i++ {
		m.slots[p.slot.accumulator] = total
		var err error
		if total, err = p.each(m, i, items[i]); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func groupBy(m *machine, p *predicate, items []any) (any, error) {
	groups, err := m.mapping(0)
	if err != nil {
		return nil, err
	}
	for i, item := range items {
		v, err := p.each(m, i, item)
		if err != nil {
			return nil, err
		}
		key := ""
		switch v := v.(type) {
		case string:
			key = v
		case int, float64, bool:
			key = numberText(v)
		case *apd.Decimal:
			key = decimalText(v)
		default:
			return nil, p.errorf("for element %d, %w", i, needs(p.what(1), v, kindText))
		}
		group, known := groups[key].([]any)
		weight := elementWeight
		if !known {
			weight += entryWeight + len(key)
		}
		if err := m.produce(weight); err != nil {
			return nil, err
		}
		groups[key] = append(group, item)
	}
	return groups, nil
}

func sortBy(m *machine, p *predicate, items []any) (any, error) {
	descending := false
	if p.last != nil {
		order, err := p.last(m)
		if err != nil {
			return nil, err
		}
		if descending, err = p.descending(order, 2); err != nil {
			return nil, err
		}
	}
	keys, err := m.list(len(items))
	if err != nil {
		return nil, err
	}
	for i, item := range items {
		key, err := p.each(m, i, item)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return m.sort(&p.call, 1, items, keys, descending)
}

var predicateFunctions = []*Function{
	{Name: "all", Signature: "all(list, predicate)", Doc: "Whether the predicate is true for every element; true for " +
		"an empty list.", Example: `all([1, 2, 3], # > 0)`, Result: `true`, minimum: 2, maximum: 2, gives: kindBool,
		predicate: quantifier(false, false)},
	{Name: "none", Signature: "none(list, predicate)", Doc: "Whether the predicate is true for no element.",
		Example: `none([1, 2, 3], # > 3)`, Result: `true`, minimum: 2, maximum: 2, gives: kindBool,
		predicate: quantifier(true, false)},
	{Name: "any", Signature: "any(list, predicate)", Doc: "Whether the predicate is true for at least one element.",
		Example: `any([1, 2, 3], # > 2)`, Result: `true`, minimum: 2, maximum: 2, gives: kindBool,
		predicate: quantifier(true, true)},
	{Name: "one", Signature: "one(list, predicate)", Doc: "Whether the predicate is true for exactly one element.",
		Example: `one([1, 2, 3], # > 1)`, Result: `false`, minimum: 2, maximum: 2, gives: kindBool, predicate: one},
	{Name: "filter", Signature: "filter(list, predicate)", Doc: "The elements for which the predicate is true.",
		Example: `filter([1, 2, 3], # > 1)`, Result: `[2,3]`, minimum: 2, maximum: 2, gives: kindList,
		predicate: filter},
	{Name: "map", Signature: "map(list, predicate)", Doc: "The value of the predicate for every element.",
		Example: `map([{sku: "a"}, {sku: "b"}], .sku)`, Result: `["a","b"]`, minimum: 2, maximum: 2, gives: kindList,
		predicate: mapEach},
	{Name: "find", Signature: "find(list, predicate)",
		Doc: "The first element for which the predicate is true, or nil.", Example: `find([1, 2, 3], # > 1)`,
		Result: `2`, minimum: 2, maximum: 2, predicate: find(false)},
	{Name: "findIndex", Signature: "findIndex(list, predicate)", Doc: "The position of the first element for which " +
		"the predicate is true, or -1.", Example: `findIndex([1, 2, 3], # > 1)`, Result: `1`, minimum: 2, maximum: 2,
		gives: kindNumber, predicate: findIndex(false)},
	{Name: "findLast", Signature: "findLast(list, predicate)", Doc: "The last element for which the predicate is " +
		"true, or nil.", Example: `findLast([1, 2, 3], # > 1)`, Result: `3`, minimum: 2, maximum: 2,
		predicate: find(true)},
	{Name: "findLastIndex", Signature: "findLastIndex(list, predicate)",
		Doc:     "The position of the last element for which the predicate is true, or -1.",
		Example: `findLastIndex([1, 2, 3], # < 3)`, Result: `1`, minimum: 2, maximum: 2, gives: kindNumber,
		predicate: findIndex(true)},
	{Name: "count", Signature: "count(list[, predicate])", Doc: "How many elements the predicate is true for; " +
		"without one, how many are true. 0 for nil.", Example: `count([1, 2, 3], # > 1)`, Result: `2`, minimum: 1,
		maximum: 2, gives: kindNumber, predicate: count},
	{Name: "sum", Signature: "sum(list[, predicate])", Doc: "The sum of the numbers, or of the predicate's values. 0 " +
		"for nil.", Example: `sum([{price: 2}, {price: 3}], .price)`, Result: `5`, minimum: 1, maximum: 2,
		gives: kindNumber, predicate: sum},
	{Name: "groupBy", Signature: "groupBy(list, predicate)", Doc: "A mapping of the predicate's values, as text, to " +
		"the elements that have them.", Example: `groupBy([1, 2, 3], # % 2 == 0 ? "even" : "odd")`,
		Result: `{"even":[2],"odd":[1,3]}`, minimum: 2, maximum: 2, gives: kindMapping, predicate: groupBy},
	{Name: "sortBy", Signature: `sortBy(list, predicate[, "asc" or "desc"])`,
		Doc:     "The elements in the order of the predicate's values; equal ones keep their order.",
		Example: `sortBy([{n: 2}, {n: 1}], .n)`, Result: `[{"n":1},{"n":2}]`, minimum: 2, maximum: 3, gives: kindList,
		predicate: sortBy},
	{Name: "reduce", Signature: "reduce(list, predicate[, first])", Doc: "One value: the predicate makes #acc from " +
		"the last #acc and the element #. Without a first value it starts with the first element.",
		Example: `reduce([1, 2, 3], #acc * #, 1)`, Result: `6`, minimum: 2, maximum: 3, predicate: reduce},
}
