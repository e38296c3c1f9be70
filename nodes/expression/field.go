package expression

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/everhook/everhook"
)

// Class is the notation of a config field, for the schema and the reference page. Fields of plain Go types are literal.
type Class string

const (
	// ClassExpression is a bare expression.
	ClassExpression Class = "expression"
	// ClassTemplate is a value with {{ … }} in its texts.
	ClassTemplate Class = "template"
)

// Field is a config field that is evaluated when its node runs. A kind's config struct holds Expression, Bool, Template
// and URL values. They are decoded and compiled once, when the flow is applied, and only read afterwards.
type Field interface {
	// Decode sets the canonical value of the config. Its error is for the flow's author.
	Decode(v any) error
	// Compile compiles for the place described by env and reports every problem, with pointers below the given one.
	Compile(pointer string, env *Environment) []Problem
	// Class returns the notation of the field.
	Class() Class
	// References are the names that the field uses; complete after Compile.
	References() References
	// IsSet reports whether Decode was called.
	IsSet() bool
}

var (
	_ Field = (*Expression)(nil)
	_ Field = (*Bool)(nil)
	_ Field = (*Template[any])(nil)
	_ Field = (*URL)(nil)
)

// Expression is a field with a bare expression.
type Expression struct {
	source  string
	set     bool
	pointer string
	program *Program
}

// Decode sets the text of the expression. A number or boolean is converted to its text.
func (e *Expression) Decode(v any) error {
	switch v := v.(type) {
	case string:
		e.source = v
	case bool, int, float64:
		e.source = numberText(v)
	case nil:
		return fmt.Errorf("nothing where an expression is needed; write for example `trigger.body.id`, or leave the " +
			"field out")
	default:
		return fmt.Errorf("%s where an expression is needed; write it as text, in single quotes", everhook.TypeName(v))
	}
	if inside, ok := strings.CutPrefix(strings.TrimSpace(e.source), "{{"); ok {
		inside = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(inside), "}}"))
		return fmt.Errorf("this field is an expression, not a template; write it without braces: `%s`",
			everhook.Shorten(inside, 80))
	}
	e.set = true
	return nil
}

// Compile compiles the expression. A field that is not set has no problem.
func (e *Expression) Compile(pointer string, env *Environment) []Problem {
	if !e.set {
		return nil
	}
	program, err := compile(e.source, env)
	if err != nil {
		return []Problem{err.problem(pointer)}
	}
	e.pointer, e.program = pointer, program
	var problems []Problem
	for _, warning := range program.warnings {
		problems = append(problems, warning.warning(pointer))
	}
	return problems
}

// Class is ClassExpression.
func (e *Expression) Class() Class { return ClassExpression }

// References are the names that the expression uses.
func (e *Expression) References() References {
	if e.program == nil {
		return References{}
	}
	return e.program.References()
}

// IsSet reports whether the config has the field.
func (e *Expression) IsSet() bool { return e.set }

// Source is the text of the expression.
func (e *Expression) Source() string { return e.source }

// Eval gives the expression's value, which is canonical; nil if the field is not set. Errors are *everhook.Error.
func (e *Expression) Eval(scope *Scope) (any, error) {
	if e.program == nil {
		return nil, unset(e.set)
	}
	v, err := e.program.Eval(scope)
	if err == nil {
		scope.record(e.pointer, v)
	}
	return v, err
}

// unset returns the error for a field that has a value but was never compiled: a defect of the caller.
func unset(decoded bool) error {
	if decoded {
		return everhook.Errorf(everhook.TypeInternal, "a field was evaluated before it was compiled")
	}
	return nil
}

// Bool is an Expression that must yield a boolean.
type Bool struct{ Expression }

// Compile compiles the expression. One that can never yield a boolean is a problem.
func (b *Bool) Compile(pointer string, env *Environment) []Problem {
	problems := b.Expression.Compile(pointer, env)
	if b.program == nil {
		return problems
	}
	if kind := b.program.result; kind != kindAny && kind != kindBool {
		err := &Error{Message: fmt.Sprintf("the expression gives %s, not a boolean", kind),
			Fix: "compare it with something, for example with `==`", Source: b.source}
		problems = append(problems, err.problem(pointer))
	}
	return problems
}

// Eval gives the expression's value; false if the field is not set. Errors are *everhook.Error.
func (b *Bool) Eval(scope *Scope) (bool, error) {
	v, err := b.Expression.Eval(scope)
	if err != nil || b.program == nil {
		return false, err
	}
	is, ok := v.(bool)
	if !ok {
		return false, everhook.Errorf(everhook.TypeExpression, "%v", notBoolean(quoted(b.program.root), typeName(v)))
	}
	return is, nil
}

// numberText is the shortest text of a number or boolean.
func numberText(v any) string {
	switch v := v.(type) {
	case int:
		return strconv.Itoa(v)
	case float64:
		return floatText(v)
	default:
		return strconv.FormatBool(v.(bool))
	}
}

// floatText returns the number as JSON writes it.
func floatText(f float64) string {
	text, _ := everhook.EncodeJSON(f)
	return string(text)
}
