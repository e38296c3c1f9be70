package jmespath

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
)

// power is how strongly an operator binds the expression on its left. A projection ends before an operator that binds
// less than endsProjection: `a[*].b == c` compares the list.
var power = map[kind]int{
	"|": 1, "||": 2, "&&": 3,
	"==": 5, "!=": 5, "<": 5, "<=": 5, ">": 5, ">=": 5,
	"+": 6, "-": 6, "*": 7, "/": 7, "//": 7, "%": 7,
	"[]": 9, "[?": 21, ".": 40, "[": 55, "(": 60,
}

// Powers of operators that stand before their operand.
const (
	lowest         = 0
	endsProjection = 10
	ofWildcard     = 20
	ofNot          = 45
)

// parser is a Pratt parser: an expression begins with a prefix, and each operator that binds strongly enough takes what
// was read so far as its left side.
type parser struct {
	tokens []token
	at     int
	depth  int
	// bound are the names of the variables that can be used here.
	bound []string
}

func (p *parser) peek() token { return p.tokens[p.at] }

// next gives the token and moves on; the end stays.
func (p *parser) next() token {
	t := p.tokens[p.at]
	if t.kind != end {
		p.at++
	}
	return t
}

// second is the token after the next one.
func (p *parser) second() token { return p.tokens[min(p.at+1, len(p.tokens)-1)] }

func (p *parser) take(k kind) bool {
	if p.peek().kind != k {
		return false
	}
	p.next()
	return true
}

func (p *parser) need(k kind) error {
	if !p.take(k) {
		return wrong(p.peek(), fmt.Sprintf("`%s` is missing", k))
	}
	return nil
}

func syntaxError(t token, format string, args ...any) error {
	return &SyntaxError{t.offset, fmt.Sprintf(format, args...)}
}

// wrong says what should stand where the token stands.
func wrong(t token, message string) error {
	if t.kind == end {
		return syntaxError(t, "the query ends too early: %s", message)
	}
	return syntaxError(t, "%s before %s%s", message, t.shown(), hint(t))
}

// hint says what to write instead of a token that is not possible at its position.
func hint(t token) string {
	switch {
	case t.kind == number:
		return "; numbers are written in backquotes: `" + t.text + "`"
	case t.kind == "=":
		return "; write `==` to compare"
	case t.kind == name && t.text == "and":
		return "; write `&&`"
	case t.kind == name && t.text == "or":
		return "; write `||`"
	default:
		return ""
	}
}

func (p *parser) query() (node, error) {
	tree, err := p.expression(lowest)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != end {
		return nil, syntaxError(t, "%s cannot stand here%s", t.shown(), hint(t))
	}
	return tree, nil
}

// expression reads an expression up to an operator that binds no more strongly than least.
func (p *parser) expression(least int) (node, error) {
	if p.depth++; p.depth > maxNesting {
		return nil, syntaxError(p.peek(), "the query is nested deeper than %d", maxNesting)
	}
	defer func() { p.depth-- }()
	left, err := p.prefix()
	for err == nil && power[p.peek().kind] > least {
		left, err = p.operator(left)
	}
	return left, err
}

// prefix reads what an expression can begin with.
func (p *parser) prefix() (node, error) {
	t := p.next()
	switch t.kind {
	case literal:
		return value{t.value}, nil
	case variable:
		if !slices.Contains(p.bound, t.text) {
			return nil, unknown(t, "variable", "$", p.bound)
		}
		return bound(t.text), nil
	case name:
		if t.text == "let" && p.peek().kind == variable {
			return p.let()
		}
		if p.peek().kind == "(" {
			return p.call(t)
		}
		return field(t.text), nil
	case quoted:
		return field(t.text), nil
	case "@":
		return current{}, nil
	case "$":
		return root{}, nil
	case "(":
		inner, err := p.expression(lowest)
		if err != nil {
			return nil, err
		}
		return group{inner}, p.need(")")
	case "!":
		inner, err := p.expression(ofNot)
		return not{inner}, err
	case "-", "+":
		inner, err := p.expression(power[t.kind])
		return arithmetic{value{0}, inner, t.kind}, err
	case "{":
		return p.hash()
	case "*", "[]", "[?", "[":
		return p.bracket(current{}, t)
	case "&":
		return nil, syntaxError(t, "`&` can stand only before an argument of a function that takes an expression, "+
			"such as sort_by")
	case end:
		return nil, syntaxError(t, "the query ends too early: an expression is missing")
	default:
		return nil, syntaxError(t, "an expression is missing before %s%s", t.shown(), hint(t))
	}
}

