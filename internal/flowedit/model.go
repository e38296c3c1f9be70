package flowedit

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// The functions of this file change values. They copy what they change.

// tokens are those of a pointer, unescaped.
func tokens(pointer string) []string {
	if pointer == "" {
		return nil
	}
	all := strings.Split(pointer[1:], "/")
	for i := range all {
		all[i] = unescape.Replace(all[i])
	}
	return all
}

// at returns the value at a pointer; false if there is none.
func at(v any, pointer string) (any, bool) {
	for _, token := range tokens(pointer) {
		switch in := v.(type) {
		case map[string]any:
			below, ok := in[token]
			if !ok {
				return nil, false
			}
			v = below
		case []any:
			i, ok := indexIn(token, len(in))
			if !ok {
				return nil, false
			}
			v = in[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// with returns a value with another one at a pointer. Mappings that are missing, or nil, are made.
func with(v any, path []string, set any) any {
	if len(path) == 0 {
		return set
	}
	switch in := v.(type) {
	case []any:
		i, _ := strconv.Atoi(path[0])
		in = slices.Clone(in)
		if i == len(in) {
			in = append(in, nil)
		}
		in[i] = with(in[i], path[1:], set)
		return in
	case map[string]any:
		in = maps.Clone(in)
		in[path[0]] = with(in[path[0]], path[1:], set)
		return in
	default:
		return map[string]any{path[0]: with(nil, path[1:], set)}
	}
}

// without returns a value without what is at a pointer.
func without(v any, path []string) any {
	token := path[0]
	switch in := v.(type) {
	case []any:
		i, _ := strconv.Atoi(token)
		if len(path) == 1 {
			return slices.Delete(slices.Clone(in), i, i+1)
		}
		in = slices.Clone(in)
		in[i] = without(in[i], path[1:])
		return in
	default:
		mapping := maps.Clone(v.(map[string]any))
		if len(path) == 1 {
			delete(mapping, token)
		} else {
			mapping[token] = without(mapping[token], path[1:])
		}
		return mapping
	}
}

// inserted returns a value with elements in the list at a pointer.
func inserted(v any, pointer string, i int, elements []any) any {
	list, _ := at(v, pointer)
	in, _ := list.([]any)
	return with(v, tokens(pointer), slices.Insert(slices.Clone(in), i, elements...))
}
