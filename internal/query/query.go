// Package query compiles queries on JSON. Every language has the same two calls, and its results are canonical and
// bounded.
package query

import (
	"context"
	"fmt"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/jmespath"
	"github.com/everhook/everhook/internal/jsonpath"
)

// Query is a compiled query. It may be used by several goroutines.
type Query interface {
	// Search evaluates the query on a canonical value and does not change it. The result is canonical, but not bounded
	// yet. JSONPath always gives a list. The evaluation ends with ctx.
	Search(ctx context.Context, input any) (any, error)
}

// SyntaxError says where a query does not compile.
type SyntaxError struct {
	// Offset is the position in the query, in bytes from 0; -1 for an unknown engine.
	Offset  int
	Message string
}

func (e *SyntaxError) Error() string {
	if e.Offset < 0 {
		return e.Message
	}
	return fmt.Sprintf("position %d: %s", e.Offset+1, e.Message)
}

// maxQuery bounds a query, in bytes.
const maxQuery = jsonpath.MaxQuery

// Compile compiles a query. Its error is a *SyntaxError.
func Compile(engine activities.QueryEngine, text string) (Query, error) {
	if len(text) > maxQuery {
		return nil, &SyntaxError{Offset: maxQuery, Message: fmt.Sprintf("the query is longer than %d bytes", maxQuery)}
	}
	switch engine {
	case activities.JMESPath:
		return compileJMESPath(text)
	case activities.JSONPath:
		return compileJSONPath(text)
	default:
		return nil, &SyntaxError{Offset: -1, Message: fmt.Sprintf("there is no query engine %q",
			everhook.Shorten(string(engine), 40))}
	}
}

type jsonPath struct{ path *jsonpath.Path }

func compileJSONPath(text string) (Query, error) {
	path, err := jsonpath.Parse(text)
	if err != nil {
		syntax := err.(*jsonpath.SyntaxError) //nolint:errorlint // Parse has no other errors and wraps none
		return nil, &SyntaxError{Offset: syntax.Offset, Message: syntax.Message}
	}
	return jsonPath{path}, nil
}

func (q jsonPath) Search(ctx context.Context, input any) (any, error) {
	nodes, err := q.path.Select(ctx, input)
	if nodes == nil {
		nodes = []any{}
	}
	return nodes, err
}

func compileJMESPath(text string) (Query, error) {
	parsed, err := jmespath.Parse(text)
	if err != nil {
		syntax := err.(*jmespath.SyntaxError) //nolint:errorlint // Parse has no other errors and wraps none
		return nil, &SyntaxError{Offset: syntax.Offset, Message: syntax.Message}
	}
	return parsed, nil
}
