// Command mutants changes one small thing in a package, runs the package's tests, and expects them to fail. It does so
// for a sample of all changes that it knows, which a seed chooses. Changes that no test notices are listed.
//
//	go run ./internal/mutants -n 200 -seed 1 ./nodes/expression
//
// The file mutants.txt in a package lists survivors that are no gap of the tests, one a line: the change as the command
// prints it, a tab, and the reason. The command leaves them out, and fails if fewer than nine in ten others are killed.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// share is the part of the mutants that must be killed, in percent.
const share = 90

func main() {
	n := flag.Int("n", 200, "how many mutants of each package")
	seed := flag.Uint64("seed", 1, "chooses the mutants")
	timeout := flag.Duration("timeout", 2*time.Minute, "time of the tests of one mutant; over it, it counts as killed")
	tests := flag.String("tests", "", "package with the tests, if not that of the mutants")
	flag.Parse()
	failed := false
	for _, dir := range flag.Args() {
		ok, err := run(filepath.Clean(dir), *tests, *n, *seed, *timeout)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		failed = failed || !ok
	}
	if failed {
		os.Exit(1)
	}
}

// mutant is one change of a file.
type mutant struct {
	file     string
	from, to int
	with     string
	// name is for people, and stays when other lines change: file, function, the line's text, and the change.
	name string
	line int
}

func run(dir, tests string, n int, seed uint64, timeout time.Duration) (ok bool, err error) {
	all, err := mutantsOf(dir)
	if err != nil {
		return false, err
	}
	reasons, err := known(filepath.Join(dir, "mutants.txt"))
	if err != nil {
		return false, err
	}
	random := rand.New(rand.NewPCG(seed, 0))
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	killed, survived, excused := 0, 0, 0
	for _, m := range all {
		if done := killed + survived + excused; done == n {
			break
		} else if done > 0 && done%20 == 0 {
			fmt.Fprintf(os.Stderr, "%s: %d of %d\n", dir, done, n)
		}
		if reasons[m.name] != "" {
			excused++
			continue
		}
		switch outcome, err := m.try(dir, tests, timeout); {
		case err != nil:
			return false, err
		case outcome == invalid:
		case outcome == noticed:
			killed++
		default:
			survived++
			fmt.Printf("survived\t%s:%d\t%s\n", m.file, m.line, m.name)
		}
	}
	percent := 100 * killed / max(1, killed+survived)
	fmt.Printf("%s: %d of %d killed (%d %%), %d with a reason in mutants.txt, of %d possible, seed %d\n", dir, killed,
		killed+survived, percent, excused, len(all), seed)
	return percent >= share, nil
}

func known(file string) (map[string]string, error) {
	reasons := map[string]string{}
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return reasons, nil
	}
	for line := range strings.Lines(string(data)) {
		name, reason, found := strings.Cut(strings.TrimSpace(line), "\t")
		if found && !strings.HasPrefix(name, "#") {
			reasons[name] = reason
		}
	}
	return reasons, err
}

type outcome int

const (
	invalid outcome = iota // it does not compile
	noticed
	unnoticed
)

// try runs the tests on the changed file, which only the go command sees.
func (m mutant) try(dir, tests string, timeout time.Duration) (outcome, error) {
	data, err := os.ReadFile(m.file)
	if err != nil {
		return invalid, err
	}
	scratch, err := os.MkdirTemp("", "mutant-")
	if err != nil {
		return invalid, err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	changed, overlay := filepath.Join(scratch, "changed.go"), filepath.Join(scratch, "overlay.json")
	absolute, err := filepath.Abs(m.file)
	if err != nil {
		return invalid, err
	}
	mapping, err := json.Marshal(map[string]any{"Replace": map[string]string{absolute: changed}})
	if err != nil {
		return invalid, err
	}
	text := slices.Concat(data[:m.from], []byte(m.with), data[m.to:])
	if err := errors.Join(os.WriteFile(changed, text, 0o600), os.WriteFile(overlay, mapping, 0o600)); err != nil {
		return invalid, err
	}
	of := "./" + dir
	if tests != "" {
		of = tests
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout+time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "go", "test", "-overlay", overlay, "-failfast", "-count=1", "-vet=off",
		"-timeout", timeout.String(), of)
	output, err := command.CombinedOutput()
	switch {
	case err == nil:
		return unnoticed, nil
	case bytes.Contains(output, []byte("[build failed]")) || bytes.Contains(output, []byte("[setup failed]")):
		return invalid, nil
	default:
		return noticed, nil
	}
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

// mutantsOf finds all changes of a package, in the order of its files.
func mutantsOf(dir string) (all []mutant, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") || filepath.Base(file) == "field_docs.go" {
			continue
		}
		found, err := mutantsIn(file)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func mutantsIn(file string) (all []mutant, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	positions := token.NewFileSet()
	parsed, err := parser.ParseFile(positions, file, data, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(string(data), "\n")
	for _, declaration := range parsed.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || function.Body == nil {
			continue
		}
		add := func(at token.Pos, old, with string) {
			from := positions.Position(at)
			all = append(all, mutant{file: file, from: from.Offset, to: from.Offset + len(old), with: with,
				line: from.Line,
				name: fmt.Sprintf("%s %s: %s: %s -> %s", filepath.Base(file), function.Name.Name,
					strings.TrimSpace(lines[from.Line-1]), old, with)})
		}
		ast.Inspect(function.Body, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.BinaryExpr:
				for _, with := range replaced[node.Op] {
					add(node.OpPos, node.Op.String(), with.String())
				}
			case *ast.IncDecStmt:
				for _, with := range replaced[node.Tok] {
					add(node.TokPos, node.Tok.String(), with.String())
				}
			case *ast.AssignStmt:
				for _, with := range replaced[node.Tok] {
					add(node.TokPos, node.Tok.String(), with.String())
				}
			case *ast.UnaryExpr:
				if node.Op == token.NOT {
					add(node.OpPos, "!", "")
				}
			case *ast.Ident:
				if other := map[string]string{"true": "false", "false": "true"}[node.Name]; other != "" {
					add(node.NamePos, node.Name, other)
				}
			case *ast.BasicLit:
				if number, err := strconv.Atoi(node.Value); err == nil && node.Kind == token.INT {
					add(node.ValuePos, node.Value, strconv.Itoa(number+1))
				}
			case *ast.BranchStmt:
				if node.Label == nil && node.Tok == token.CONTINUE {
					add(node.TokPos, "continue", "break")
				}
			}
			return true
		})
	}
	return all, nil
}
