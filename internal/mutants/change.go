package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/packages"
)

// mutant is one change of a file.
type mutant struct {
	file string
	// from and to enclose the text that becomes with, start and end the expression or statement that it is part of.
	from, to, start, end int
	with                 string
	// form has the code that chooses between the changed expression or statement and the original one: its verbs are
	// the number of the mutant, the changed text and the original one.
	form string
	// name is for people, and stays when other lines change: file, function, the line's text, and the change.
	name string
	line int
}

// changed is the text of the expression or statement with the change.
func (m mutant) changed(text []byte) string {
	return string(slices.Concat(text[m.start:m.from], []byte(m.with), text[m.to:m.end]))
}

func (m mutant) original(text []byte) string { return string(text[m.start:m.end]) }

// alone is the text of the file with the change.
func (m mutant) alone(text []byte) []byte {
	return slices.Concat(text[:m.from], []byte(m.with), text[m.to:])
}

// replaced are operators, and what each is changed to.
var replaced = map[token.Token][]token.Token{
	token.LSS: {token.LEQ, token.GEQ}, token.LEQ: {token.LSS, token.GTR},
	token.GTR: {token.GEQ, token.LEQ}, token.GEQ: {token.GTR, token.LSS},
	token.EQL: {token.NEQ}, token.NEQ: {token.EQL},
	token.LAND: {token.LOR}, token.LOR: {token.LAND},
	token.ADD: {token.SUB}, token.SUB: {token.ADD}, token.MUL: {token.QUO}, token.QUO: {token.MUL},
	token.REM: {token.MUL}, token.AND: {token.OR}, token.OR: {token.AND}, token.SHL: {token.SHR},
	token.INC: {token.DEC}, token.DEC: {token.INC},
	token.ADD_ASSIGN: {token.SUB_ASSIGN}, token.SUB_ASSIGN: {token.ADD_ASSIGN},
}

const (
	statementForm = "func() { if everhookMutant(%d) { %s } else { %s } }()"
	branchForm    = "{ if everhookMutant(%d) { %s }; %s }"
)

// mutantsOf finds all changes of the package in a directory, in the order of its files.
func mutantsOf(dir string) (all []mutant, err error) {
	loaded, err := packages.Load(&packages.Config{Dir: dir, Mode: packages.NeedName | packages.NeedFiles |
		packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedTypes | packages.NeedSyntax |
		packages.NeedTypesInfo}, ".")
	if err != nil {
		return nil, err
	}
	if len(loaded) != 1 || len(loaded[0].Errors) > 0 {
		return nil, fmt.Errorf("%s cannot be read as a package: %v", dir, loaded[0].Errors)
	}
	p := loaded[0]
	for i, syntax := range p.Syntax {
		file := p.CompiledGoFiles[i]
		if filepath.Base(file) == "field_docs.go" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		f := source{file: file, text: text, lines: strings.Split(string(text), "\n"), p: p, syntax: syntax}
		for _, declaration := range syntax.Decls {
			if function, ok := declaration.(*ast.FuncDecl); ok && function.Body != nil {
				all = append(all, f.mutants(function)...)
			}
		}
	}
	return all, nil
}

// source is a file of the package.
type source struct {
	file   string
	text   []byte
	lines  []string
	p      *packages.Package
	syntax *ast.File
}

func (f source) mutants(function *ast.FuncDecl) (all []mutant) {
	add := func(node ast.Node, at token.Pos, old, with, form string) {
		from := f.p.Fset.Position(at)
		all = append(all, mutant{file: f.file, from: from.Offset, to: from.Offset + len(old), with: with, form: form,
			start: f.p.Fset.Position(node.Pos()).Offset, end: f.p.Fset.Position(node.End()).Offset, line: from.Line,
			name: fmt.Sprintf("%s %s: %s: %s -> %s", filepath.Base(f.file), function.Name.Name,
				strings.TrimSpace(f.lines[from.Line-1]), old, with)})
	}
	hints := map[ast.Node]bool{}
	ast.Inspect(function.Body, func(node ast.Node) bool {
		if hints[node] {
			return false
		}
		switch node := node.(type) {
		case *ast.CallExpr:
			for i, argument := range node.Args {
				hints[argument] = f.isHint(node, i)
			}
		case *ast.BinaryExpr:
			for _, with := range replaced[node.Op] {
				if node.Op != token.ADD || !isText(f.p.TypesInfo.TypeOf(node)) {
					add(node, node.OpPos, node.Op.String(), with.String(), f.expressionForm(node))
				}
			}
		case *ast.IncDecStmt:
			for _, with := range replaced[node.Tok] {
				add(node, node.TokPos, node.Tok.String(), with.String(), statementForm)
			}
		case *ast.AssignStmt:
			for _, with := range replaced[node.Tok] {
				if !isText(f.p.TypesInfo.TypeOf(node.Lhs[0])) {
					add(node, node.TokPos, node.Tok.String(), with.String(), statementForm)
				}
			}
		case *ast.UnaryExpr:
			if node.Op == token.NOT {
				add(node, node.OpPos, "!", "", f.expressionForm(node))
			}
		case *ast.Ident:
			if other := map[string]string{"true": "false", "false": "true"}[node.Name]; other != "" {
				add(node, node.NamePos, node.Name, other, f.expressionForm(node))
			}
		case *ast.BasicLit:
			if number, err := strconv.Atoi(node.Value); err == nil && node.Kind == token.INT {
				add(node, node.ValuePos, node.Value, strconv.Itoa(number+1), f.expressionForm(node))
			}
		case *ast.BranchStmt:
			if node.Label == nil && node.Tok == token.CONTINUE {
				add(node, node.TokPos, "continue", "break", branchForm)
			}
		}
		return true
	})
	return all
}

// isHint reports whether an argument of a call only says how much memory to reserve, or how much of a text a message
// shows: the capacity in make, the size of a map, the argument of a method or function Grow, and the length of Shorten.
func (f source) isHint(call *ast.CallExpr, argument int) bool {
	switch function := call.Fun.(type) {
	case *ast.Ident:
		if function.Name != "make" {
			return false
		}
		_, isMap := f.p.TypesInfo.TypeOf(call).Underlying().(*types.Map)
		return argument == 2 || argument == 1 && isMap
	case *ast.SelectorExpr:
		return slices.Contains([]string{"Grow", "Shorten"}, function.Sel.Name) && argument == len(call.Args)-1
	default:
		return false
	}
}

func isText(t types.Type) bool {
	basic, ok := t.Underlying().(*types.Basic)
	return ok && basic.Info()&types.IsString != 0
}

// expressionForm is empty if the type of the expression has no name in its file.
func (f source) expressionForm(e ast.Expr) string {
	named := true
	name := types.TypeString(types.Default(f.p.TypesInfo.TypeOf(e)), func(of *types.Package) string {
		if of == f.p.Types {
			return ""
		}
		for _, spec := range f.syntax.Imports {
			switch path, _ := strconv.Unquote(spec.Path.Value); {
			case path != of.Path():
			case spec.Name != nil:
				return spec.Name.Name
			default:
				return of.Name()
			}
		}
		named = false
		return of.Name()
	})
	if !named {
		return ""
	}
	return "func() " + strings.ReplaceAll(name, "%", "%%") + " { if everhookMutant(%d) { return %s }; return %s }()"
}
