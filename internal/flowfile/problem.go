package flowfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Position is a position in a file. Lines and columns count from 1, columns in characters.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// Problem is an error or a warning about a flow file. It is written for the file's author.
type Problem struct {
	// File is the name under which the file was read.
	File string `json:"file"`
	Position
	// Node is the key of the node with the problem; empty outside nodes.
	Node string `json:"node,omitempty"`
	// Pointer leads to the value in the document (RFC 6901).
	Pointer string `json:"pointer,omitempty"`
	// Message says what is wrong.
	Message string `json:"message"`
	// Fix says what to do about it.
	Fix string `json:"fix,omitempty"`
	// Warning is set if the file can be used unchanged.
	Warning bool `json:"warning,omitempty"`
}

// String returns the form that compilers print, "payment.yaml:12:5: node paid: message", with the fix on the next line.
func (p Problem) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Warning {
		text.WriteString("warning: ")
	}
	if p.Node != "" {
		fmt.Fprintf(&text, "node %s: ", p.Node)
	}
	text.WriteString(indentLines(p.Message))
	if p.Fix != "" {
		text.WriteString("\n    fix: " + indentLines(p.Fix))
	}
	return text.String()
}

// indentLines indents all lines but the first, such as a caret below an expression.
func indentLines(text string) string { return strings.ReplaceAll(text, "\n", "\n    ") }

// Problems is a report. As an error it lists every problem; use Err to get one.
type Problems []Problem

// Sort orders the report by file and position; problems of one position keep their order.
func (p Problems) Sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// Errors are the problems that make the file unusable.
func (p Problems) Errors() Problems { return p.only(false) }

// Warnings are the problems that are not errors.
func (p Problems) Warnings() Problems { return p.only(true) }

func (p Problems) only(warning bool) Problems {
	var only Problems
	for _, problem := range p {
		if problem.Warning == warning {
			only = append(only, problem)
		}
	}
	return only
}

// Err gives the errors of the report, or nil when there are at most warnings.
func (p Problems) Err() error {
	if errors := p.Errors(); len(errors) > 0 {
		return errors
	}
	return nil
}

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}
