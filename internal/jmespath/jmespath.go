// Package jmespath is JMESPath with the additions of its community (https://jmespath.site): functions on text,
// arithmetic, let, and the root node. It works on canonical values. The members of a mapping are visited in the order
// of their names, so a query gives the same result every time. Integers keep their 64 bits. Every evaluation is
// bounded.
package jmespath

import (
	"context"
	"fmt"

	"github.com/everhook/everhook"
)

// Limits of a query and of one evaluation.
const (
	// maxNesting bounds how deep the parts of a query nest.
	maxNesting = 500
	// maxSteps bounds the parts of the query and the elements of lists that an evaluation visits.
	maxSteps = 5_000_000
	// maxWork bounds what a function or a comparison reads or makes at once, in bytes, approximately.
	maxWork = 8 << 20
	// stepsBetweenChecks is the number of steps between looks at the context.
	stepsBetweenChecks = 1024
)

// SyntaxError says where a query is not well-formed.
type SyntaxError struct {
	// Offset is the position in the query, in bytes from 0.
	Offset  int
	Message string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("position %d: %s", e.Offset+1, e.Message) }

// Query is a parsed query. Goroutines may share it.
type Query struct{ tree node }

// Parse reads a query. It checks the names of functions and variables, and the number of arguments, too. Its error is a
// *SyntaxError.
func Parse(text string) (*Query, error) {
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := parser{tokens: tokens}
	tree, err := p.query()
	if err != nil {
		return nil, err
	}
	return &Query{tree}, nil
}

// Search evaluates the query on a canonical value. The result may share parts with the value, and can hold the same
// part very often: it is not bounded as a whole.
func (q *Query) Search(ctx context.Context, input any) (any, error) {
	e := evaluation{ctx: ctx, root: input}
	return q.tree.eval(&e, input, nil)
}

// evaluation is one evaluation of a query.
type evaluation struct {
	ctx   context.Context
	root  any
	steps int
}

// step counts work. It fails when the evaluation has done too much, or when its context has ended.
func (e *evaluation) step(n int) error {
	before := e.steps / stepsBetweenChecks
	if e.steps += n; e.steps > maxSteps {
		return everhook.Errorf(everhook.TypeLimit, "the query takes more than %d steps; query less data", maxSteps)
	}
	if e.steps/stepsBetweenChecks != before {
		return e.ctx.Err()
	}
	return nil
}

// deep bounds values that are walked as a whole.
func (e *evaluation) deep(values ...any) error {
	if size := everhook.EncodedSize(values, maxWork); size > maxWork {
		return everhook.Errorf(everhook.TypeLimit, "the query makes a value larger than %s; query less data",
			everhook.Size(maxWork))
	}
	return e.ctx.Err()
}

// variables are the variables that are bound around an expression, innermost first.
type variables struct {
	name  string
	value any
	outer *variables
}

// get finds a variable. The parser has checked that it is bound.
func (v *variables) get(name string) any {
	for ; v != nil; v = v.outer {
		if v.name == name {
			return v.value
		}
	}
	return nil
}
