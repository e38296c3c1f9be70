package expression

import "github.com/everhook/everhook"

type kind int

const (
	kindAny kind = iota
	kindBool
)

func (k kind) String() string { return "x" }

// Program is a compiled expression. It never changes and may be shared.
type Program struct {
	references References
	result     kind
	root       string
}

// Compile compiles an expression for the place that env describes. Its error is an *Error.
func Compile(source string, env *Environment) (*Program, error) {
	p, err := compile(source, env)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func compile(source string, env *Environment) (*Program, *Error) { return &Program{}, nil }

// References are the names that the program uses.
func (p *Program) References() References { return p.references }

// Eval gives the program's value, which is canonical. Errors are *everhook.Error with status Errored.
func (p *Program) Eval(scope *Scope) (any, error) { return nil, nil }

type machine struct{}

func start(*Scope) *machine                                  { return nil }
func (m *machine) stop()                                     {}
func (m *machine) run(p *Program) (any, error)               { return nil, nil }
func (m *machine) text(v any) (string, error)                { return "", nil }
func (m *machine) produce(n int) error                       { return nil }
func notBoolean(what string, v any) error                    { return everhook.Errorf("x", "x") }
func looksLikeExpression(text string, env *Environment) bool { return false }

// Function describes a function.
type Function struct{ Name, Signature, Doc, Example, Result string }

var functionIndex map[string]*Function

// Functions lists all functions.
func Functions() []Function { return nil }
