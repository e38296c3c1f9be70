package jmespath

import "github.com/everhook/everhook"

// projected is the source of the elements of a projection.
type projected int

const (
	elements  projected = iota // [*]
	members                    // *
	flattened                  // []
	filtered                   // [?…]
	sliced                     // [1:2]
)

// projection evaluates its right side on each element of its left side, and leaves out what is nil.
type projection struct {
	left, right node
	of          projected
	// condition is that of filtered.
	condition node
}

func (n projection) eval(e *evaluation, v any, bound *variables) (any, error) {
	left, err := n.left.eval(e, v, bound)
	if err != nil {
		return nil, err
	}
	if text, ok := left.(string); ok && n.of == sliced {
		return text, e.step(1)
	}
	list, err := n.elements(e, left)
	if list == nil || err != nil {
		return nil, err
	}
	collected := []any{}
	for _, item := range list {
		if n.of == filtered {
			holds, err := n.condition.eval(e, item, bound)
			if err != nil {
				return nil, err
			}
			if isFalse(holds) {
				continue
			}
		}
		found, err := n.right.eval(e, item, bound)
		if err != nil {
			return nil, err
		}
		if found != nil {
			collected = append(collected, found)
		}
	}
	return collected, nil
}

// elements returns the elements to visit; nil if the value has none of that sort.
func (n projection) elements(e *evaluation, v any) ([]any, error) {
	if err := e.step(1); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case map[string]any:
		if n.of == members {
			return sortedValues(v), e.step(len(v))
		}
	case []any:
		switch n.of {
		case members:
			return nil, nil
		case flattened:
			return flatten(e, v)
		default:
			return v, nil
		}
	}
	return nil, nil
}

// flatten replaces lists within a list by their elements, one level deep.
func flatten(e *evaluation, list []any) ([]any, error) {
	flat := []any{}
	for _, item := range list {
		inner, ok := item.([]any)
		if !ok {
			inner = []any{item}
		}
		if err := e.step(1 + len(inner)); err != nil {
			return nil, err
		}
		flat = append(flat, inner...)
	}
	return flat, nil
}

// sortedValues are the values of a mapping in the order of their names.
func sortedValues(mapping map[string]any) []any {
	values := make([]any, 0, len(mapping))
	for _, name := range everhook.SortedKeys(mapping) {
		values = append(values, mapping[name])
	}
	return values
}
