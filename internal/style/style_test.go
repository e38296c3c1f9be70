package style

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

const (
	root = "../.."
	// maxColumns bounds a line of code or of a comment; a tab is four columns.
	maxColumns = 120
	// maxDocument bounds a line of a document outside of tables.
	maxDocument = 160
	// maxTestName is below which the name of a test must stay.
	maxTestName = 60
)

// vague matches words that are used in place of a noun, or of "after".
var vague = regexp.MustCompile(`(?i)\b(nobody|whoever|somebody|whom|unannounced|gives away|behind)\b`)

// allowed are the meanings of vague words that are plain.
var allowed = regexp.MustCompile(`(?i)\bbehind (an?|the|its|your) (proxy|guard|load balancer)` +
	`|^// (Behind|nobody) |seconds behind|clock[ ._]behind`)

// file is a Go file of this repository.
type file struct {
	name   string
	text   string
	syntax *ast.File
	set    *token.FileSet
}

func (f file) line(pos token.Pos) int { return f.set.Position(pos).Line }

// passedOver are the folders whose files are not ours, or not texts.
var passedOver = []string{"testdata", "node_modules", ".git", "everhook-data"}

// files returns all files with an ending, by their paths in the repository.
func files(t *testing.T, ending string) []string {
	var names []string
	require.NoError(t, filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(passedOver, entry.Name()):
			return fs.SkipDir
		case !entry.IsDir() && strings.HasSuffix(name, ending):
			names = append(names, name)
		}
		return nil
	}))
	require.NotEmpty(t, names)
	return names
}

// written returns the Go files that are not generated.
func written(t *testing.T) (all []file) {
	for _, name := range files(t, ".go") {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, name, data, parser.ParseComments|parser.SkipObjectResolution)
		require.NoError(t, err)
		if !ast.IsGenerated(syntax) {
			all = append(all, file{name: strings.TrimPrefix(filepath.ToSlash(name), root+"/"), text: string(data),
				syntax: syntax, set: set})
		}
	}
	return all
}

func TestLinesOfCodeAreAtMost120Columns(t *testing.T) {
	t.Parallel()
	for _, f := range written(t) {
		exempt := f.unbreakable()
		number := 0
		for line := range strings.Lines(f.text) {
			number++
			line = strings.TrimSuffix(line, "\n")
			columns := utf8.RuneCountInString(line) + 3*strings.Count(line, "\t")
			if columns > maxColumns && !exempt[number] {
				t.Errorf("%s:%d has %d columns; wrap it at %d", f.name, number, columns, maxColumns)
			}
		}
	}
}

// unbreakable returns the lines that gofmt does not let break: tags of struct fields, entries of maps with texts as
// keys, texts of several lines, and long words.
func (f file) unbreakable() map[int]bool {
	lines := map[int]bool{}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			if n.Tag != nil {
				lines[f.line(n.Tag.Pos())] = true
			}
		case *ast.KeyValueExpr: // gofmt keeps a key and the start of its value on one line
			if key, ok := n.Key.(*ast.BasicLit); ok && key.Kind == token.STRING {
				lines[f.line(n.Value.Pos())] = true
			}
		case *ast.BasicLit:
			first, last := f.line(n.Pos()), f.line(n.End())
			longWord := slices.ContainsFunc(strings.Fields(n.Value), func(word string) bool { return len(word) > 60 })
			for line := first; line <= last && (last > first || longWord); line++ {
				lines[line] = true
			}
		}
		return true
	})
	return lines
}

func TestCommentsUsePlainWords(t *testing.T) {
	t.Parallel()
	for _, f := range written(t) {
		for _, group := range f.syntax.Comments {
			for _, comment := range group.List {
				requirePlain(t, f.name, f.line(comment.Pos()), comment.Text)
			}
		}
	}
}

func TestDocumentsUsePlainWordsAndShortLines(t *testing.T) {
	t.Parallel()
	for _, name := range files(t, ".md") {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		name = strings.TrimPrefix(filepath.ToSlash(name), root+"/")
		number := 0
		for line := range strings.Lines(string(data)) {
			number++
			requirePlain(t, name, number, line)
			columns := utf8.RuneCountInString(strings.TrimSuffix(line, "\n"))
			if columns > maxDocument && !strings.HasPrefix(line, "|") {
				t.Errorf("%s:%d has %d columns; wrap it at %d", name, number, columns, maxColumns)
			}
		}
	}
}

// requirePlain reports the vague words in a line of a comment or a document.
func requirePlain(t *testing.T, name string, number int, text string) {
	if word := vague.FindString(allowed.ReplaceAllString(text, "")); word != "" {
		t.Errorf("%s:%d says %q; name the person or thing, and write \"after\" for \"behind\"", name, number, word)
	}
}

func TestNamesOfTestsAreShort(t *testing.T) {
	t.Parallel()
	test := regexp.MustCompile(`^(Test|Fuzz|Benchmark|Example)`)
	for _, f := range written(t) {
		for _, declaration := range f.syntax.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if ok && strings.HasSuffix(f.name, "_test.go") && test.MatchString(function.Name.Name) &&
				len(function.Name.Name) >= maxTestName {
				t.Errorf("%s:%d: the name %s has %d characters; at most %d are readable", f.name,
					f.line(function.Pos()), function.Name.Name, len(function.Name.Name), maxTestName-1)
			}
		}
	}
}
