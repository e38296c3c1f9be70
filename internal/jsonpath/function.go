package jsonpath

import "unicode/utf8"

// declared is the type of an argument or a result (RFC 9535, 2.4.1).
type declared int

const (
	valueType declared = iota
	logicalType
	nodesType
)

// function is one of the function extensions that every implementation has (RFC 9535, 2.4.4 to 2.4.8).
type function struct {
	takes []declared
	gives declared
	// call gets one argument for each type: a value, or a query for nodesType.
	call func(e *evaluation, current any, args []value) (any, bool)
}

var functions = map[string]function{
	"length": {[]declared{valueType}, valueType, length},
	"count":  {[]declared{nodesType}, valueType, count},
	"value":  {[]declared{nodesType}, valueType, valueOf},
	"match":  {[]declared{valueType, valueType}, logicalType, match},
	"search": {[]declared{valueType, valueType}, logicalType, search},
}

// call is a call of a function with well-typed arguments.
type call struct {
	function
	args []value
}

func (c call) value(e *evaluation, current any) (any, bool) { return c.call(e, current, c.args) }

// holds is for functions that return a logical.
func (c call) holds(e *evaluation, current any) bool {
	is, _ := c.call(e, current, c.args)
	return is == true
}

func length(e *evaluation, current any, args []value) (any, bool) {
	v, _ := args[0].value(e, current)
	switch v := v.(type) {
	case string:
		return utf8.RuneCountInString(v), true
	case []any:
		return len(v), true
	case map[string]any:
		return len(v), true
	}
	return nil, false
}

func count(e *evaluation, current any, args []value) (any, bool) {
	return len(args[0].(query).nodes(e, current)), true
}

// valueOf returns the value of the only node, as every query does.
func valueOf(e *evaluation, current any, args []value) (any, bool) {
	return args[0].value(e, current)
}

func match(e *evaluation, current any, args []value) (any, bool) {
	return e.matches(current, args, true), true
}

func search(e *evaluation, current any, args []value) (any, bool) {
	return e.matches(current, args, false), true
}

// matches is false for values other than text, and for invalid regular expressions.
func (e *evaluation) matches(current any, args []value, whole bool) bool {
	subject, _ := args[0].value(e, current)
	expression, _ := args[1].value(e, current)
	text, isText := subject.(string)
	source, isPattern := expression.(string)
	return isText && isPattern && e.matched(e.regexp(source, whole), text)
}
