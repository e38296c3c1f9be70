package query

import (
	"reflect"
	"slices"
	"strings"

	"github.com/jmespath-community/go-jmespath/pkg/functions"

	"github.com/everhook/everhook"
)

// jmesPathFunctions are the library's functions, some of them replaced: the members of a mapping come in the order of
// their names, and no argument is changed.
func jmesPathFunctions() map[string]functions.FunctionEntry {
	table := map[string]functions.FunctionEntry{}
	for _, entry := range functions.GetDefaultFunctions() {
		table[entry.Name] = entry
	}
	replace := func(name string, handler func(original functions.JpFunction, arguments []any) (any, error)) {
		entry := table[name]
		original := entry.Handler
		entry.Handler = func(arguments []any) (any, error) { return handler(original, arguments) }
		table[name] = entry
	}
	replace("sort_by", func(original functions.JpFunction, arguments []any) (any, error) {
		return original([]any{slices.Clone(arguments[0].([]any)), arguments[1]})
	})
	replace("keys", func(_ functions.JpFunction, arguments []any) (any, error) {
		keys := []any{}
		for _, key := range everhook.SortedKeys(arguments[0].(map[string]any)) {
			keys = append(keys, key)
		}
		return keys, nil
	})
	replace("values", func(_ functions.JpFunction, arguments []any) (any, error) {
		return values(arguments[0].(map[string]any)), nil
	})
	replace("items", func(_ functions.JpFunction, arguments []any) (any, error) {
		mapping := arguments[0].(map[string]any)
		items := []any{}
		for _, key := range everhook.SortedKeys(mapping) {
			items = append(items, []any{key, mapping[key]})
		}
		return items, nil
	})
	// The library's panics for elements that are mappings or lists.
	replace("contains", func(original functions.JpFunction, arguments []any) (any, error) {
		list, ok := arguments[0].([]any)
		if !ok {
			return original(arguments)
		}
		return slices.ContainsFunc(list, func(item any) bool { return reflect.DeepEqual(item, arguments[1]) }), nil
	})
	return table
}

// values are those of a mapping in the order of their names.
func values(mapping map[string]any) []any {
	list := make([]any, 0, len(mapping))
	for _, key := range everhook.SortedKeys(mapping) {
		list = append(list, mapping[key])
	}
	return list
}

// charge counts what a function reads, and refuses calls that would make far more than they are given. Without a name
// it is for a result.
func (i *interpreter) charge(name string, arguments []any) error {
	size := 0
	for _, argument := range arguments {
		switch argument := argument.(type) {
		case string:
			size += len(argument) / 16
		case []any:
			size += len(argument)
		case map[string]any:
			size += len(argument)
		}
	}
	if err := i.step(size); err != nil {
		return err
	}
	switch name {
	case "":
		if text, ok := arguments[0].(string); ok && len(text) > maxWork {
			return tooLong()
		}
	case "to_string", "contains":
		return i.deep(arguments)
	case "join", "replace", "pad_left", "pad_right":
		if made(name, arguments) > maxWork {
			return tooLong()
		}
	case "split":
		if parts(arguments)*bytesOfPart > maxWork {
			return everhook.Errorf(everhook.TypeLimit,
				"the query splits a text into more than %d parts; query less data", maxWork/bytesOfPart)
		}
	}
	return nil
}

// bytesOfPart is what a part of a text takes in a list.
const bytesOfPart = 32

// parts is how many split makes at most.
func parts(arguments []any) int {
	text, _ := arguments[0].(string)
	if len(arguments) < 2 {
		return 0
	}
	separator, _ := arguments[1].(string)
	return strings.Count(text, separator) + 1
}

func tooLong() error {
	return everhook.Errorf(everhook.TypeLimit, "the query makes a text longer than %s", everhook.Size(maxWork))
}

// made is about how long a text a function makes; 0 where its arguments have not its types, which it will say itself.
func made(name string, arguments []any) float64 {
	text := func(n int) string {
		if n >= len(arguments) {
			return ""
		}
		text, _ := arguments[n].(string)
		return text
	}
	switch name {
	case "join":
		if len(arguments) < 2 {
			return 0
		}
		list, _ := arguments[1].([]any)
		total := float64(len(text(0))) * float64(len(list))
		for _, item := range list {
			part, _ := item.(string)
			total += float64(len(part))
		}
		return total
	case "replace":
		return float64(len(text(0))) + float64(strings.Count(text(0), text(1)))*float64(len(text(2)))
	default:
		if len(arguments) < 2 {
			return 0
		}
		width, _ := arguments[1].(float64)
		return width
	}
}
