package deliverylog

import (
	"strings"
	"unicode/utf8"

	"github.com/everhook/everhook"
)

// FieldsOf returns the values at the paths, each in the body or in the whole of a delivery ("query.customer",
// "headers.x-shop"). A list has the values of its first elements. Mappings and nil have none.
func FieldsOf(paths []everhook.Path, headers, query everhook.Mapping, body any) []Field {
	if len(paths) == 0 {
		return nil
	}
	whole := map[string]any{"headers": map[string]any(headers), "query": map[string]any(query), "body": body}
	var fields []Field
	for _, path := range paths {
		found, ok := path.Get(body)
		if !ok {
			found, ok = path.Get(whole)
		}
		if ok {
			fields = appendValues(fields, path.String(), found, MaxValues)
		}
	}
	return fields
}

// appendValues appends at most so many values.
func appendValues(fields []Field, name string, value any, most int) []Field {
	switch value := value.(type) {
	case nil, map[string]any, everhook.Mapping:
	case []any:
		for _, element := range value[:min(len(value), most)] {
			if _, isList := element.([]any); !isList {
				fields = appendValues(fields, name, element, 1)
			}
		}
	case string:
		fields = append(fields, Field{name, cut(value)})
	default:
		if text, err := everhook.EncodeJSON(value); err == nil {
			fields = append(fields, Field{name, cut(string(text))})
		}
	}
	return fields
}

// cut is a text that can be a value: valid, without NUL, and not too long.
func cut(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	if len(text) <= MaxValue {
		return text
	}
	end := MaxValue
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
