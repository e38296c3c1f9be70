package query

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strings"

	library "github.com/jmespath-community/go-jmespath/pkg/interpreter"
	"github.com/jmespath-community/go-jmespath/pkg/parsing"
	"github.com/jmespath-community/go-jmespath/pkg/util"

	"github.com/everhook/everhook"
)

// Bounds of one evaluation.
const (
	// maxSteps is how many parts of the query and elements of lists may be looked at.
	maxSteps = 5_000_000
	// maxWork bounds what a function or comparison reads or makes at once, about in bytes.
	maxWork = 8 << 20
	// stepsBetweenChecks is how many steps pass between looks at the context.
	stepsBetweenChecks = 1024
)

// interpreter evaluates a JMESPath query. It does what the library's does, and besides counts its steps, ends with its
// context, and takes the members of a mapping in the order of their names.
type interpreter struct {
	ctx       context.Context
	functions library.FunctionCaller
	root      any
	steps     int
}

// variables are those that are bound around an expression, innermost first.
type variables struct {
	name  string
	value any
	outer *variables
}

func (i *interpreter) step(n int) error {
	before := i.steps / stepsBetweenChecks
	if i.steps += n; i.steps > maxSteps {
		return everhook.Errorf(everhook.TypeLimit, "the query takes more than %d steps; query less data", maxSteps)
	}
	if i.steps/stepsBetweenChecks != before {
		return i.ctx.Err()
	}
	return nil
}

func (i *interpreter) eval(node parsing.ASTNode, value any, bound *variables) (any, error) {
	if err := i.step(1); err != nil {
		return nil, err
	}
	switch node.NodeType {
	case parsing.ASTIdentity, parsing.ASTCurrentNode:
		return value, nil
	case parsing.ASTRootNode:
		return i.root, nil
	case parsing.ASTLiteral:
		return node.Value, nil
	case parsing.ASTVariable:
		return bound.get(node.Value.(string)), nil
	case parsing.ASTField:
		mapping, _ := value.(map[string]any)
		return mapping[node.Value.(string)], nil
	case parsing.ASTIndex:
		return element(value, node.Value.(int)), nil
	case parsing.ASTSlice:
		return i.slice(node.Value.([]*int), value)
	case parsing.ASTKeyValPair:
		return i.eval(node.Children[0], value, bound)
	case parsing.ASTPipe:
		return i.pipe(node, value, bound, false)
	case parsing.ASTSubexpression, parsing.ASTIndexExpression:
		return i.pipe(node, value, bound, true)
	case parsing.ASTProjection, parsing.ASTFilterProjection, parsing.ASTValueProjection, parsing.ASTFlatten:
		return i.projection(node, value, bound)
	case parsing.ASTMultiSelectList, parsing.ASTMultiSelectHash:
		return i.multiSelect(node, value, bound)
	case parsing.ASTOrExpression, parsing.ASTAndExpression, parsing.ASTNotExpression:
		return i.logical(node, value, bound)
	case parsing.ASTComparator, parsing.ASTArithmeticExpression, parsing.ASTArithmeticUnaryExpression:
		return i.operation(node, value, bound)
	case parsing.ASTLetExpression:
		return i.let(node, value, bound)
	case parsing.ASTExpRef:
		return func(data any) (any, error) { return i.eval(node.Children[0], data, bound) }, nil
	case parsing.ASTFunctionExpression:
		return i.call(node, value, bound)
	default:
		return nil, fmt.Errorf("the query has a part that cannot be evaluated: %s", node.NodeType)
	}
}

// get finds a variable; compiling has checked that it is bound.
func (v *variables) get(name string) any {
	for ; v != nil; v = v.outer {
		if v.name == name {
			return v.value
		}
	}
	return nil
}

func element(value any, index int) any {
	list, _ := value.([]any)
	if index < 0 {
		index += len(list)
	}
	if index < 0 || index >= len(list) {
		return nil
	}
	return list[index]
}

