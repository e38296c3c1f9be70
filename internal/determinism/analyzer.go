// Package determinism finds code that could run differently on a replay.
//
// Temporal's workflowcheck checks functions that take a workflow.Context. Pure kinds and the engine take none, but are
// workflow code too.
package determinism

import (
	_ "embed"
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"go.temporal.io/sdk/contrib/tools/workflowcheck/determinism"
	"go.temporal.io/sdk/contrib/tools/workflowcheck/workflow"
	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/go/analysis"
)

// deterministic lists functions that look non-deterministic but are not, with the reasons.
//
//go:embed deterministic.yaml
var deterministic []byte

const (
	module            = "github.com/everhook/everhook"
	kindPackage       = module + "/nodes/kind"
	expressionPackage = module + "/nodes/expression"
)

// replayed are the packages that run in workflows as a whole.
var replayed = []string{module + "/internal/engine", module + "/nodes/calendar"}

// NewAnalyzer makes workflowcheck's analyzer, with its flags. It checks more functions: those of the engine, those that
// take an interface of nodes/kind whose name ends in Run, and those that evaluate expressions. Calls through function
// values are not followed. Comments //workflowcheck:ignore and the option -config work as they do there. It panics if
// the list of deterministic functions cannot be read.
func NewAnalyzer() *analysis.Analyzer {
	var known struct{ Decls determinism.IdentRefs }
	if err := yaml.Unmarshal(deterministic, &known); err != nil {
		panic(err)
	}
	checker := workflow.NewChecker(workflow.Config{IdentRefs: workflow.DefaultIdentRefs.Clone().SetAll(known.Decls)})
	analyzer := checker.NewAnalyzer()
	analyzer.Name = "kindcheck"
	analyzer.Doc = "Reports code of kinds, workflows and the engine that could run differently on a replay"
	analyzer.Run = func(pass *analysis.Pass) (any, error) {
		if err := checker.Run(pass); err != nil {
			return nil, err
		}
		report(pass, checker.IncludePosOnMessage)
		return nil, nil
	}
	return analyzer
}

func report(pass *analysis.Pass, withPositions bool) {
	cache := determinism.NewPackageLookupCache(pass)
	found := cache.PackageNonDeterminisms(pass.Pkg)
	for _, file := range pass.Files {
		if strings.HasSuffix(pass.Fset.File(file.Package).Name(), "_test.go") {
			continue
		}
		ignored := map[ast.Node]struct{}{}
		determinism.UpdateIgnoreMap(pass.Fset, file, ignored)
		for _, declared := range file.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if _, skip := ignored[declared]; !ok || skip {
				continue
			}
			object, ok := pass.TypesInfo.ObjectOf(function.Name).(*types.Func)
			if !ok || !isReplayed(object) {
				continue
			}
			for _, reason := range found[object.FullName()] {
				lines := determinism.NonDeterminisms{reason}.AppendChildReasonLines(object.FullName(), nil, 0, "  ",
					withPositions, pass.Pkg, cache, map[string]bool{})
				pass.Report(analysis.Diagnostic{Pos: function.Pos(), Message: strings.Join(lines, "\n")})
			}
		}
	}
}

// isReplayed reports whether a function runs in workflows: because of its package, or because it takes a run of a kind,
// or the scope or the call of an expression. Functions that take a workflow.Context first are checked by workflowcheck
// itself.
func isReplayed(function *types.Func) bool {
	if slices.Contains(replayed, function.Pkg().Path()) {
		return true
	}
	parameters := function.Signature().Params()
	for i := range parameters.Len() {
		in, name := named(parameters.At(i).Type())
		switch {
		case i == 0 && name == "Context" && strings.HasPrefix(in, "go.temporal.io/sdk/"):
			return false
		case in == kindPackage && strings.HasSuffix(name, "Run"),
			in == expressionPackage && (name == "Scope" || name == "call"):
			return true
		}
	}
	return false
}

// named returns the package and the name of a type or of its pointer's target; empty if it has none.
func named(t types.Type) (in, name string) {
	if pointer, ok := t.(*types.Pointer); ok {
		t = pointer.Elem()
	}
	if named, ok := types.Unalias(t).(*types.Named); ok && named.Obj().Pkg() != nil {
		return named.Obj().Pkg().Path(), named.Obj().Name()
	}
	return "", ""
}