// operator reads an operator and its right side.
func (p *parser) operator(left node) (node, error) {
	t := p.next()
	switch t.kind {
	case ".":
		if p.take("*") {
			return p.project(projection{left: left, of: members}, power["."])
		}
		right, err := p.afterDot(power["."])
		return chain{left, right}, err
	case "(":
		return nil, syntaxError(t, "only a name without quotes can be called as a function")
	case "[", "[]", "[?":
		return p.bracket(left, t)
	}
	right, err := p.expression(power[t.kind])
	switch t.kind {
	case "|":
		return pipe{left, right}, err
	case "||":
		return either{left, right, true}, err
	case "&&":
		return either{left, right, false}, err
	case "==", "!=", "<", "<=", ">", ">=":
		return comparison{left, right, t.kind}, err
	default:
		return arithmetic{left, right, t.kind}, err
	}
}

// afterDot reads what can stand after a dot. After a multi-select, what follows is for the outer expression.
func (p *parser) afterDot(least int) (node, error) {
	switch t := p.peek(); t.kind {
	case name, quoted, "*":
		return p.expression(least)
	case "[":
		p.next()
		return p.list()
	case "{":
		p.next()
		return p.hash()
	default:
		return nil, wrong(t, "a name, `*`, `[` or `{` is missing")
	}
}

// bracket reads what follows a wildcard or an opening bracket.
func (p *parser) bracket(left node, t token) (node, error) {
	_, begins := left.(current)
	switch t.kind {
	case "*":
		return p.project(projection{left: left, of: members}, ofWildcard)
	case "[]":
		return p.project(projection{left: left, of: flattened}, power["[]"])
	case "[?":
		condition, err := p.expression(lowest)
		if err == nil {
			err = p.need("]")
		}
		if err != nil {
			return nil, err
		}
		return p.project(projection{left: left, of: filtered, condition: condition}, power["[?"])
	}
	switch {
	case p.peek().kind == number && p.second().kind != ":":
		return p.index(left)
	case p.peek().kind == number || p.peek().kind == ":":
		cut, err := p.slice()
		if err != nil {
			return nil, err
		}
		return p.project(projection{left: chain{left, cut}, of: sliced}, ofWildcard)
	case p.peek().kind == "*" && (!begins || p.second().kind == "]"):
		p.next()
		if err := p.need("]"); err != nil {
			return nil, err
		}
		return p.project(projection{left: left, of: elements}, ofWildcard)
	case begins:
		return p.list()
	default:
		return nil, wrong(p.peek(), "an index, a slice, `*` or `?` is missing")
	}
}

// project reads what a projection does with each element.
func (p *parser) project(to projection, least int) (node, error) {
	var err error
	to.right = current{}
	switch t := p.peek(); {
	case power[t.kind] < endsProjection:
	case t.kind == ".":
		p.next()
		to.right, err = p.afterDot(least)
	default: // "[" or "[?"
		to.right, err = p.expression(least)
	}
	return to, err
}

func (p *parser) integer(t token) (int, error) {
	n, err := strconv.Atoi(t.text)
	if err != nil {
		return 0, syntaxError(t, "the number is too large")
	}
	return n, nil
}

func (p *parser) index(left node) (node, error) {
	n, err := p.integer(p.next())
	if err != nil {
		return nil, err
	}
	return chain{left, index(n)}, p.need("]")
}