// slice cuts a list or a text, whose characters are its elements.
func (i *interpreter) slice(parts []*int, value any) (any, error) {
	if text, ok := value.(string); ok {
		runes := []rune(text)
		cut, err := sliceOf(i, runes, parts)
		return string(cut), err
	}
	list, ok := value.([]any)
	if !ok {
		return nil, nil
	}
	return sliceOf(i, list, parts)
}

// sliceOf leaves to the library a step that is not longer than the list: it would add up to more than an int holds.
func sliceOf[T any | rune](i *interpreter, list []T, parts []*int) ([]T, error) {
	if err := i.step(len(list)); err != nil {
		return nil, err
	}
	params := util.MakeSliceParams(parts)
	if params[2].Specified && params[2].N != 0 {
		params[2].N = max(-len(list)-1, min(params[2].N, len(list)+1))
	}
	for n := range params[:2] {
		params[n].N = max(math.MinInt32, min(params[n].N, math.MaxInt32))
	}
	return util.Slice(list, params)
}

// pipe gives what each expression makes of what the one before it gave; a chain ends where there is nothing.
func (i *interpreter) pipe(node parsing.ASTNode, value any, bound *variables, chain bool) (any, error) {
	for n, child := range node.Children {
		next, err := i.eval(child, value, bound)
		if err != nil {
			return nil, err
		}
		if next == nil && chain && n == 0 {
			return nil, nil
		}
		value = next
	}
	return value, nil
}

// projection evaluates its left side and, for each element of that, its right side.
func (i *interpreter) projection(node parsing.ASTNode, value any, bound *variables) (any, error) {
	left, err := i.eval(node.Children[0], value, bound)
	if err != nil {
		return nil, err
	}
	var list []any
	switch left := left.(type) {
	case []any:
		if node.NodeType != parsing.ASTValueProjection {
			list = left
		}
	case map[string]any:
		if node.NodeType == parsing.ASTValueProjection {
			list = values(left)
		}
	case string:
		if isSlice(node) {
			return left, nil
		}
	}
	if list == nil {
		return nil, nil
	}
	if node.NodeType == parsing.ASTFlatten {
		return i.flatten(list)
	}
	collected := []any{}
	for _, item := range list {
		if node.NodeType == parsing.ASTFilterProjection {
			condition, err := i.eval(node.Children[2], item, bound)
			if err != nil {
				return nil, err
			}
			if util.IsFalse(condition) {
				continue
			}
		}
		found, err := i.eval(node.Children[1], item, bound)
		if err != nil {
			return nil, err
		}
		if found != nil {
			collected = append(collected, found)
		}
	}
	return collected, nil
}

// isSlice reports whether a projection is that of a slice, the only one that takes a text.
func isSlice(node parsing.ASTNode) bool {
	left := node.Children[0]
	return node.NodeType == parsing.ASTProjection && left.NodeType == parsing.ASTIndexExpression &&
		len(left.Children) > 1 && left.Children[1].NodeType == parsing.ASTSlice
}

func (i *interpreter) flatten(list []any) (any, error) {
	flat := []any{}
	for _, item := range list {
		inner, ok := item.([]any)
		if !ok {
			inner = []any{item}
		}
		if err := i.step(1 + len(inner)); err != nil {
			return nil, err
		}
		flat = append(flat, inner...)
	}
	return flat, nil
}

func (i *interpreter) multiSelect(node parsing.ASTNode, value any, bound *variables) (any, error) {
	list := make([]any, len(node.Children))
	mapping := make(map[string]any, len(node.Children))
	for n, child := range node.Children {
		found, err := i.eval(child, value, bound)
		if err != nil {
			return nil, err
		}
		list[n] = found
		if key, ok := child.Value.(string); ok {
			mapping[key] = found
		}
	}
	if node.NodeType == parsing.ASTMultiSelectHash {
		return mapping, nil
	}
	return list, nil
}

