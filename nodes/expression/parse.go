package expression

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"
)

// Limits of a source.
const (
	// MaxSource bounds the text of one expression, in bytes.
	MaxSource = 64 << 10
	// MaxSyntaxNodes bounds the nodes of its syntax tree: names, literals, operations.
	MaxSyntaxNodes = 10_000
	// MaxNesting bounds the nesting of brackets.
	MaxNesting = 200
)

// parse reads a source into expr's syntax tree.
func parse(source string) (ast.Node, *Error) {
	switch {
	case strings.TrimSpace(source) == "":
		return nil, &Error{Message: "an empty expression", Fix: "write for example `trigger.body.id`"}
	case strings.HasPrefix(strings.TrimSpace(source), "{{"):
		return nil, &Error{Message: "an expression stands without braces", Fix: "remove `{{` and `}}`", Source: source,
			Offset: strings.Index(source, "{{")}
	case len(source) > MaxSource:
		return nil, &Error{Message: fmt.Sprintf("the expression is longer than %d bytes", MaxSource),
			Fix: "split it over several nodes"}
	case !utf8.ValidString(source):
		return nil, &Error{Message: "the expression is not valid UTF-8"}
	}
	if err := checkNesting(source); err != nil {
		return nil, err
	}
	tree, err := parser.ParseWithConfig(source, &conf.Config{MaxNodes: MaxSyntaxNodes})
	if err != nil {
		return nil, syntaxError(source, err)
	}
	return tree.Node, nil
}

// checkNesting runs before the parser, which recurses without a bound. Only a source with many brackets is read for it.
func checkNesting(source string) *Error {
	if strings.Count(source, "(")+strings.Count(source, "[")+strings.Count(source, "{") <= MaxNesting {
		return nil
	}
	tokens, err := lexer.Lex(file.NewSource(source))
	if err != nil {
		return syntaxError(source, err)
	}
	depth := 0
	for _, token := range tokens {
		switch {
		case token.Kind != lexer.Bracket:
		case strings.Contains("([{", token.Value):
			if depth++; depth > MaxNesting {
				return &Error{Message: fmt.Sprintf("brackets are nested deeper than %d", MaxNesting),
					Fix: "split the expression over several nodes", Source: source,
					Offset: byteOffset(source, token.From)}
			}
		default:
			depth--
		}
	}
	return nil
}

var tokenName = regexp.MustCompile(`\b(?:Operator|Bracket|Identifier|Number|String|Bytes)\(("(?:[^"\\]|\\.)*")\)`)

// syntaxError translates the parser's error.
func syntaxError(source string, err error) *Error {
	found, ok := errors.AsType[*file.Error](err)
	if !ok {
		return &Error{Message: err.Error(), Source: source}
	}
	e := &Error{Message: strings.ReplaceAll(strings.ReplaceAll(tokenName.ReplaceAllString(found.Message, "$1"),
		"token EOF", "end"), "unexpected token ", "unexpected "), Source: source,
		Offset: byteOffset(source, found.From)}
	switch {
	case strings.Contains(e.Message, "exceeds maximum allowed nodes"):
		return &Error{Message: fmt.Sprintf("the expression has more than %d parts", MaxSyntaxNodes),
			Fix: "split it over several nodes"}
	case strings.HasPrefix(e.Message, "unexpected "):
		if strings.HasSuffix(e.Message, " end") {
			e.Offset = len(source)
		}
		e.Fix = syntaxFix(source, e.Offset, tokenOf(found.Message))
	case strings.HasPrefix(e.Message, "a map key must be"):
		e.Message = "a key is a name, a quoted text, a number, or an expression in parentheses"
		e.Fix = syntaxFix(source, e.Offset, "")
	case strings.HasPrefix(e.Message, "Operator ("):
		e.Message, e.Fix = "`??` cannot be mixed with other operators", "put `(… ?? …)` in parentheses"
	}
	return e
}

func tokenOf(message string) string {
	match := tokenName.FindStringSubmatch(message)
	if match == nil {
		return ""
	}
	return strings.Trim(match[1], `"`)
}

// byteOffset converts expr's offsets, which count characters, to bytes.
func byteOffset(source string, characters int) int {
	for i := range source {
		if characters <= 0 {
			return i
		}
		characters--
	}
	return len(source)
}
