package jmespath

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/everhook/everhook"
)

// The functions on numbers, lists and mappings. None changes its arguments.

func abs(_ *evaluation, arguments []any) (any, error) {
	if compare(arguments[0], 0) < 0 {
		return negative(arguments[0]), nil
	}
	return arguments[0], nil
}

func rounding(round func(float64) float64) func(*evaluation, []any) (any, error) {
	return func(_ *evaluation, arguments []any) (any, error) {
		if n, ok := arguments[0].(int); ok {
			return n, nil
		}
		return round(arguments[0].(float64)), nil
	}
}

func sum(_ *evaluation, arguments []any) (any, error) {
	total := any(0)
	for _, item := range arguments[0].([]any) {
		total = add(total, item)
	}
	return total, nil
}

func average(e *evaluation, arguments []any) (any, error) {
	list := arguments[0].([]any)
	if len(list) == 0 {
		return nil, nil
	}
	total, err := sum(e, arguments)
	if err != nil {
		return nil, err
	}
	return float(total) / float64(len(list)), nil
}

func length(_ *evaluation, arguments []any) (any, error) {
	switch v := arguments[0].(type) {
	case string:
		return utf8.RuneCountInString(v), nil
	case []any:
		return len(v), nil
	default:
		return len(v.(map[string]any)), nil
	}
}

func contains(_ *evaluation, arguments []any) (any, error) {
	if list, ok := arguments[0].([]any); ok {
		return slices.ContainsFunc(list, func(item any) bool { return everhook.Equal(item, arguments[1]) }), nil
	}
	part, ok := arguments[1].(string)
	return ok && strings.Contains(arguments[0].(string), part), nil
}

func reverse(_ *evaluation, arguments []any) (any, error) {
	if text, ok := arguments[0].(string); ok {
		characters := []rune(text)
		slices.Reverse(characters)
		return string(characters), nil
	}
	list := slices.Clone(arguments[0].([]any))
	slices.Reverse(list)
	return list, nil
}

func toList(_ *evaluation, arguments []any) (any, error) {
	if list, ok := arguments[0].([]any); ok {
		return list, nil
	}
	return []any{arguments[0]}, nil
}

func notNull(_ *evaluation, arguments []any) (any, error) {
	for _, argument := range arguments {
		if argument != nil {
			return argument, nil
		}
	}
	return nil, nil
}

func mapped(_ *evaluation, arguments []any) (any, error) {
	return each(arguments[1].([]any), arguments[0].(evaluator))
}

// each evaluates an expression on each element.
func each(list []any, evaluate evaluator) ([]any, error) {
	results := make([]any, len(list))
	for i, item := range list {
		var err error
		if results[i], err = evaluate(item); err != nil {
			return nil, err
		}
	}
	return results, nil
}

// sortKeys evaluates an expression on each element. All results are numbers, or all are texts.
func sortKeys(name string, list []any, evaluate evaluator) ([]any, error) {
	results, err := each(list, evaluate)
	if err != nil {
		return nil, err
	}
	if !all(results, numberType) && !all(results, textType) {
		return nil, fmt.Errorf("the expression of %s must give a number for each element, or a text for each", name)
	}
	return results, nil
}

// extreme makes max (1) and min (-1).
func extreme(sign int) func(*evaluation, []any) (any, error) {
	return func(_ *evaluation, arguments []any) (any, error) {
		list := arguments[0].([]any)
		return elementAt(list, list, sign), nil
	}
}

// extremeBy makes max_by and min_by.
func extremeBy(name string, sign int) func(*evaluation, []any) (any, error) {
	return func(_ *evaluation, arguments []any) (any, error) {
		list := arguments[0].([]any)
		sortKeys, err := sortKeys(name, list, arguments[1].(evaluator))
		if err != nil {
			return nil, err
		}
		return elementAt(list, sortKeys, sign), nil
	}
}

// elementAt is the first element with the greatest or the least sort key.
func elementAt(list, sortKeys []any, sign int) any {
	if len(list) == 0 {
		return nil
	}
	best := 0
	for i := range list {
		if compare(sortKeys[i], sortKeys[best])*sign > 0 {
			best = i
		}
	}
	return list[best]
}

func sorted(_ *evaluation, arguments []any) (any, error) {
	list := slices.Clone(arguments[0].([]any))
	slices.SortStableFunc(list, compare)
	return list, nil
}

func sortBy(_ *evaluation, arguments []any) (any, error) {
	list := arguments[0].([]any)
	sortKeys, err := sortKeys("sort_by", list, arguments[1].(evaluator))
	if err != nil {
		return nil, err
	}
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return compare(sortKeys[i], sortKeys[j]) })
	ordered := make([]any, len(list))
	for i, from := range order {
		ordered[i] = list[from]
	}
	return ordered, nil
}

func groupBy(_ *evaluation, arguments []any) (any, error) {
	list := arguments[0].([]any)
	if len(list) == 0 {
		return nil, nil
	}
	names, err := each(list, arguments[1].(evaluator))
	if err != nil {
		return nil, err
	}
	groups := map[string]any{}
	for i, item := range list {
		name, ok := names[i].(string)
		if !ok {
			return nil, fmt.Errorf("the expression of group_by must give a text for each element, and gives %s",
				everhook.TypeName(names[i]))
		}
		group, _ := groups[name].([]any)
		groups[name] = append(group, item)
	}
	return groups, nil
}

func keys(_ *evaluation, arguments []any) (any, error) {
	keys := []any{}
	for _, key := range everhook.SortedKeys(arguments[0].(map[string]any)) {
		keys = append(keys, key)
	}
	return keys, nil
}

func values(_ *evaluation, arguments []any) (any, error) {
	return sortedValues(arguments[0].(map[string]any)), nil
}

func items(_ *evaluation, arguments []any) (any, error) {
	mapping := arguments[0].(map[string]any)
	items := []any{}
	for _, key := range everhook.SortedKeys(mapping) {
		items = append(items, []any{key, mapping[key]})
	}
	return items, nil
}

func fromItems(_ *evaluation, arguments []any) (any, error) {
	mapping := map[string]any{}
	for _, item := range arguments[0].([]any) {
		pair := item.([]any)
		if len(pair) != 2 || !textType.has(pair[0]) {
			return nil, fmt.Errorf("each element of the list for from_items must be a list of a text and a value")
		}
		mapping[pair[0].(string)] = pair[1]
	}
	return mapping, nil
}

func merge(_ *evaluation, arguments []any) (any, error) {
	merged := map[string]any{}
	for _, argument := range arguments {
		for key, v := range argument.(map[string]any) {
			merged[key] = v
		}
	}
	return merged, nil
}

// zip makes a list of the first elements of its lists, of the second ones, and so on to the end of the shortest.
func zip(e *evaluation, arguments []any) (any, error) {
	shortest := math.MaxInt
	for _, argument := range arguments {
		shortest = min(shortest, len(argument.([]any)))
	}
	if err := e.step(shortest * len(arguments)); err != nil {
		return nil, err
	}
	rows := make([]any, shortest)
	for i := range rows {
		row := make([]any, len(arguments))
		for n, argument := range arguments {
			row[n] = argument.([]any)[i]
		}
		rows[i] = row
	}
	return rows, nil
}