func (i *interpreter) logical(node parsing.ASTNode, value any, bound *variables) (any, error) {
	left, err := i.eval(node.Children[0], value, bound)
	if err != nil {
		return nil, err
	}
	isFalse := util.IsFalse(left)
	switch {
	case node.NodeType == parsing.ASTNotExpression:
		return isFalse, nil
	case isFalse == (node.NodeType == parsing.ASTOrExpression):
		return i.eval(node.Children[1], value, bound)
	default:
		return left, nil
	}
}

func (i *interpreter) let(node parsing.ASTNode, value any, bound *variables) (any, error) {
	inner := bound
	for _, binding := range node.Children[0].Children {
		v, err := i.eval(binding.Children[1], value, bound)
		if err != nil {
			return nil, err
		}
		inner = &variables{binding.Children[0].Value.(string), v, inner}
	}
	return i.eval(node.Children[1], value, inner)
}

// operation compares or calculates. Other values than numbers have no order and no sum: nil.
func (i *interpreter) operation(node parsing.ASTNode, value any, bound *variables) (any, error) {
	operands := make([]any, len(node.Children))
	for n, child := range node.Children {
		var err error
		if operands[n], err = i.eval(child, value, bound); err != nil {
			return nil, err
		}
	}
	if node.NodeType == parsing.ASTComparator && (node.Value == parsing.TOKEQ || node.Value == parsing.TOKNE) {
		if err := i.deep(operands); err != nil {
			return nil, err
		}
		return reflect.DeepEqual(operands[0], operands[1]) == (node.Value == parsing.TOKEQ), nil
	}
	numbers := make([]float64, len(operands))
	for n, operand := range operands {
		number, ok := operand.(float64)
		if !ok {
			return nil, nil
		}
		numbers[n] = number
	}
	if len(numbers) == 1 {
		numbers = []float64{0, numbers[0]}
	}
	return calculate(node.Value, numbers[0], numbers[1])
}

func calculate(operator any, a, b float64) (any, error) {
	switch operator {
	case parsing.TOKLT:
		return a < b, nil
	case parsing.TOKLTE:
		return a <= b, nil
	case parsing.TOKGT:
		return a > b, nil
	case parsing.TOKGTE:
		return a >= b, nil
	case parsing.TOKPlus:
		return a + b, nil
	case parsing.TOKMinus:
		return a - b, nil
	case parsing.TOKStar, parsing.TOKMultiply:
		return a * b, nil
	}
	if b == 0 {
		return nil, fmt.Errorf("division by zero")
	}
	switch operator {
	case parsing.TOKDivide:
		return a / b, nil
	case parsing.TOKModulo:
		return math.Mod(a, b), nil
	default:
		return math.Floor(a / b), nil
	}
}

// deep bounds what is walked as a whole: a query can make a value that holds the same part very often.
func (i *interpreter) deep(values []any) error {
	if size := everhook.EncodedSize(values, maxWork); size > maxWork {
		return everhook.Errorf(everhook.TypeLimit, "the query makes a value larger than %s; query less data",
			everhook.Size(maxWork))
	}
	return i.ctx.Err()
}

func (i *interpreter) call(node parsing.ASTNode, value any, bound *variables) (any, error) {
	name := node.Value.(string)
	arguments := make([]any, len(node.Children))
	for n, child := range node.Children {
		var err error
		if arguments[n], err = i.eval(child, value, bound); err != nil {
			return nil, err
		}
	}
	if err := i.charge(name, arguments); err != nil {
		return nil, err
	}
	result, err := i.functions.CallFunction(name, arguments)
	if err != nil {
		return nil, callError(name, err)
	}
	return result, i.charge("", []any{result})
}

// callError says in words which types a function takes; the library shows the argument and its own Go types.
func callError(name string, err error) error {
	_, types, ok := strings.Cut(err.Error(), ", expected: []functions.JpType{")
	if !ok || !strings.HasPrefix(err.Error(), "invalid type for: ") {
		return err
	}
	return fmt.Errorf("%s takes an argument of type %s, and is given another", name, strings.Trim(types, "}"))
}
