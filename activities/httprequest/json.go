package httprequest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/everhook/everhook"
)

// readJSON reads a body of JSON. White space alone is nil. JSON that everhook.ParseJSON refuses is an error with its
// line and column, or is read like browsers do if lenient; note then says what is special about it. More than maxValues
// values are an *everhook.ValuesError.
func readJSON(data []byte, lenient bool, maxValues int) (v any, note string, err error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, "", nil
	}
	v, err = everhook.ParseJSONWithin(data, maxValues)
	if _, tooMany := errors.AsType[*everhook.ValuesError](err); err == nil || tooMany {
		return v, "", err
	}
	if mayHold(data) > maxValues {
		return nil, "", &everhook.ValuesError{Max: maxValues}
	}
	v, lenientErr := browserJSON(data)
	switch {
	case lenientErr != nil:
		return nil, "", fmt.Errorf("its JSON has an error at %w", err)
	case lenient:
		return v, fmt.Sprintf("the JSON of the answer was read leniently: %v", err), nil
	default:
		return nil, "", fmt.Errorf("its JSON has an error at %w; set `lenient: true` to read it as browsers do", err)
	}
}

// mayHold gives a number of values that a text of JSON does not exceed, for one that is not parsed: each value follows
// a comma or the beginning of a list or mapping.
func mayHold(data []byte) int {
	count, inText := 1, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case !inText && (c == ',' || c == '[' || c == '{'):
			count++
		}
	}
	return count
}

// browserJSON reads JSON as browsers do: of equal keys the last one counts, and bytes that are not UTF-8 become U+FFFD.
// But a number that no value can hold becomes text, so that no digit is lost.
func browserJSON(data []byte) (any, error) {
	text := strings.ToValidUTF8(string(data), "\ufffd")
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return nil, err
	}
	if strings.TrimSpace(text[decoder.InputOffset():]) != "" {
		return nil, errors.New("more data after the JSON value")
	}
	return numbered(v, 0)
}

// numbered replaces the numbers of a decoded value.
func numbered(v any, depth int) (any, error) {
	switch v := v.(type) {
	case json.Number:
		if n, err := everhook.ParseNumber(string(v)); err == nil {
			return n, nil
		}
		return string(v), nil
	case []any:
		if depth >= everhook.MaxDepth {
			return nil, fmt.Errorf("nested deeper than %d", everhook.MaxDepth)
		}
		for i, item := range v {
			read, err := numbered(item, depth+1)
			if err != nil {
				return nil, err
			}
			v[i] = read
		}
		return v, nil
	case map[string]any:
		if depth >= everhook.MaxDepth {
			return nil, fmt.Errorf("nested deeper than %d", everhook.MaxDepth)
		}
		for _, key := range everhook.SortedKeys(v) {
			read, err := numbered(v[key], depth+1)
			if err != nil {
				return nil, err
			}
			v[key] = read
		}
		return v, nil
	default:
		return v, nil
	}
}
