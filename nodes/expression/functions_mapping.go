package expression

import (
	"maps"

	"github.com/everhook/everhook"
)

func keysOf(m *machine, c *call, args []any) ([]string, map[string]any, error) {
	mapping, err := c.mapping(args, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := m.spend(len(mapping) * log2(len(mapping))); err != nil {
		return nil, nil, err
	}
	return everhook.SortedKeys(mapping), mapping, nil
}

// entries makes an implementation that returns a value for each entry of a mapping, by sorted keys.
func entries(weight int, of func(key string, v any) any) implementation {
	return func(m *machine, c *call, args []any) (any, error) {
		keys, mapping, err := keysOf(m, c, args)
		if err != nil {
			return nil, err
		}
		if err := m.produce(weight * len(keys)); err != nil {
			return nil, err
		}
		list, err := m.list(len(keys))
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			list = append(list, of(key, mapping[key]))
		}
		return list, nil
	}
}

func fromPairs(m *machine, c *call, args []any) (any, error) {
	list, err := c.list(args, 0)
	if err != nil {
		return nil, err
	}
	mapping, err := m.mapping(len(list))
	if err != nil {
		return nil, err
	}
	for i, item := range list {
		pair, ok := item.([]any)
		if !ok || len(pair) != 2 {
			return nil, c.errorf("%s[%d] is not a pair like [\"key\", 1]", c.what(0), i)
		}
		key, ok := pair[0].(string)
		if !ok {
			return nil, c.errorf("the key in %s[%d] is %s where text is needed", c.what(0), i, typeName(pair[0]))
		}
		mapping[key] = pair[1]
	}
	return mapping, nil
}

func merge(m *machine, c *call, args []any) (any, error) {
	total := 0
	for i := range args {
		mapping, err := c.mapping(args, i)
		if err != nil {
			return nil, err
		}
		total += len(mapping)
	}
	merged, err := m.mapping(total)
	if err != nil {
		return nil, err
	}
	for _, mapping := range args {
		maps.Copy(merged, mapping.(map[string]any))
	}
	return merged, nil
}

// names returns an argument that must be a list of texts.
func (c *call) names(m *machine, args []any, i int) ([]string, error) {
	list, err := c.list(args, i)
	if err != nil {
		return nil, err
	}
	if err := m.spend(len(list)); err != nil {
		return nil, err
	}
	names := make([]string, len(list))
	for j, item := range list {
		name, ok := item.(string)
		if !ok {
			return nil, c.errorf("%s[%d] is %s where text is needed", c.what(i), j, typeName(item))
		}
		names[j] = name
	}
	return names, nil
}

func pick(m *machine, c *call, args []any) (any, error) {
	mapping, err := c.mapping(args, 0)
	if err != nil {
		return nil, err
	}
	names, err := c.names(m, args, 1)
	if err != nil {
		return nil, err
	}
	picked, err := m.mapping(min(len(names), len(mapping)))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if v, ok := mapping[name]; ok {
			picked[name] = v
		}
	}
	return picked, nil
}

func omit(m *machine, c *call, args []any) (any, error) {
	mapping, err := c.mapping(args, 0)
	if err != nil {
		return nil, err
	}
	names, err := c.names(m, args, 1)
	if err != nil {
		return nil, err
	}
	kept, err := m.mapping(len(mapping))
	if err != nil {
		return nil, err
	}
	maps.Copy(kept, mapping)
	for _, name := range names {
		delete(kept, name)
	}
	return kept, nil
}

var mappingFunctions = []*Function{
	{Name: "keys", Signature: "keys(mapping)", Doc: "The keys, sorted.", Example: `keys({b: 1, a: 2})`,
		Result: `["a","b"]`, minimum: 1, maximum: 1, gives: kindList,
		apply: entries(0, func(key string, _ any) any { return key })},
	{Name: "values", Signature: "values(mapping)", Doc: "The values, sorted by their keys.",
		Example: `values({b: 1, a: 2})`, Result: `[2,1]`, minimum: 1, maximum: 1, gives: kindList,
		apply: entries(0, func(_ string, v any) any { return v })},
	{Name: "toPairs", Signature: "toPairs(mapping)", Doc: "A list of [key, value], sorted by key.",
		Example: `toPairs({b: 1, a: 2})`, Result: `[["a",2],["b",1]]`, minimum: 1, maximum: 1, gives: kindList,
		apply: entries(2*elementWeight, func(key string, v any) any { return []any{key, v} })},
	{Name: "fromPairs", Signature: "fromPairs(list)", Doc: "A mapping of a list of [key, value]; of equal keys the " +
		"last one stays.", Example: `fromPairs([["a", 2]])`, Result: `{"a":2}`, minimum: 1, maximum: 1,
		gives: kindMapping, apply: fromPairs},
	{Name: "merge", Signature: "merge(mapping, mapping, …)",
		Doc: "One mapping of the entries of all; of equal keys the " +
			"last one stays. Mappings inside are not merged.", Example: `merge({a: 1, b: 1}, {b: 2})`,
		Result: `{"a":1,"b":2}`, minimum: 1, maximum: unlimited, gives: kindMapping, apply: merge},
	{Name: "pick", Signature: "pick(mapping, keys)",
		Doc: "The entries with these keys, a list of texts. A key that the " +
			"mapping does not have adds nothing.", Example: `pick({a: 1, b: 2}, ["a", "c"])`, Result: `{"a":1}`,
		minimum: 2,
		maximum: 2, gives: kindMapping, apply: pick},
	{Name: "omit", Signature: "omit(mapping, keys)", Doc: "The entries without those of these keys, a list of texts.",
		Example: `omit({a: 1, b: 2}, ["a"])`, Result: `{"b":2}`, minimum: 2, maximum: 2, gives: kindMapping,
		apply: omit},
}