// slice reads [start:stop:step], each of which can be left out.
func (p *parser) slice() (node, error) {
	var cut slice
	parts := []**int{&cut.start, &cut.stop, &cut.step}
	for i := range parts {
		if i > 0 && !p.take(":") {
			break
		}
		if t := p.peek(); t.kind == number {
			n, err := p.integer(p.next())
			if err != nil {
				return nil, err
			}
			if i == 2 && n == 0 {
				return nil, syntaxError(t, "the step of a slice cannot be 0")
			}
			*parts[i] = &n
		}
	}
	return cut, p.need("]")
}

// list reads a multi-select list after its `[`.
func (p *parser) list() (node, error) {
	items, err := p.separated("]", func() (node, error) { return p.expression(lowest) })
	return list(items), err
}

// separated reads one or more parts with commas between them, and what closes them.
func (p *parser) separated(closing kind, part func() (node, error)) ([]node, error) {
	var parts []node
	for {
		one, err := part()
		if err != nil {
			return nil, err
		}
		parts = append(parts, one)
		if p.take(closing) {
			return parts, nil
		}
		if !p.take(",") {
			return nil, wrong(p.peek(), fmt.Sprintf("`,` or `%s` is missing", closing))
		}
	}
}

// hash reads a multi-select hash after its `{`.
func (p *parser) hash() (node, error) {
	var made hash
	values, err := p.separated("}", func() (node, error) {
		key := p.peek()
		if key.kind != name && key.kind != quoted {
			return nil, wrong(key, "a name is missing")
		}
		p.next()
		made.keys = append(made.keys, key.text)
		if err := p.need(":"); err != nil {
			return nil, err
		}
		return p.expression(lowest)
	})
	made.values = values
	return made, err
}

// let reads the bindings and the body after the word let.
func (p *parser) let() (node, error) {
	outer := p.bound
	defer func() { p.bound = outer }()
	var made let
	for {
		t := p.next()
		if t.kind != variable {
			return nil, wrong(t, "a variable is missing")
		}
		if err := p.need("="); err != nil {
			return nil, err
		}
		bound, err := p.expression(lowest)
		if err != nil {
			return nil, err
		}
		made.names, made.values = append(made.names, t.text), append(made.values, bound)
		if !p.take(",") {
			break
		}
	}
	if t := p.peek(); t.kind != name || t.text != "in" {
		return nil, wrong(t, "`,` or `in` is missing")
	}
	p.next()
	p.bound = append(outer[:len(outer):len(outer)], made.names...)
	var err error
	made.body, err = p.expression(lowest)
	return made, err
}

// call reads the arguments of a function.
func (p *parser) call(t token) (node, error) {
	f, ok := functions[t.text]
	if !ok {
		return nil, unknown(t, "function", "", everhook.SortedKeys(functions))
	}
	p.next()
	made := call{name: t.text, function: f}
	if !p.take(")") {
		arguments, err := p.separated(")", func() (node, error) {
			argument := p.peek()
			isReference := p.take("&")
			if takes := f.takes(len(made.arguments)); isReference != (takes == reference) && takes != 0 {
				return nil, syntaxError(argument, "argument %d of %s must be %s", len(made.arguments)+1, t.text, takes)
			}
			made.arguments = append(made.arguments, nil)
			return p.expression(lowest)
		})
		if err != nil {
			return nil, err
		}
		made.arguments = arguments
	}
	if message := f.checkCount(len(made.arguments)); message != "" {
		return nil, syntaxError(t, "%s takes %s, and is given %d", t.text, message, len(made.arguments))
	}
	return made, nil
}

func unknown(t token, what, sign string, known []string) error {
	message := fmt.Sprintf("there is no %s %q", what, sign+everhook.Shorten(t.text, 40))
	if nearest := strict.Nearest(t.text, known); nearest != "" {
		message += fmt.Sprintf("; did you mean %q?", sign+nearest)
	}
	return syntaxError(t, "%s", message)
}
