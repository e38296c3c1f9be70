package expression

import (
	"math/bits"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"

	"github.com/everhook/everhook"
)

func length(m *machine, c *call, args []any) (any, error) {
	switch v := args[0].(type) {
	case []any:
		return len(v), nil
	case map[string]any:
		return len(v), nil
	case string:
		if err := m.read(len(v)); err != nil {
			return nil, err
		}
		return utf8.RuneCountInString(v), nil
	case nil:
		return nil, c.errorf("%s is nil; use `?? []` or `?? \"\"`", c.what(0))
	default:
		return nil, c.errorf("%s is %s where a list, mapping or text is needed", c.what(0), typeName(v))
	}
}

// end returns the first (0) or last (-1) element.
func end(position int) implementation {
	return func(m *machine, c *call, args []any) (any, error) {
		switch v := args[0].(type) {
		case nil:
			return nil, nil
		case []any:
			if len(v) == 0 {
				return nil, nil
			}
			return v[(position+len(v))%len(v)], nil
		case string:
			return m.character(v, position)
		default:
			return nil, c.needs(0, v, kindList)
		}
	}
}

func take(_ *machine, c *call, args []any) (any, error) {
	list, err := c.list(args, 0)
	if err != nil {
		return nil, err
	}
	n, err := c.whole(args, 1, 0)
	if err != nil {
		return nil, err
	}
	n = max(0, min(n, len(list)))
	return list[:n:n], nil
}

// get looks up a key, a path or a position, and returns nil if there is no value. A key that contains dots takes
// precedence over a path.
func get(m *machine, c *call, args []any) (any, error) {
	switch at := args[1].(type) {
	case int:
		switch v := args[0].(type) {
		case []any:
			if at < 0 {
				at += len(v)
			}
			if at < 0 || at >= len(v) {
				return nil, nil
			}
			return v[at], nil
		case string:
			return m.character(v, at)
		default:
			return nil, nil
		}
	case string:
		if err := m.spend(len(at)); err != nil {
			return nil, err
		}
		if mapping, ok := args[0].(map[string]any); ok {
			if v, ok := mapping[at]; ok {
				return v, nil
			}
		}
		path, err := everhook.ParsePath(at)
		if err != nil {
			return nil, c.errorf("%s is no path: %v", c.what(1), err)
		}
		v, _, err := m.follow(path, args[0], 0)
		return v, err
	default:
		return nil, c.errorf("%s is %s where a path or position is needed", c.what(1), typeName(at))
	}
}

// follow is Path.Get with a charge for each visited value. A path through lists visits many.
func (m *machine) follow(path everhook.Path, v any, depth int) (found any, there bool, err error) {
	for i, step := range path {
		if err := m.spend(1); err != nil {
			return nil, false, err
		}
		switch below := v.(type) {
		case map[string]any:
			if v, there = below[step.Name]; !there || step.Index {
				return nil, false, nil
			}
		case []any:
			element, ok := step.Position()
			if !ok {
				return m.gather(path[i:], below, depth)
			}
			if element >= len(below) {
				return nil, false, nil
			}
			v = below[element]
		default:
			return nil, false, nil
		}
	}
	return v, true, nil
}

// gather follows the path in each element, lists inside lists included, and joins the results to one flat list. An
// element without the field adds nothing.
func (m *machine) gather(path everhook.Path, list []any, depth int) (any, bool, error) {
	if err := m.descend(depth, len(list)); err != nil {
		return nil, false, err
	}
	m.built = true
	gathered := []any{}
	for _, element := range list {
		v, there, err := m.follow(path, element, depth+1)
		if err != nil {
			return nil, false, err
		}
		if !there {
			continue
		}
		items, ok := v.([]any)
		if !ok {
			items = []any{v}
		}
		if err := m.produce(len(items) * elementWeight); err != nil {
			return nil, false, err
		}
		gathered = append(gathered, items...)
	}
	return gathered, true, nil
}

func reverse(m *machine, c *call, args []any) (any, error) {
	list, err := c.list(args, 0)
	if err != nil {
		return nil, err
	}
	reversed, err := m.list(len(list))
	if err != nil {
		return nil, err
	}
	for i := range list {
		reversed = append(reversed, list[len(list)-1-i])
	}
	return reversed, nil
}

