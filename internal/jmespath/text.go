package jmespath

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/everhook/everhook"
)

// The functions on texts. Positions and lengths count characters.

func ofTexts(is func(text, part string) bool) func(*evaluation, []any) (any, error) {
	return func(_ *evaluation, arguments []any) (any, error) {
		return is(arguments[0].(string), arguments[1].(string)), nil
	}
}

func changing(change func(string) string) func(*evaluation, []any) (any, error) {
	return func(_ *evaluation, arguments []any) (any, error) { return change(arguments[0].(string)), nil }
}

// finding makes find_first and find_last: the position of a part of a text between two positions.
func finding(name string, find func(text, part string) int) func(*evaluation, []any) (any, error) {
	return func(_ *evaluation, arguments []any) (any, error) {
		characters, part := []rune(arguments[0].(string)), arguments[1].(string)
		if len(characters) == 0 || part == "" {
			return nil, nil
		}
		limits := []int{0, len(characters)}
		for i, argument := range arguments[2:] {
			n, ok := integer(argument)
			if !ok {
				return nil, fmt.Errorf("argument %d of %s must be a whole number", i+3, name)
			}
			limits[i] = max(0, min(n, len(characters)))
		}
		if limits[0] > limits[1] {
			return nil, nil
		}
		text := string(characters[limits[0]:limits[1]])
		at := find(text, part)
		if at < 0 {
			return nil, nil
		}
		return limits[0] + utf8.RuneCountInString(text[:at]), nil
	}
}

func join(_ *evaluation, arguments []any) (any, error) {
	list := arguments[1].([]any)
	parts := make([]string, len(list))
	for i, item := range list {
		parts[i] = item.(string)
	}
	return strings.Join(parts, arguments[0].(string)), nil
}

// padding makes pad_left and pad_right.
func padding(name string, left bool) func(*evaluation, []any) (any, error) {
	return func(_ *evaluation, arguments []any) (any, error) {
		text, with := arguments[0].(string), " "
		width, err := count(name, arguments, 1)
		if err != nil {
			return nil, err
		}
		if len(arguments) > 2 {
			with = arguments[2].(string)
		}
		if utf8.RuneCountInString(with) != 1 {
			return nil, fmt.Errorf("argument 3 of %s must be one character", name)
		}
		pad := strings.Repeat(with, max(0, width-utf8.RuneCountInString(text)))
		if left {
			return pad + text, nil
		}
		return text + pad, nil
	}
}

// count gives an argument that must be a whole number from 0.
func count(name string, arguments []any, i int) (int, error) {
	n, ok := integer(arguments[i])
	if !ok || n < 0 {
		return 0, fmt.Errorf("argument %d of %s must be a whole number, 0 or more", i+1, name)
	}
	return n, nil
}

func replace(_ *evaluation, arguments []any) (any, error) {
	times := -1
	if len(arguments) > 3 {
		var err error
		if times, err = count("replace", arguments, 3); err != nil {
			return nil, err
		}
	}
	return strings.Replace(arguments[0].(string), arguments[1].(string), arguments[2].(string), times), nil
}

func split(_ *evaluation, arguments []any) (any, error) {
	text := arguments[0].(string)
	parts := []any{}
	if text == "" {
		return parts, nil
	}
	most := -1
	if len(arguments) > 2 {
		times, err := count("split", arguments, 2)
		if err != nil {
			return nil, err
		}
		most = min(times, len(text)) + 1
	}
	for _, part := range strings.SplitN(text, arguments[1].(string), most) {
		parts = append(parts, part)
	}
	return parts, nil
}

// trimming makes the trim functions: of space, or of the characters of their second argument.
func trimming(trim func(text string, off func(rune) bool) string) func(*evaluation, []any) (any, error) {
	return func(_ *evaluation, arguments []any) (any, error) {
		off := unicode.IsSpace
		if len(arguments) > 1 && arguments[1] != "" {
			off = func(c rune) bool { return strings.ContainsRune(arguments[1].(string), c) }
		}
		return trim(arguments[0].(string), off), nil
	}
}

// toNumber reads a text that is a number of JSON.
func toNumber(_ *evaluation, arguments []any) (any, error) {
	text, ok := arguments[0].(string)
	if !ok {
		if isNumber(arguments[0]) {
			return arguments[0], nil
		}
		return nil, nil
	}
	if v, err := everhook.ParseJSON([]byte(text)); err == nil && isNumber(v) && strings.TrimSpace(text) == text {
		return v, nil
	}
	return nil, nil
}

// toText gives a text as it is, everything else as JSON.
func toText(_ *evaluation, arguments []any) (any, error) {
	if text, ok := arguments[0].(string); ok {
		return text, nil
	}
	data, err := everhook.EncodeJSON(arguments[0])
	return string(data), err
}

func typeOf(_ *evaluation, arguments []any) (any, error) {
	switch arguments[0].(type) {
	case nil:
		return "null", nil
	case bool:
		return "boolean", nil
	case string:
		return "string", nil
	case []any:
		return "array", nil
	case map[string]any:
		return "object", nil
	default:
		return "number", nil
	}
}
