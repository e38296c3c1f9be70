package schema

import (
	"encoding"
	"reflect"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Catalogue describes all kinds for the forms of the console.
type Catalogue struct {
	Kinds    []KindForm `json:"kinds"`
	Triggers []KindForm `json:"triggers"`
	// Node are the fields that every node has besides its config.
	Node []FormField `json:"node"`
	// Options are those of a flow.
	Options []FormField `json:"options"`
}

// KindForm is one kind with the form of its config.
type KindForm struct {
	Kind    string `json:"kind"`
	Group   string `json:"group,omitempty"`
	Summary string `json:"summary"`
	// Result says what a node's result is, Failures when it fails.
	Result   string      `json:"result,omitempty"`
	Failures string      `json:"failures,omitempty"`
	Fields   []FormField `json:"fields"`
	// Branches are the names of the branches that it can have. With Named, the flow names further ones.
	Branches []string `json:"branches,omitempty"`
	Named    bool     `json:"named,omitempty"`
	// Effect is set for kinds that act on other systems: they have timeout and retry. Timeout and Attempts are its
	// defaults.
	Effect   bool   `json:"effect,omitempty"`
	Timeout  string `json:"timeout,omitempty"`
	Attempts int    `json:"attempts,omitempty"`
	// Answers is set if a node answers the caller of a sync flow.
	Answers bool `json:"answers,omitempty"`
	// Example is a node, or a trigger block, as YAML.
	Example string `json:"example"`
}

// Role is how the value of a field is written.
type Role string

// The roles. A literal field takes no template.
const (
	LiteralRole    Role = "literal"
	TemplateRole   Role = "template"
	ExpressionRole Role = "expression"
)

// FormField is one field of a form.
type FormField struct {
	Name string `json:"name"`
	Help string `json:"help,omitempty"`
	Role Role   `json:"role"`
	// Widget is the control: text, url, number, switch, choice, duration, size, path, list, mapping, group, value (any
	// JSON) or condition.
	Widget   string   `json:"widget"`
	Required bool     `json:"required,omitempty"`
	Choices  []string `json:"choices,omitempty"`
	Default  any      `json:"default,omitempty"`
	// Single is set if a list may also be one element.
	Single bool `json:"single,omitempty"`
	// Of is the element of a list or mapping.
	Of *FormField `json:"of,omitempty"`
	// Fields are those of a group.
	Fields []FormField `json:"fields,omitempty"`
}

// maxFormDepth bounds groups in groups.
const maxFormDepth = 6

// NewCatalogue describes the kinds of a registry, in its order.
func NewCatalogue(r *kind.Registry) Catalogue {
	catalogue := Catalogue{Kinds: []KindForm{}, Triggers: []KindForm{},
		Node: slices.DeleteFunc(formFields(reflect.TypeFor[everhook.Node](), 0), func(f FormField) bool {
			return f.Name == "config" || f.Name == "branches"
		}), Options: formFields(reflect.TypeFor[everhook.Options](), 0)}
	for _, k := range r.Kinds() {
		spec := k.Spec()
		form := KindForm{Kind: spec.Kind, Group: string(spec.Group), Summary: spec.Summary, Result: spec.Result,
			Failures: spec.Failures, Fields: formFields(reflect.TypeOf(k).Elem(), 0), Named: spec.NamedBranches,
			Example: spec.Example}
		for _, branch := range spec.Branches {
			form.Branches = append(form.Branches, branch.Name)
		}
		if spec.Effect != nil {
			form.Effect, form.Attempts = true, spec.Effect.MaxAttempts
			form.Timeout = shortDuration(spec.Effect.Timeout)
		}
		_, form.Answers = k.(kind.Answering)
		catalogue.Kinds = append(catalogue.Kinds, form)
	}
	for _, t := range r.Triggers() {
		spec := t.Spec()
		catalogue.Triggers = append(catalogue.Triggers, KindForm{Kind: spec.Kind, Summary: spec.Summary,
			Result: spec.Data, Fields: formFields(reflect.TypeOf(t).Elem(), 0), Example: spec.Example})
	}
	return catalogue
}

func formFields(t reflect.Type, depth int) []FormField {
	fields := []FormField{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct {
			fields = append(fields, formFields(f.Type, depth)...)
			continue
		}
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		field := formField(f.Type, f.Tag, depth)
		field.Name, field.Help = name, fieldDoc(t, f, name)
		field.Required, field.Single = f.Tag.Get("required") == "true", f.Tag.Get("single") == "true"
		field.Default = defaultOf(f.Type, f.Tag)
		fields = append(fields, field)
	}
	return fields
}

// widgets are those of the built-in schemas.
var widgets = map[string]string{
	"duration": "duration", "size": "size", "path": "path", "cidr": "text", "onError": "choice", "mapping": "mapping",
	"retryCause": "text", "statuses": "text", "expression": "text", "condition": "condition", "templateURL": "url",
	"templateString": "text", "templateInteger": "number", "templateNumber": "number", "templateBoolean": "switch",
	"templateDuration": "duration", "templateTime": "text", "templateList": "value", "templateStrings": "list",
	"templateMapping": "mapping", "templateStringMapping": "mapping", "templateHeaders": "mapping",
}

func formField(t reflect.Type, tag reflect.StructTag, depth int) FormField {
	field := FormField{Role: LiteralRole, Widget: "value", Choices: words(tag)}
	switch {
	case t.Kind() == reflect.Pointer:
		return formField(t.Elem(), tag, depth)
	case reflect.PointerTo(t).Implements(fieldType):
		field.Role = TemplateRole
		if reflect.New(t).Interface().(expression.Field).Class() == expression.ClassExpression {
			field.Role = ExpressionRole
		}
		if widget := widgets[evaluatedTypes[t]]; widget != "" {
			field.Widget = widget
		}
		if field.Widget == "mapping" || field.Widget == "list" {
			field.Of = &FormField{Role: TemplateRole, Widget: "text"}
		}
	case t == reflect.TypeFor[everhook.OnError]():
		field.Choices = []string{string(everhook.OnErrorFail), string(everhook.OnErrorContinue),
			string(everhook.OnErrorBranch)}
		field.Widget = "choice"
	case builtinTypes[t] != "":
		if widget := widgets[builtinTypes[t]]; widget != "" {
			field.Widget = widget
		}
		if field.Widget == "mapping" {
			field.Of = &FormField{Role: LiteralRole, Widget: "value"}
		}
	case readsItself(t):
		if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
			field.Widget = "text"
		}
	default:
		plain(&field, t, tag, depth)
	}
	if field.Choices != nil && field.Widget == "text" {
		field.Widget = "choice"
	}
	return field
}

// readsItself reports whether values of a type have another form than its Go type.
func readsItself(t reflect.Type) bool {
	switch reflect.New(t).Interface().(type) {
	case kind.Schemer, interface{ Decode(v any) error }, encoding.TextUnmarshaler:
		return true
	}
	return false
}

// plain sets what follows from a Go type.
func plain(field *FormField, t reflect.Type, tag reflect.StructTag, depth int) {
	switch t.Kind() {
	case reflect.Struct:
		if depth < maxFormDepth {
			field.Widget, field.Fields = "group", formFields(t, depth+1)
		}
	case reflect.Slice, reflect.Map:
		of := formField(t.Elem(), onlyEnum(tag), depth+1)
		field.Of, field.Choices, field.Widget = &of, nil, "list"
		if t.Kind() == reflect.Map {
			field.Widget = "mapping"
		}
	case reflect.String:
		field.Widget = "text"
	case reflect.Bool:
		field.Widget = "switch"
	case reflect.Interface:
	default:
		field.Widget = "number"
	}
}
