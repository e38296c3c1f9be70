package query

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	library "github.com/jmespath-community/go-jmespath/pkg/interpreter"
	"github.com/jmespath-community/go-jmespath/pkg/parsing"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
)

// jmesPath is a query as the library parses it. The library's functions evaluate it too, but not its interpreter, which
// cannot be stopped and takes the memory that it likes: see interpreter.
type jmesPath struct {
	tree      parsing.ASTNode
	functions library.FunctionCaller
}

func compileJMESPath(text string) (Query, error) {
	tree, err := parsing.NewParser().Parse(text)
	if err != nil {
		return nil, jmesPathError(text, err)
	}
	table := jmesPathFunctions()
	if err := check(tree, everhook.SortedKeys(table), nil, 0); err != nil {
		return nil, err
	}
	return jmesPath{tree, library.NewFunctionCaller(slices.Collect(maps.Values(table))...)}, nil
}

func jmesPathError(text string, err error) *SyntaxError {
	var syntax parsing.SyntaxError
	if !errors.As(err, &syntax) {
		return &SyntaxError{Offset: -1, Message: err.Error()}
	}
	message := strings.TrimPrefix(syntax.Error(), "SyntaxError: ")
	return &SyntaxError{Offset: max(0, min(syntax.Offset, len(text))), Message: message}
}

// maxTree bounds how deep the parts of a query nest.
const maxTree = 500

// check finds what the library would notice only when it evaluates: names of functions and variables that do not exist.
func check(node parsing.ASTNode, functions, variables []string, depth int) error {
	if depth > maxTree {
		return &SyntaxError{Offset: -1, Message: fmt.Sprintf("the query is nested deeper than %d", maxTree)}
	}
	switch node.NodeType {
	case parsing.ASTFunctionExpression:
		name := node.Value.(string)
		if !slices.Contains(functions, name) {
			return &SyntaxError{Offset: -1, Message: unknown("function", name, functions)}
		}
	case parsing.ASTVariable:
		if name := node.Value.(string); !slices.Contains(variables, name) {
			return &SyntaxError{Offset: -1, Message: unknown("variable", name, variables)}
		}
	case parsing.ASTLetExpression:
		inner := variables[:len(variables):len(variables)]
		for _, binding := range node.Children[0].Children {
			if err := check(binding.Children[1], functions, variables, depth+1); err != nil {
				return err
			}
			inner = append(inner, binding.Children[0].Value.(string))
		}
		return check(node.Children[1], functions, inner, depth+1)
	}
	for _, child := range node.Children {
		if err := check(child, functions, variables, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func unknown(what, name string, known []string) string {
	message := fmt.Sprintf("there is no %s %q", what, everhook.Shorten(name, 40))
	if nearest := strict.Nearest(name, known); nearest != "" {
		message += fmt.Sprintf("; did you mean %q?", nearest)
	}
	return message
}

func (q jmesPath) Search(ctx context.Context, input any) (any, error) {
	input = toFloats(input)
	i := interpreter{ctx: ctx, functions: q.functions, root: input}
	return i.eval(q.tree, input, nil)
}

// toFloats copies a canonical value with numbers as the library needs them. An integer that float64 has not stays an
// int: it goes through a query unchanged, but no function takes it.
func toFloats(v any) any {
	switch v := v.(type) {
	case int:
		if f := float64(v); everhook.Equal(v, f) {
			return f
		}
		return v
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = toFloats(item)
		}
		return list
	case map[string]any:
		mapping := make(map[string]any, len(v))
		for key, item := range v {
			mapping[key] = toFloats(item)
		}
		return mapping
	default:
		return v
	}
}
