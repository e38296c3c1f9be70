package query

import (
	"github.com/everhook/everhook"
)

// Leave makes the result of a query canonical. It refuses a result of more than limit bytes of JSON: a query can repeat
// a part of its input very often.
func Leave(v any, limit int) (any, error) {
	l := leaver{limit: limit, left: limit}
	return l.value(v, 0)
}

type leaver struct{ limit, left int }

func (l *leaver) spend(size int) error {
	if l.left -= size; l.left < 0 {
		return everhook.Errorf(everhook.TypeLimit, "the result of the query is larger than %s; select less",
			everhook.Size(l.limit))
	}
	return nil
}

func (l *leaver) value(v any, depth int) (any, error) {
	if depth > everhook.MaxDepth {
		return nil, everhook.Errorf(everhook.TypeLimit, "the result of the query is nested deeper than %d",
			everhook.MaxDepth)
	}
	switch v := v.(type) {
	case []any:
		return l.list(v, depth)
	case map[string]any:
		return l.mapping(v, depth)
	case string:
		return v, l.spend(len(v) + 3)
	case float64:
		if err := l.spend(8); err != nil {
			return nil, err
		}
		number, err := everhook.CanonicalFloat(v)
		if err != nil {
			return nil, everhook.Errorf(everhook.TypeQuery, "the query gives %v", err)
		}
		return number, nil
	case nil, bool, int:
		return v, l.spend(8)
	default:
		return nil, everhook.Errorf(everhook.TypeQuery, "the query gives a %T, which is not data", v)
	}
}

func (l *leaver) list(list []any, depth int) (any, error) {
	if err := l.spend(3); err != nil {
		return nil, err
	}
	left := make([]any, 0, min(len(list), l.left))
	for _, item := range list {
		v, err := l.value(item, depth+1)
		if err != nil {
			return nil, err
		}
		left = append(left, v)
	}
	return left, nil
}

func (l *leaver) mapping(mapping map[string]any, depth int) (any, error) {
	if err := l.spend(3); err != nil {
		return nil, err
	}
	left := make(map[string]any, min(len(mapping), l.left))
	for _, key := range everhook.SortedKeys(mapping) {
		if err := l.spend(len(key) + 4); err != nil {
			return nil, err
		}
		v, err := l.value(mapping[key], depth+1)
		if err != nil {
			return nil, err
		}
		left[key] = v
	}
	return left, nil
}
