package expression

import (
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/expr-lang/expr/ast"

	"github.com/everhook/everhook"
)

// maxPattern bounds the text of a regular expression: some short ones make programs a thousand times their length.
const maxPattern = 1000

// pattern is a compiled regular expression (RE2 syntax, as in Go's package regexp).
type pattern struct {
	exp *regexp.Regexp
	// weight is how many units a byte of text costs; it grows with the instructions, each of which may be tried for
	// each byte.
	weight int
	// size is the number of instructions.
	size int
}

func compilePattern(text string) (*pattern, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("a regular expression longer than %d bytes", maxPattern)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("%q is no regular expression: %w", everhook.Shorten(text, 40), err)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, fmt.Errorf("%q is no regular expression: %w", everhook.Shorten(text, 40), err)
	}
	exp, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no regular expression: %w", everhook.Shorten(text, 40), err)
	}
	size := len(program.Inst)
	return &pattern{exp: exp, weight: 1 + size/8, size: size}, nil
}

// patternUnits is what compiling a regular expression costs at least, before its size is known: in proportion to its
// text and the largest repetition that the syntax allows.
const patternUnits = 100

func (t *translator) matches(n *ast.BinaryNode, left, right operand) operand {
	leftRun, rightRun := left.run, right.run
	var constant *pattern
	if text, ok := n.Right.(*ast.StringNode); ok {
		var err error
		if constant, err = compilePattern(text.Value); err != nil {
			return t.fail(n.Right, err.Error(), "")
		}
	}
	return t.fold(operand{node: n, kind: kindBool, run: func(m *machine) (any, error) {
		v, err := leftRun(m)
		if err != nil {
			return nil, err
		}
		text, ok := v.(string)
		if !ok {
			return nil, needs(quoted(n.Left), v, kindText)
		}
		p := constant
		if p == nil {
			if p, err = m.pattern(n.Right, rightRun); err != nil {
				return nil, err
			}
		}
		if err := m.spend(1 + times(len(text), p.weight)); err != nil {
			return nil, err
		}
		return p.exp.MatchString(text), nil
	}}, left, right)
}

func (m *machine) pattern(n ast.Node, run code) (*pattern, error) {
	v, err := run(m)
	if err != nil {
		return nil, err
	}
	text, ok := v.(string)
	if !ok {
		return nil, needs(quoted(n), v, kindText)
	}
	if err := m.spend(patternUnits * (1 + len(text)/4)); err != nil {
		return nil, err
	}
	p, err := compilePattern(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", quoted(n), err)
	}
	return p, m.spend(p.size * 4)
}
