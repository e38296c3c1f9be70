package expression

import (
	"errors"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/everhook/everhook"
)

// Program is a compiled expression. It is immutable and may be shared.
type Program struct {
	code       code
	slots      int
	result     kind
	root       ast.Node
	references References
	// settingsOnly means that the program uses no data except env.
	settingsOnly bool
	// encodes means that the program calls the function path.
	encodes bool
	// warnings are about likely mistakes.
	warnings []*Error
}

// Compile compiles an expression for the place that env describes. Its error is an *Error, for the author of the
// source.
func Compile(source string, env *Environment) (*Program, error) {
	program, err := compile(source, env)
	if err != nil {
		return nil, err
	}
	return program, nil
}

func compile(source string, env *Environment) (*Program, *Error) {
	root, err := parse(source)
	if err != nil {
		return nil, err
	}
	return compileNode(root, source, env)
}

// compileInsertion compiles the expression between braces. Its outermost call may change how the value is escaped. With
// asValue the value becomes a part of JSON, so toJSON around it is left out.
func compileInsertion(source string, env *Environment, escape everhook.Escape, asValue bool) (*Program, everhook.Escape,
	*Error) {
	root, err := parse(source)
	if err != nil {
		return nil, escape, err
	}
	if name, argument := outermostCall(root); asValue && name == "toJSON" {
		root = argument
	}
	root, escape = unwrap(root, escape)
	program, err := compileNode(root, source, env)
	if err == nil && program.encodes && (escape == everhook.EscapePath || escape == everhook.EscapeQuery) {
		err = &Error{Message: "path(…) inside an expression would be encoded a second time", Source: source,
			Fix: "let it be the outermost call in the path of the url: `{{ path(…) }}`"}
	}
	return program, escape, err
}

func compileNode(root ast.Node, source string, env *Environment) (*Program, *Error) {
	t := translator{env: env, source: source, variables: map[string]operand{}}
	whole := t.translate(root)
	if t.err != nil {
		return nil, t.err
	}
	t.references.Sort()
	return &Program{code: whole.run, slots: t.slots, result: whole.kind, root: root, references: t.references,
		settingsOnly: !t.usesData, encodes: t.encodes, warnings: t.warnings}, nil
}

// References are the names that the program uses.
func (p *Program) References() References { return p.references }

// Eval gives the program's value, which is canonical. An error is an *everhook.Error with status Errored: TypeLimit
// when the budget of one evaluation is used up, else TypeExpression.
func (p *Program) Eval(scope *Scope) (any, error) {
	m := start(scope)
	defer m.stop()
	return m.run(p)
}

// looksLikeExpression reports whether a text without braces is probably meant as an expression: it compiles, and it
// begins with a path below a root of the environment, possibly inside a function.
func looksLikeExpression(text string, env *Environment) bool {
	text = strings.TrimSpace(text)
	if !strings.ContainsAny(text, ".[") || strings.ContainsAny(text, "\n") {
		return false
	}
	node, err := parse(text)
	if err != nil {
		return false
	}
	below := false
	for {
		switch n := node.(type) {
		case *ast.ChainNode:
			node = n.Node
		case *ast.MemberNode:
			node, below = n.Node, true
		case *ast.IdentifierNode:
			_, known := env.Roots[n.Value]
			return below && known
		case *ast.BinaryNode:
			node = n.Left
		case *ast.BuiltinNode:
			if len(n.Arguments) == 0 {
				return false
			}
			node = n.Arguments[0]
		default:
			return false
		}
	}
}

// expressionError converts an error of an operation to the *everhook.Error of the evaluation.
func expressionError(err error) error {
	failed, ok := errors.AsType[*everhook.Error](err)
	if !ok {
		return everhook.Errorf(everhook.TypeExpression, "%v", err)
	}
	return everhook.Errorf(failed.Type, "%v", err)
}