func concat(m *machine, c *call, args []any) (any, error) {
	total := 0
	for i := range args {
		list, err := c.list(args, i)
		if err != nil {
			return nil, err
		}
		total += len(list)
	}
	all, err := m.list(total)
	if err != nil {
		return nil, err
	}
	for _, list := range args {
		all = append(all, list.([]any)...)
	}
	return all, nil
}

func flatten(m *machine, c *call, args []any) (any, error) {
	list, err := c.list(args, 0)
	if err != nil {
		return nil, err
	}
	m.built = true
	return m.flatten([]any{}, list, 0)
}

func (m *machine) flatten(flat, list []any, depth int) ([]any, error) {
	if err := m.descend(depth, len(list)); err != nil {
		return nil, err
	}
	for _, item := range list {
		var err error
		if inner, ok := item.([]any); ok {
			flat, err = m.flatten(flat, inner, depth+1)
		} else {
			flat, err = append(flat, item), m.produce(elementWeight)
		}
		if err != nil {
			return nil, err
		}
	}
	return flat, nil
}

func uniq(m *machine, c *call, args []any) (any, error) {
	list, err := c.list(args, 0)
	if err != nil {
		return nil, err
	}
	m.built = true
	seen := map[any]bool{}
	kept := []any{}
	for _, item := range list {
		id, err := m.identity(item)
		if err != nil {
			return nil, err
		}
		if seen[id] {
			continue
		}
		if err := m.produce(entryWeight); err != nil {
			return nil, err
		}
		seen[id] = true
		kept = append(kept, item)
	}
	return kept, nil
}

// encoded is the JSON of a list or mapping. Its type distinguishes it from text.
type encoded string

// identity returns a comparable value that is the same only for equal values.
func (m *machine) identity(v any) (any, error) {
	switch v := v.(type) {
	case []any, map[string]any:
		text, err := m.json(v)
		return encoded(text), err
	case string:
		return v, m.read(len(v))
	case *apd.Decimal:
		return decimalIdentity(v), m.spend(decimalUnits)
	case time.Time:
		return [2]int64{v.Unix(), int64(v.Nanosecond())}, m.spend(1)
	default:
		return v, m.spend(1)
	}
}

func sortList(m *machine, c *call, args []any) (any, error) {
	list, err := c.list(args, 0)
	if err != nil {
		return nil, err
	}
	descending := false
	if len(args) == 2 {
		if descending, err = c.descending(args[1], 1); err != nil {
			return nil, err
		}
	}
	return m.sort(c, 0, list, list, descending)
}

func (c *call) descending(order any, i int) (bool, error) {
	if order != "asc" && order != "desc" {
		return false, c.errorf("%s is not an order; write \"asc\" or \"desc\"", c.what(i))
	}
	return order == "desc", nil
}

// sort gives the items in the order of their keys. It is stable, in both directions. Argument what gave the keys.
//
// The cost follows from the number and the size of the keys, not from the comparisons that are made: their number is up
// to the sort function of the Go release, and a replay on another release must cost the same.
func (m *machine) sort(c *call, what int, items, keys []any, descending bool) (any, error) {
	weight := len(items)
	for i, key := range keys {
		if _, ok := compare(keys[0], key); !ok {
			return nil, c.unsortable(what, i, key, keys[0])
		}
		weight += weightOf(key)
	}
	if err := m.spend(times(weight, log2(len(items)))); err != nil {
		return nil, err
	}
	sorted, err := m.list(len(items))
	if err != nil {
		return nil, err
	}
	positions := make([]int, len(items))
	for i := range positions {
		positions[i] = i
	}
	slices.SortFunc(positions, func(i, j int) int {
		order, _ := compare(keys[i], keys[j])
		switch {
		case order == 0:
			return i - j
		case descending:
			return -order
		default:
			return order
		}
	})
	for _, position := range positions {
		sorted = append(sorted, items[position])
	}
	return sorted, nil
}

// weightOf is the number of units for comparing a key with another one.
func weightOf(key any) int {
	if text, ok := key.(string); ok {
		return len(text) / 16
	}
	return 0
}

