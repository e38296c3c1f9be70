package jsonpath

import (
	"regexp"

	"github.com/everhook/everhook"
)

// or is a logical-or-expr.
func (p *parser) or() (logical, error) {
	return p.joined("||", p.and, func(list []logical) logical { return or(list) })
}

// and is a logical-and-expr.
func (p *parser) and() (logical, error) {
	return p.joined("&&", p.basic, func(list []logical) logical { return and(list) })
}

func (p *parser) joined(operator string, parse func() (logical, error), join func([]logical) logical) (logical, error) {
	var list []logical
	for {
		l, err := parse()
		if err != nil {
			return nil, err
		}
		list = append(list, l)
		p.blank()
		if !p.take(operator) {
			break
		}
		p.blank()
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return join(list), nil
}

// basic is a basic-expr: in parentheses, a comparison, or a test.
func (p *parser) basic() (logical, error) {
	negated := p.take("!")
	if negated {
		p.blank()
	}
	l, err := p.parenthesesOrTest(negated)
	if err == nil && negated {
		l = not{l}
	}
	return l, err
}

func (p *parser) parenthesesOrTest(negated bool) (l logical, err error) {
	if !p.take("(") {
		return p.comparisonOrTest(negated)
	}
	err = p.nested(func() error {
		p.blank()
		if l, err = p.or(); err != nil {
			return err
		}
		if p.blank(); !p.take(")") {
			return p.unexpected("`)`, `&&` or `||`")
		}
		return nil
	})
	return l, err
}

// operators, sorted so that no operator comes after its own prefix.
var operators = []string{"==", "!=", "<=", ">=", "<", ">"}

func (p *parser) comparisonOrTest(negated bool) (logical, error) {
	start := p.at
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	end := p.at
	p.blank()
	for _, operator := range operators {
		at := p.at
		if !p.take(operator) {
			continue
		}
		if negated {
			return nil, p.fail(at, "a comparison behind `!`; put it in parentheses")
		}
		if err := p.comparable(left, start); err != nil {
			return nil, err
		}
		p.blank()
		start := p.at
		right, err := p.operand()
		if err != nil {
			return nil, err
		}
		return comparison{left, right, operator}, p.comparable(right, start)
	}
	p.at = end
	switch left := left.(type) {
	case query:
		return exists{left}, nil
	case call:
		if left.gives == logicalType {
			return left, nil
		}
		return nil, p.fail(start, "the function gives a value, not true or false; compare it with something")
	default:
		return nil, p.fail(start, "a literal alone is no condition; compare it with something")
	}
}

// comparable checks that an operand has at most one value.
func (p *parser) comparable(operand value, offset int) error {
	switch operand := operand.(type) {
	case query:
		if !operand.singular() {
			return p.fail(offset, "a query that can select several nodes cannot be compared; use names and indexes "+
				"only, or the functions count or value")
		}
	case call:
		if operand.gives != valueType {
			return p.fail(offset, "a function that gives true or false cannot be compared; use it alone")
		}
	}
	return nil
}

var (
	numberExp = regexp.MustCompile(`^(?:-?[1-9][0-9]*|-?0)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?`)
	wordExp   = regexp.MustCompile(`^[a-z][a-z_0-9]*`)
	constants = map[string]any{"true": true, "false": false, "null": nil}
)

// operand is a literal, a query or a call.
func (p *parser) operand() (value, error) {
	rest := p.text[p.at:]
	switch {
	case p.take("@") || p.take("$"):
		segments, err := p.segments()
		return query{segments: segments, fromRoot: rest[0] == '$'}, err
	case p.peek(`"`) || p.peek(`'`):
		text, err := p.string()
		return literal{text}, err
	}
	if text := numberExp.FindString(rest); text != "" {
		return p.number(text)
	}
	word := wordExp.FindString(rest)
	if word == "" {
		return nil, p.unexpected("`@`, `$`, a literal or a function")
	}
	start := p.at
	p.at += len(word)
	if p.take("(") {
		return p.arguments(word, start)
	}
	if constant, ok := constants[word]; ok {
		return literal{constant}, nil
	}
	return nil, p.fail(start, "%q is neither a literal nor a function; put text in quotes, and `@.` before the name "+
		"of a member", everhook.Shorten(word, 40))
}

func (p *parser) number(text string) (value, error) {
	n, err := everhook.ParseNumber(text)
	if err != nil {
		return nil, p.fail(p.at, "%v", err)
	}
	p.at += len(text)
	return literal{n}, nil
}

// arguments reads a call after its parenthesis, and checks that it is well-typed (RFC 9535, 2.4.3).
func (p *parser) arguments(name string, start int) (value, error) {
	f, ok := functions[name]
	if !ok {
		return nil, p.fail(start, "there is no function %q; there are %v", everhook.Shorten(name, 40),
			everhook.SortedKeys(functions))
	}
	c := call{function: f}
	err := p.nested(func() error {
		for p.blank(); !p.take(")"); p.blank() {
			if len(c.args) > 0 {
				if !p.take(",") {
					return p.unexpected("`,` or `)`")
				}
				p.blank()
			}
			if len(c.args) == len(f.takes) {
				return p.fail(p.at, "too many arguments: %s takes %d", name, len(f.takes))
			}
			argument, err := p.argument(f.takes[len(c.args)])
			if err != nil {
				return err
			}
			c.args = append(c.args, argument)
		}
		if len(c.args) < len(f.takes) {
			return p.fail(p.at-1, "%s takes %d arguments", name, len(f.takes))
		}
		return nil
	})
	return c, err
}

func (p *parser) argument(takes declared) (value, error) {
	start := p.at
	argument, err := p.operand()
	if err != nil {
		return nil, err
	}
	if _, isQuery := argument.(query); takes == nodesType {
		if !isQuery {
			return nil, p.fail(start, "the function takes a query, as `@.*`")
		}
		return argument, nil
	}
	return argument, p.comparable(argument, start)
}
