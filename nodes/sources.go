package nodes

import (
	"embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"

	"github.com/everhook/everhook"
)

//go:embed *.go
var sources embed.FS

// Sourcer is implemented by kinds and triggers from outside this package that want the comments of their config structs
// in the JSON Schema and the reference page. A file that embeds itself is all it takes.
type Sourcer interface {
	// Source is the Go source of the file that declares the config struct and the structs in it.
	Source() string
}

// comments are the doc comments of structs and their fields, by the name of the type with its package, and of the
// field.
type comments map[string]typeComments

type typeComments struct {
	doc    string
	fields map[string]string
}

// readComments reads the sources of this package, of the definition, and of the kinds that bring their own.
func (r *Registry) readComments() (comments, error) {
	c := comments{}
	entries, err := sources.ReadDir(".")
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		source, err := sources.ReadFile(entry.Name())
		if err != nil {
			return nil, err
		}
		if err := c.read(reflect.TypeFor[Registry]().PkgPath(), entry.Name(), string(source)); err != nil {
			return nil, err
		}
	}
	if err := c.read(reflect.TypeFor[everhook.Definition]().PkgPath(), "definition.go",
		everhook.DefinitionSource()); err != nil {
		return nil, err
	}
	var configs []any
	for _, kind := range r.Kinds() {
		configs = append(configs, kind)
	}
	for _, trigger := range r.Triggers() {
		configs = append(configs, trigger)
	}
	for _, config := range configs {
		if sourcer, ok := config.(Sourcer); ok {
			t := reflect.TypeOf(config).Elem()
			if err := c.read(t.PkgPath(), t.Name(), sourcer.Source()); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// read takes the comments of one file.
func (c comments) read(pkg, name, source string) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("the source of a config struct: %w", err)
	}
	for _, declaration := range file.Decls {
		types, ok := declaration.(*ast.GenDecl)
		if !ok || types.Tok != token.TYPE {
			continue
		}
		for _, spec := range types.Specs {
			declared := spec.(*ast.TypeSpec)
			doc := declared.Doc
			if doc == nil {
				doc = types.Doc
			}
			c[pkg+"."+declared.Name.Name] = typeComments{doc: oneLine(doc), fields: fieldComments(declared.Type)}
		}
	}
	return nil
}

func fieldComments(declared ast.Expr) map[string]string {
	fields := map[string]string{}
	structure, ok := declared.(*ast.StructType)
	if !ok {
		return fields
	}
	for _, field := range structure.Fields.List {
		for _, name := range field.Names {
			fields[name.Name] = oneLine(field.Doc)
		}
	}
	return fields
}

func oneLine(comment *ast.CommentGroup) string {
	return strings.Join(strings.Fields(comment.Text()), " ")
}

// of gives the comments of a type.
func (c comments) of(t reflect.Type) typeComments { return c[t.PkgPath()+"."+t.Name()] }

// field is the comment of a field. It begins with the field's name, as Go comments do: that is written as in files, or
// left out where the rest says what the field is.
func (c comments) field(t reflect.Type, f reflect.StructField, name string) string {
	doc := c.of(t).fields[f.Name]
	rest, ok := strings.CutPrefix(doc, f.Name+" ")
	if !ok {
		return doc
	}
	for _, verb := range []string{"is ", "are "} {
		if what, ok := strings.CutPrefix(rest, verb); ok {
			return strings.ToUpper(what[:1]) + what[1:]
		}
	}
	return name + " " + rest
}

// more is what the comment of a type says beyond its first sentence.
func (c comments) more(t reflect.Type) string {
	_, rest, _ := strings.Cut(c.of(t).doc, ". ")
	return rest
}