func (c *call) unsortable(what, i int, key, first any) error {
	if key == nil || i == 0 {
		return c.errorf("for element %d, %s is %s; numbers, texts, times and durations can be sorted", i, c.what(what),
			typeName(key))
	}
	return c.errorf("for element %d, %s is %s, and %s for the first; make them one type", i, c.what(what),
		typeName(key), typeName(first))
}

// log2 is the number of bits of n, and at least 1.
func log2(n int) int { return max(1, bits.Len(uint(n))) }

func chunk(m *machine, c *call, args []any) (any, error) {
	list, err := c.list(args, 0)
	if err != nil {
		return nil, err
	}
	size, err := c.whole(args, 1, 0)
	if err != nil {
		return nil, err
	}
	if size < 1 {
		return nil, c.errorf("%s is %d; a part has 1 or more elements", c.what(1), size)
	}
	parts, err := m.list((len(list) + size - 1) / size)
	if err != nil {
		return nil, err
	}
	for len(list) > 0 {
		n := min(size, len(list))
		parts, list = append(parts, list[:n:n]), list[n:]
	}
	return parts, nil
}

var listFunctions = []*Function{
	{Name: "len", Signature: "len(value)", Doc: "The number of elements, entries or characters.",
		Example: `len("größe")`, Result: `5`, minimum: 1, maximum: 1, gives: kindNumber, apply: length},
	{Name: "first", Signature: "first(list)", Doc: "The first element or character, or nil.",
		Example: `first([1, 2, 3])`, Result: `1`, minimum: 1, maximum: 1, apply: end(0)},
	{Name: "last", Signature: "last(list)", Doc: "The last element or character, or nil.", Example: `last([1, 2, 3])`,
		Result: `3`, minimum: 1, maximum: 1, apply: end(-1)},
	{Name: "take", Signature: "take(list, n)", Doc: "The first n elements, or all if there are fewer.",
		Example: `take([1, 2, 3], 2)`, Result: `[1,2]`, minimum: 2, maximum: 2, gives: kindList, apply: take},
	{Name: "get", Signature: "get(value, path)", Doc: "The value at a key, path or position, or nil. On a list a " +
		"name gives that field of every element, at any depth of lists, as one flat list; a number is an index.",
		Example: `get({items: [{sku: "a"}, {sku: "b"}]}, "items.sku")`, Result: `["a","b"]`, minimum: 2, maximum: 2,
		apply: get},
	{Name: "reverse", Signature: "reverse(list)", Doc: "The elements from last to first.",
		Example: `reverse([1, 2, 3])`, Result: `[3,2,1]`, minimum: 1, maximum: 1, gives: kindList, apply: reverse},
	{Name: "concat", Signature: "concat(list, list, …)", Doc: "One list of the elements of all.",
		Example: `concat([1], [2, 3])`, Result: `[1,2,3]`, minimum: 1, maximum: unlimited, gives: kindList,
		apply: concat},
	{Name: "flatten", Signature: "flatten(list)", Doc: "The elements, with those of lists inside in their place, at " +
		"any depth.", Example: `flatten([1, [2, [3]]])`, Result: `[1,2,3]`, minimum: 1, maximum: 1, gives: kindList,
		apply: flatten},
	{Name: "chunk", Signature: "chunk(list, n)", Doc: "The elements in lists of n; the last one may have fewer.",
		Example: `chunk([1, 2, 3], 2)`, Result: `[[1,2],[3]]`, minimum: 2, maximum: 2, gives: kindList, apply: chunk},
	{Name: "uniq", Signature: "uniq(list)", Doc: "The elements without those that are equal to an earlier one.",
		Example: `uniq([1, 2, 1])`, Result: `[1,2]`, minimum: 1, maximum: 1, gives: kindList, apply: uniq},
	{Name: "sort", Signature: `sort(list[, "asc" or "desc"])`, Doc: "The numbers, texts, times or durations in order.",
		Example: `sort([3, 1, 2], "desc")`, Result: `[3,2,1]`, minimum: 1, maximum: 2, gives: kindList,
		apply: sortList},
}
