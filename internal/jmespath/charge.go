package jmespath

import (
	"strings"

	"github.com/everhook/everhook"
)

// charge counts the input of a function, and refuses calls whose result would be far larger than their arguments. For
// the result of a function, the name is empty.
func (e *evaluation) charge(name string, arguments []any) error {
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
	if err := e.step(size); err != nil {
		return err
	}
	switch name {
	case "":
		if text, ok := arguments[0].(string); ok && len(text) > maxWork {
			return tooLong()
		}
	case "to_string", "contains":
		return e.deep(arguments...)
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

// bytesOfPart is the memory that a part of a text takes in a list.
const bytesOfPart = 32

// parts returns the greatest number of parts that split can make.
func parts(arguments []any) int {
	return strings.Count(arguments[0].(string), arguments[1].(string)) + 1
}

func tooLong() error {
	return everhook.Errorf(everhook.TypeLimit, "the query makes a text longer than %s", everhook.Size(maxWork))
}

// made returns the approximate length of the text that a function makes.
func made(name string, arguments []any) float64 {
	text := func(i int) string { return arguments[i].(string) }
	switch name {
	case "join":
		list := arguments[1].([]any)
		total := float64(len(text(0))) * float64(len(list))
		for _, item := range list {
			total += float64(len(item.(string)))
		}
		return total
	case "replace":
		return float64(len(text(0))) + float64(strings.Count(text(0), text(1)))*float64(len(text(2)))
	default:
		return 4 * float(arguments[1]) // a character has four bytes at most
	}
}
