package expression

import (
	"fmt"
	"regexp"

	"github.com/expr-lang/expr/ast"

	"github.com/everhook/everhook"
)

// maxPattern bounds the text of a regular expression, in bytes. Some short ones compile to programs of a thousand times
// their length.
const maxPattern = 1000

// pattern is a compiled regular expression (RE2 syntax, as in Go's package regexp).
type pattern struct {
	exp *regexp.Regexp
	// weight is the number of units for a byte of text. Each instruction may be tried for each byte.
	weight int
}

func compilePattern(text string) (*pattern, error) {
	if len(text) > maxPattern {
		return nil, fmt.Errorf("the regular expression is longer than %d bytes", maxPattern)
	}
	exp, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a regular expression: %w", everhook.Shorten(text, 40), err)
	}
	return &pattern{exp: exp, weight: 1 + patternSize(text)/8}, nil
}

// patternUnits is the cost of compiling a regular expression for each four bytes of its text.
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
			if v, err = rightRun(m); err != nil {
				return nil, err
			}
			if p, err = m.pattern(quoted(n.Right), v); err != nil {
				return nil, err
			}
		}
		if err := m.spend(1 + times(len(text), p.weight)); err != nil {
			return nil, err
		}
		return p.exp.MatchString(text), nil
	}}, left, right)
}

// pattern compiles a regular expression that is not a constant. What is its source in the expression.
func (m *machine) pattern(what string, v any) (*pattern, error) {
	text, ok := v.(string)
	if !ok {
		return nil, needs(what, v, kindText)
	}
	if err := m.spend(patternUnits * (1 + len(text)/4)); err != nil {
		return nil, err
	}
	p, err := compilePattern(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	return p, m.spend(4 * 8 * p.weight)
}
