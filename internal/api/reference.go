package api

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

var (
	//go:embed reference.html
	referenceText string
	//go:embed reference.css
	referenceStyle []byte
)

// operationView is one operation on the page.
type operationView struct {
	*huma.Operation
	Role    string
	Body    string
	Answers []answerView
}

// answerView is one status of an operation with the name of its body.
type answerView struct{ Status, Text, Body string }

// schemaView is one type on the page.
type schemaView struct {
	Name, Text string
	Fields     []fieldView
}

type fieldView struct {
	Name, Type, Text string
	Required         bool
}

// referencePage is the document as a page that needs neither a script nor anything from another address.
func referencePage(document *huma.OpenAPI) []byte {
	groups := map[string][]operationView{}
	for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
		item := document.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
			if op != nil {
				groups[op.Tags[0]] = append(groups[op.Tags[0]], viewOf(op))
			}
		}
	}
	var schemas []schemaView
	for _, name := range slices.Sorted(maps.Keys(document.Components.Schemas.Map())) {
		schema := document.Components.Schemas.Map()[name]
		view := schemaView{Name: name, Text: schema.Description}
		for _, field := range slices.Sorted(maps.Keys(schema.Properties)) {
			property := schema.Properties[field]
			view.Fields = append(view.Fields, fieldView{field, typeOf(property), property.Description,
				slices.Contains(schema.Required, field)})
		}
		schemas = append(schemas, view)
	}
	functions := template.FuncMap{"type": typeOf, "named": isNamed}
	var page bytes.Buffer
	err := template.Must(template.New("").Funcs(functions).Parse(referenceText)).Execute(&page, map[string]any{
		"Info": document.Info, "Tags": document.Tags, "Groups": groups, "Schemas": schemas, "Document": DocumentPath})
	if err != nil {
		panic(err) // the document does not depend on a request
	}
	return page.Bytes()
}

func viewOf(op *huma.Operation) operationView {
	view := operationView{Operation: op, Role: fmt.Sprint(op.Metadata[metaRole])}
	if op.RequestBody != nil {
		view.Body = contentOf(op.RequestBody.Content)
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		response := op.Responses[status]
		view.Answers = append(view.Answers, answerView{status, response.Description, contentOf(response.Content)})
	}
	return view
}

func contentOf(content map[string]*huma.MediaType) string {
	for _, kind := range slices.Sorted(maps.Keys(content)) {
		return typeOf(content[kind].Schema)
	}
	return ""
}

const schemaPrefix = "#/components/schemas/"

// typeOf is the name of a schema for people.
func typeOf(schema *huma.Schema) string {
	if schema == nil {
		return ""
	}
	switch name, named := strings.CutPrefix(schema.Ref, schemaPrefix); {
	case named:
		return name
	case schema.Type == huma.TypeArray:
		return "list of " + typeOf(schema.Items)
	case len(schema.Enum) > 0:
		return strings.Trim(fmt.Sprint(schema.Enum), "[]")
	case schema.Type == "":
		return "any"
	case schema.Format != "":
		return schema.Type + " (" + schema.Format + ")"
	default:
		return schema.Type
	}
}

// isNamed returns the name of the type to link to; empty for none.
func isNamed(text string) string {
	name := strings.TrimPrefix(text, "list of ")
	if name != "" && name[0] >= 'A' && name[0] <= 'Z' {
		return name
	}
	return ""
}
