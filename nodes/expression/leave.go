package expression

import (
	"fmt"
	"time"

	"github.com/everhook/everhook"
)

// walker makes a value canonical. It copies only what holds a time or duration.
type walker struct {
	m    *machine
	size int
}

func (w *walker) walk(v any, depth int) (walked any, changed bool, err error) {
	if depth > everhook.MaxDepth {
		return nil, false, everhook.Errorf(everhook.TypeLimit, "the value is nested deeper than %d", everhook.MaxDepth)
	}
	if err := w.m.spend(1); err != nil {
		return nil, false, err
	}
	switch v := v.(type) {
	case []any:
		return w.list(v, depth)
	case map[string]any:
		return w.mapping(v, depth)
	case string:
		return v, false, w.grow(len(v) + 2)
	case time.Time:
		return everhook.FormatTime(v), true, w.grow(elementWeight)
	case time.Duration:
		return everhook.Duration(v).String(), true, w.grow(elementWeight)
	case *time.Location:
		return nil, false, fmt.Errorf("a time zone is not a value; use it as in `date(…).In(timezone(…))`")
	default:
		return v, false, w.grow(8)
	}
}

func (w *walker) list(list []any, depth int) (any, bool, error) {
	if err := w.grow(2); err != nil {
		return nil, false, err
	}
	var copied []any
	for i, item := range list {
		walked, changed, err := w.walk(item, depth+1)
		if err != nil {
			return nil, false, err
		}
		if changed && copied == nil {
			copied = append([]any{}, list...)
		}
		if changed {
			copied[i] = walked
		}
	}
	if copied != nil {
		return copied, true, nil
	}
	return list, false, nil
}

// mapping goes through the keys in order: which of two breaches is found first must be the same on every replay.
func (w *walker) mapping(mapping map[string]any, depth int) (any, bool, error) {
	if err := w.grow(2); err != nil {
		return nil, false, err
	}
	if err := w.m.spend(4 + 4*len(mapping)); err != nil {
		return nil, false, err
	}
	var copied map[string]any
	for _, key := range everhook.SortedKeys(mapping) {
		if err := w.grow(len(key) + 4); err != nil {
			return nil, false, err
		}
		walked, changed, err := w.walk(mapping[key], depth+1)
		if err != nil {
			return nil, false, err
		}
		if changed && copied == nil {
			copied = make(map[string]any, len(mapping))
			for name, item := range mapping {
				copied[name] = item
			}
		}
		if changed {
			copied[key] = walked
		}
	}
	if copied != nil {
		return copied, true, nil
	}
	return mapping, false, nil
}

func (w *walker) grow(bytes int) error {
	if w.size += bytes; w.size > w.m.maxBytes {
		return everhook.Errorf(everhook.TypeLimit, "the value is larger than %s", everhook.Size(w.m.maxBytes))
	}
	return nil
}

// text is a value inside a longer text: nil is empty, lists and mappings are compact JSON, times RFC 3339, durations
// ISO 8601.
func (m *machine) text(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool, int, float64:
		return numberText(v), nil
	case time.Time:
		return everhook.FormatTime(v), nil
	case time.Duration:
		return everhook.Duration(v).String(), nil
	case *time.Location:
		return v.String(), nil
	default:
		return m.json(v)
	}
}

// json is compact, with sorted keys.
func (m *machine) json(v any) (string, error) {
	w := walker{m: m}
	walked, _, err := w.walk(v, 0)
	if err != nil {
		return "", err
	}
	if err := m.produce(w.size); err != nil {
		return "", err
	}
	if err := m.read(w.size); err != nil {
		return "", err
	}
	data, err := everhook.EncodeJSON(walked)
	if err != nil {
		return "", err
	}
	// Characters that JSON escapes take up to six times their size.
	return string(data), m.produce(max(0, len(data)-w.size))
}
