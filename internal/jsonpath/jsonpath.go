// Package jsonpath implements JSONPath (RFC 9535), with its five functions, on canonical values. The RFC leaves the
// order of the members of an object open; here it is the order of their names, so that a query gives the same list
// every time. Every evaluation is bounded.
package jsonpath

import (
	"context"
	"errors"
	"fmt"

	"github.com/everhook/everhook"
)

// Limits of a query and its evaluation.
const (
	// MaxQuery bounds a query, in bytes.
	MaxQuery = 16 << 10
	// maxNesting bounds how deep filters, brackets and function calls of a query nest.
	maxNesting = 50
	// MaxNodes bounds the nodes that one part of a query selects.
	MaxNodes = 1_000_000
)

// ErrTooMany is the error of a query that selects more than MaxNodes.
var ErrTooMany = errors.New("the query selects more than 1,000,000 nodes")

// SyntaxError says where a query is not well-formed or not valid (RFC 9535, 2.1).
type SyntaxError struct {
	// Offset is the position in the query, in bytes from 0.
	Offset  int
	Message string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("position %d: %s", e.Offset+1, e.Message) }

// Path is a parsed query. It is immutable.
type Path struct{ segments []segment }

// Parse parses a query. Its error is a *SyntaxError.
func Parse(query string) (*Path, error) {
	p := parser{text: query}
	segments, err := p.query()
	if err != nil {
		return nil, err
	}
	return &Path{segments}, nil
}

// Select returns the values of the selected nodes of a canonical value, in order. A node that is selected twice is
// returned twice. The values are shared with the input. The error is that of ctx, or ErrTooMany.
func (p *Path) Select(ctx context.Context, root any) ([]any, error) {
	e := evaluation{ctx: ctx, root: root}
	nodes := e.follow(p.segments, root)
	if e.err != nil {
		return nil, e.err
	}
	return nodes, nil
}

// segment selects among the children of a node, or among those of all its descendants and itself.
type segment struct {
	selectors  []selector
	descendant bool
}

// selector adds the children of a node that it selects.
type selector interface {
	from(e *evaluation, node any, into []any) []any
}

// evaluation is one evaluation of a query. It keeps the first error; after that, its results are not used.
type evaluation struct {
	ctx   context.Context
	root  any
	steps int
	err   error
	// regexps are the compiled regular expressions, kept is their total weight.
	regexps map[regexpKey]*pattern
	kept    int
}

// stepsBetweenChecks is the number of steps between checks of the context.
const stepsBetweenChecks = 1024

// step counts work, and reports whether to continue.
func (e *evaluation) step(selected int) bool {
	if e.steps++; e.err == nil && e.steps%stepsBetweenChecks == 0 {
		e.err = e.ctx.Err()
	}
	if e.err == nil && selected > MaxNodes {
		e.err = ErrTooMany
	}
	return e.err == nil
}

// follow applies segments, one after the other, beginning with one node.
func (e *evaluation) follow(segments []segment, node any) []any {
	nodes := []any{node}
	for _, s := range segments {
		var selected []any
		for _, node := range nodes {
			selected = s.from(e, node, selected)
			if e.err != nil {
				return nil
			}
		}
		nodes = selected
	}
	return nodes
}

func (s segment) from(e *evaluation, node any, into []any) []any {
	if !e.step(len(into)) {
		return nil
	}
	for _, selector := range s.selectors {
		into = selector.from(e, node, into)
	}
	if s.descendant {
		eachChild(e, node, len(into), func(child any) { into = s.from(e, child, into) })
	}
	return into
}

// eachChild visits the children of a node: elements in order, members in the order of their names. It stops when the
// evaluation has an error.
func eachChild(e *evaluation, node any, selected int, visit func(any)) {
	switch node := node.(type) {
	case []any:
		for i, child := range node {
			if !e.step(selected + i) {
				return
			}
			visit(child)
		}
	case map[string]any:
		for i, name := range everhook.SortedKeys(node) {
			if !e.step(selected + i) {
				return
			}
			visit(node[name])
		}
	}
}

// The selectors (RFC 9535, 2.3).
type (
	nameSelector     string
	wildcardSelector struct{}
	indexSelector    int
	// sliceSelector has nil for the omitted parts.
	sliceSelector  struct{ start, end, step *int }
	filterSelector struct{ condition logical }
)

func (s nameSelector) from(_ *evaluation, node any, into []any) []any {
	if members, ok := node.(map[string]any); ok {
		if child, ok := members[string(s)]; ok {
			return append(into, child)
		}
	}
	return into
}

func (wildcardSelector) from(e *evaluation, node any, into []any) []any {
	eachChild(e, node, len(into), func(child any) { into = append(into, child) })
	return into
}

func (s indexSelector) from(_ *evaluation, node any, into []any) []any {
	list, _ := node.([]any)
	i := int(s)
	if i < 0 {
		i += len(list)
	}
	if i < 0 || i >= len(list) {
		return into
	}
	return append(into, list[i])
}

func (s sliceSelector) from(e *evaluation, node any, into []any) []any {
	list, _ := node.([]any)
	from, to, step := s.bounds(len(list))
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		if !e.step(len(into)) {
			return nil
		}
		into = append(into, list[i])
	}
	return into
}

// bounds returns the first index, the one to stop before, and the step. The step is cut to the length so that sums of
// it do not overflow; 0 selects nothing (RFC 9535, 2.3.4.2.2).
func (s sliceSelector) bounds(length int) (from, to, step int) {
	step = 1
	if s.step != nil {
		step = max(-length-1, min(*s.step, length+1))
	}
	low, high := 0, length
	from, to = 0, length
	if step < 0 {
		low, high = -1, length-1
		from, to = length-1, -1
	}
	at := func(index *int, otherwise int) int {
		if index == nil {
			return otherwise
		}
		i := *index
		if i < 0 {
			i += length
		}
		return max(low, min(i, high))
	}
	return at(s.start, from), at(s.end, to), step
}

func (s filterSelector) from(e *evaluation, node any, into []any) []any {
	eachChild(e, node, len(into), func(child any) {
		if s.condition.holds(e, child) {
			into = append(into, child)
		}
	})
	return into
}
