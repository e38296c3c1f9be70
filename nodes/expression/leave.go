package expression

import (
	"fmt"
	"strings"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/everhook/everhook"
)

// walker makes a value canonical. It copies only lists and mappings that contain a time, duration or decimal.
type walker struct {
	m *machine
	// size is the approximate number of bytes of the value as JSON.
	size int
	// asJSON means that the value will be encoded, so extra counts the bytes by which escapes and long numbers may
	// exceed size.
	asJSON bool
	extra  int
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
		w.escape(v)
		return v, false, w.grow(len(v) + 2)
	case int, float64:
		w.extra += maxNumber - 8
		return v, false, w.grow(8)
	case time.Time:
		return everhook.FormatTime(v), true, w.grow(elementWeight)
	case time.Duration:
		return everhook.Duration(v).String(), true, w.grow(elementWeight)
	case *apd.Decimal:
		text := decimalText(v)
		return text, true, w.grow(len(text) + 2)
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

// mapping visits the keys in order: of two breaches, every replay must find the same one first.
func (w *walker) mapping(mapping map[string]any, depth int) (any, bool, error) {
	if err := w.grow(2); err != nil {
		return nil, false, err
	}
	if err := w.m.spend(4 + 4*len(mapping)); err != nil {
		return nil, false, err
	}
	var copied map[string]any
	for _, key := range everhook.SortedKeys(mapping) {
		w.escape(key)
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

// maxNumber is the longest text of a number, in bytes.
const maxNumber = 25

// escape counts the bytes that escapes may add to a text in JSON: a control character of one byte becomes six.
func (w *walker) escape(text string) {
	if !w.asJSON {
		return
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' {
			w.extra += 5
		}
	}
	w.extra += 3 * (strings.Count(text, "\u2028") + strings.Count(text, "\u2029"))
}

func (w *walker) grow(bytes int) error {
	if w.size += bytes; w.size > w.m.maxBytes {
		return everhook.Errorf(everhook.TypeLimit, "the value is larger than %s", everhook.Size(w.m.maxBytes))
	}
	return nil
}

// text returns a value as a part of a longer text: nil is empty, lists and mappings are compact JSON, times RFC 3339,
// durations ISO 8601.
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
	case *apd.Decimal:
		return decimalText(v), nil
	case *time.Location:
		return v.String(), nil
	default:
		return m.json(v)
	}
}

// json returns the value as compact JSON with sorted keys. It charges the sizes in the value before it encodes.
func (m *machine) json(v any) (string, error) {
	w := walker{m: m, asJSON: true}
	walked, _, err := w.walk(v, 0)
	if err != nil {
		return "", err
	}
	if err := m.produce(w.size + w.extra); err != nil {
		return "", err
	}
	if err := m.read(w.size); err != nil {
		return "", err
	}
	data, err := everhook.EncodeJSON(walked)
	return string(data), err
}
