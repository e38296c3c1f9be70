package nodes_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/nodes"
)

// exempt are files that know kinds by name, because that is their job.
var exempt = map[string]string{
	"internal/flowgen": "it makes random flows of the built-in kinds",
	"internal/bench":   "it makes the flows that are measured",
}

// TestKindsAreKnownByCapability finds code that treats one kind in a special way, so that a kind from outside could not
// be treated so: a type assertion or switch on its config, or a comparison with its name. Ask for a capability instead,
// an interface of package kind or trigger.
func TestKindsAreKnownByCapability(t *testing.T) {
	t.Parallel()
	types, names := map[string]bool{}, map[string]bool{}
	registry := nodes.Standard()
	for _, kind := range registry.Kinds() {
		types[reflect.TypeOf(kind).Elem().Name()], names[kind.Spec().Kind] = true, true
	}
	for _, trigger := range registry.Triggers() {
		types[reflect.TypeOf(trigger).Elem().Name()], names[trigger.Spec().Kind] = true, true
	}
	const root = ".."
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(root, path)
		if entry.IsDir() && (exempt[filepath.ToSlash(name)] != "" || strings.HasPrefix(name, ".") && name != ".") {
			return filepath.SkipDir
		}
		if filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		inside := filepath.ToSlash(filepath.Dir(name))
		for _, found := range special(file, types, names, inside == "nodes" || inside == "nodes/trigger") {
			t.Errorf("%s: %s; ask for a capability", files.Position(found.Pos()), text(found))
		}
		return nil
	}))
}

// special finds assertions to the types of kinds and comparisons with their names.
func special(file *ast.File, types, names map[string]bool, inside bool) (found []ast.Node) {
	isKind := func(e ast.Expr) bool {
		pointer, ok := e.(*ast.StarExpr)
		if !ok {
			return false
		}
		switch of := pointer.X.(type) {
		case *ast.Ident:
			return inside && types[of.Name]
		case *ast.SelectorExpr:
			from, ok := of.X.(*ast.Ident)
			return ok && (from.Name == "nodes" || from.Name == "trigger") && types[of.Sel.Name]
		}
		return false
	}
	isName := func(e ast.Expr) bool {
		literal, ok := e.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return false
		}
		value, err := strconv.Unquote(literal.Value)
		return err == nil && names[value]
	}
	isType := func(e ast.Expr) bool {
		selector, ok := e.(*ast.SelectorExpr)
		return ok && (selector.Sel.Name == "Type" || selector.Sel.Name == "Kind")
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.TypeAssertExpr:
			if isKind(node.Type) {
				found = append(found, node)
			}
		case *ast.TypeSwitchStmt:
			for _, clause := range node.Body.List {
				for _, of := range clause.(*ast.CaseClause).List {
					if isKind(of) {
						found = append(found, of)
					}
				}
			}
		case *ast.BinaryExpr:
			compares := node.Op == token.EQL || node.Op == token.NEQ
			if compares && (isType(node.X) && isName(node.Y) || isName(node.X) && isType(node.Y)) {
				found = append(found, node)
			}
		}
		return true
	})
	return found
}

func text(node ast.Node) string { return fmt.Sprintf("%T treats one kind in a special way", node) }
