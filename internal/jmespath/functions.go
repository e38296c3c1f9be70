package jmespath

import (
	"fmt"
	"math"
	"strings"

	"github.com/everhook/everhook"
)

// types is the set of types of an argument.
type types int

const (
	numberType types = 1 << iota
	textType
	listType
	mappingType
	// numbersType, textsType and listsType are lists of one type of elements.
	numbersType
	textsType
	listsType
	// reference is an expression, which the function evaluates.
	reference
	anyType
)

// names are the names of the types in messages.
var names = []struct {
	types
	name string
}{
	{numberType, "a number"}, {textType, "a text"}, {listType, "a list"}, {mappingType, "a mapping"},
	{numbersType, "a list of numbers"}, {textsType, "a list of texts"}, {listsType, "a list of lists"},
	{reference, "an expression, such as &name"}, {anyType, "a value, not an expression"},
}

func (t types) String() string {
	var words []string
	for _, one := range names {
		if t&one.types != 0 {
			words = append(words, one.name)
		}
	}
	return strings.Join(words, " or ")
}

// has reports whether a value is of one of the types.
func (t types) has(v any) bool {
	if t&anyType != 0 {
		return true
	}
	switch v := v.(type) {
	case int, float64:
		return t&numberType != 0
	case string:
		return t&textType != 0
	case map[string]any:
		return t&mappingType != 0
	case []any:
		return t&listType != 0 || t&numbersType != 0 && all(v, numberType) || t&textsType != 0 && all(v, textType) ||
			t&listsType != 0 && all(v, listType)
	case evaluator:
		return t&reference != 0
	default:
		return false
	}
}

func all(list []any, of types) bool {
	for _, item := range list {
		if !of.has(item) {
			return false
		}
	}
	return true
}

// evaluator is the value of an argument that is an expression. It evaluates it on a value.
type evaluator func(v any) (any, error)

// function is a function of JMESPath.
type function struct {
	// arguments are the types of its arguments. Those after the first least ones can be left out.
	arguments []types
	least     int
	// variadic functions take their last argument any number of times.
	variadic bool
	// call gets arguments of these types.
	call func(e *evaluation, arguments []any) (any, error)
}

// takes returns the types of an argument by its index; 0 for a superfluous one.
func (f function) takes(i int) types {
	switch {
	case i < len(f.arguments):
		return f.arguments[i]
	case f.variadic:
		return f.arguments[len(f.arguments)-1]
	default:
		return 0
	}
}

// checkCount says how many arguments the function takes; it is empty if the count is right.
func (f function) checkCount(count int) string {
	most := len(f.arguments)
	switch {
	case count >= f.least && (count <= most || f.variadic):
		return ""
	case f.variadic:
		return fmt.Sprintf("at least %s", argumentCount(f.least))
	case f.least < most:
		return fmt.Sprintf("%d to %s", f.least, argumentCount(most))
	default:
		return argumentCount(most)
	}
}

func argumentCount(n int) string {
	if n == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", n)
}

// call is a call of a function. The parser has checked the number of arguments, and which of them are expressions.
type call struct {
	name string
	function
	arguments []node
}

func (n call) eval(e *evaluation, v any, bound *variables) (any, error) {
	arguments := make([]any, len(n.arguments))
	for i, argument := range n.arguments {
		takes := n.takes(i)
		if takes == reference {
			arguments[i] = evaluator(func(item any) (any, error) { return argument.eval(e, item, bound) })
			continue
		}
		var err error
		if arguments[i], err = argument.eval(e, v, bound); err != nil {
			return nil, err
		}
		if !takes.has(arguments[i]) {
			return nil, fmt.Errorf("argument %d of %s must be %s, and is %s", i+1, n.name, takes,
				everhook.TypeName(arguments[i]))
		}
	}
	if err := e.charge(n.name, arguments); err != nil {
		return nil, err
	}
	result, err := n.call(e, arguments)
	if err != nil {
		return nil, err
	}
	return result, e.charge("", []any{result})
}

// functions are those of the specification, by name.
var functions = map[string]function{
	"abs":        {[]types{numberType}, 1, false, abs},
	"avg":        {[]types{numbersType}, 1, false, average},
	"ceil":       {[]types{numberType}, 1, false, rounding(math.Ceil)},
	"contains":   {[]types{listType | textType, anyType}, 2, false, contains},
	"ends_with":  {[]types{textType, textType}, 2, false, ofTexts(strings.HasSuffix)},
	"find_first": {[]types{textType, textType, numberType, numberType}, 2, false, finding("find_first", strings.Index)},
	"find_last": {[]types{textType, textType, numberType, numberType}, 2, false,
		finding("find_last", strings.LastIndex)},
	"floor":       {[]types{numberType}, 1, false, rounding(math.Floor)},
	"from_items":  {[]types{listsType}, 1, false, fromItems},
	"group_by":    {[]types{listType, reference}, 2, false, groupBy},
	"items":       {[]types{mappingType}, 1, false, items},
	"join":        {[]types{textType, textsType}, 2, false, join},
	"keys":        {[]types{mappingType}, 1, false, keys},
	"length":      {[]types{textType | listType | mappingType}, 1, false, length},
	"lower":       {[]types{textType}, 1, false, changing(strings.ToLower)},
	"map":         {[]types{reference, listType}, 2, false, mapped},
	"max":         {[]types{numbersType | textsType}, 1, false, extreme(1)},
	"max_by":      {[]types{listType, reference}, 2, false, extremeBy("max_by", 1)},
	"merge":       {[]types{mappingType}, 1, true, merge},
	"min":         {[]types{numbersType | textsType}, 1, false, extreme(-1)},
	"min_by":      {[]types{listType, reference}, 2, false, extremeBy("min_by", -1)},
	"not_null":    {[]types{anyType}, 1, true, notNull},
	"pad_left":    {[]types{textType, numberType, textType}, 2, false, padding("pad_left", true)},
	"pad_right":   {[]types{textType, numberType, textType}, 2, false, padding("pad_right", false)},
	"replace":     {[]types{textType, textType, textType, numberType}, 3, false, replace},
	"reverse":     {[]types{listType | textType}, 1, false, reverse},
	"sort":        {[]types{textsType | numbersType}, 1, false, sorted},
	"sort_by":     {[]types{listType, reference}, 2, false, sortBy},
	"split":       {[]types{textType, textType, numberType}, 2, false, split},
	"starts_with": {[]types{textType, textType}, 2, false, ofTexts(strings.HasPrefix)},
	"sum":         {[]types{numbersType}, 1, false, sum},
	"to_array":    {[]types{anyType}, 1, false, toList},
	"to_number":   {[]types{anyType}, 1, false, toNumber},
	"to_string":   {[]types{anyType}, 1, false, toText},
	"trim":        {[]types{textType, textType}, 1, false, trimming(strings.TrimFunc)},
	"trim_left":   {[]types{textType, textType}, 1, false, trimming(strings.TrimLeftFunc)},
	"trim_right":  {[]types{textType, textType}, 1, false, trimming(strings.TrimRightFunc)},
	"type":        {[]types{anyType}, 1, false, typeOf},
	"upper":       {[]types{textType}, 1, false, changing(strings.ToUpper)},
	"values":      {[]types{mappingType}, 1, false, values},
	"zip":         {[]types{listType}, 1, true, zip},
}
