package schema

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// schema is a JSON Schema (2020-12), or a part of one.
type schema = map[string]any

// configField is one field of a config struct.
type configField struct {
	name     string
	doc      string
	required bool
	// takes describes in words the values of the field.
	takes string
	// standard is the default, from the tag of the field; nil without one.
	standard any
	schema   schema
	// below are the fields of the struct that the field holds, or of which it holds a list or mapping; path leads to
	// them.
	below []configField
	path  string
}

// describer turns config structs into schemas. Structs become definitions of their own, each once.
type describer struct {
	defs  schema
	names map[reflect.Type]string
	// open are the structs that are being described: one that holds itself only refers to itself.
	open map[reflect.Type]bool
}

func newDescriber() *describer {
	return &describer{defs: builtinSchemas(), names: map[reflect.Type]string{}, open: map[reflect.Type]bool{}}
}

// structure describes a struct: its fields, and the schema that refers to it.
func (d *describer) structure(t reflect.Type) ([]configField, schema) {
	name, known := d.names[t]
	if !known {
		name = d.name(t)
		d.names[t] = name
	}
	reference := refer(name)
	if d.open[t] {
		return nil, reference
	}
	d.open[t] = true
	defer delete(d.open, t)
	fields := d.fields(t)
	d.defs[name] = object(fields)
	return fields, reference
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9]+`)

// name finds a free name for the definition of a struct. Go's exported names do not meet those of the built-in
// definitions, which are lower case.
func (d *describer) name(t reflect.Type) string {
	base := notInNames.ReplaceAllString(t.Name(), "_")
	name := base
	for n := 2; d.defs[name] != nil; n++ {
		name = base + strconv.Itoa(n)
	}
	d.defs[name] = schema{}
	return name
}

// object is the schema of a mapping with these fields and no others.
func object(fields []configField) schema {
	properties := schema{}
	required := []string{}
	for _, field := range fields {
		properties[field.name] = field.schema
		if field.required {
			required = append(required, field.name)
		}
	}
	s := schema{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// fields describes the fields of a struct in its order, as the strict decoder sees them.
func (d *describer) fields(t reflect.Type) []configField {
	var fields []configField
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			fields = append(fields, d.fields(f.Type)...)
		case !f.IsExported() || name == "-":
		case name == "":
			fields = append(fields, d.field(t, f, f.Name))
		default:
			fields = append(fields, d.field(t, f, name))
		}
	}
	return fields
}

func (d *describer) field(t reflect.Type, f reflect.StructField, name string) configField {
	field := configField{name: name, doc: fieldDoc(t, f, name), required: f.Tag.Get("required") == "true",
		path: name}
	held := d.value(f.Type, f.Tag)
	field.below, field.takes = held.below, held.takes
	field.path += held.path
	if held.structure != nil {
		if more := moreDoc(held.structure); more != "" {
			field.doc = strings.TrimSpace(field.doc + " " + more)
		}
	}
	field.schema = schema{}
	for keyword, v := range held.schema {
		field.schema[keyword] = v
	}
	if field.doc != "" {
		field.schema["description"] = field.doc
	}
	if field.standard = defaultOf(f.Type, f.Tag); field.standard != nil {
		field.schema["default"] = field.standard
	}
	return field
}

// held describes the values of a Go type.
type held struct {
	schema schema
	takes  string
	below  []configField
	// path is "" for a value, "[]" for a list of values, ".<name>" for a mapping of values.
	path string
	// structure is set when the type is a struct, or holds structs.
	structure reflect.Type
}

var fieldType = reflect.TypeFor[expression.Field]()

// value describes a type. The tag is that of the field which has it.
func (d *describer) value(t reflect.Type, tag reflect.StructTag) held {
	if reflect.PointerTo(t).Implements(fieldType) {
		return d.evaluated(t, words(tag))
	}
	if own, ok := d.ownSchema(t); ok {
		return own
	}
	switch t.Kind() {
	case reflect.Pointer:
		return d.value(t.Elem(), tag)
	case reflect.Struct:
		below, s := d.structure(t)
		return held{schema: s, takes: "a mapping", below: below, structure: t}
	case reflect.Slice:
		return d.list(t, tag)
	case reflect.Map:
		of := d.value(t.Elem(), onlyEnum(tag))
		of.schema, of.path, of.takes = schema{"type": "object", "additionalProperties": of.schema}, ".<name>"+of.path,
			"a mapping of names to "+of.takes
		return of
	case reflect.String:
		if words := words(tag); words != nil {
			return held{schema: schema{"enum": words}, takes: oneOf(words)}
		}
		return held{schema: schema{"type": "string"}, takes: "text"}
	case reflect.Bool:
		return held{schema: schema{"type": "boolean"}, takes: "true or false"}
	case reflect.Float32, reflect.Float64:
		return held{schema: schema{"type": "number"}, takes: "a number"}
	case reflect.Interface:
		return held{schema: schema{}, takes: "any value"}
	default:
		return held{schema: schema{"type": "integer"}, takes: "a whole number"}
	}
}

func (d *describer) list(t reflect.Type, tag reflect.StructTag) held {
	of := d.value(t.Elem(), onlyEnum(tag))
	item := of.schema
	of.schema = schema{"type": "array", "items": item}
	of.path = "[]" + of.path
	if tag.Get("single") == "true" {
		of.schema = schema{"anyOf": []any{item, of.schema}}
		of.takes += ", or a list of them"
		return of
	}
	of.takes = "a list of: " + of.takes
	return of
}

// ownSchema describes types that read themselves.
func (d *describer) ownSchema(t reflect.Type) (held, bool) {
	if name, ok := builtinTypes[t]; ok {
		return held{schema: refer(name), takes: d.title(name)}, true
	}
	switch self := reflect.New(t).Interface().(type) {
	case kind.Schemer:
		s := self.JSONSchema()
		takes, ok := s["title"].(string)
		if !ok {
			takes = "a value"
		}
		return held{schema: s, takes: takes}, true
	case interface{ Decode(v any) error }:
		return held{schema: schema{}, takes: "a value"}, true
	case encoding.TextUnmarshaler:
		return held{schema: schema{"type": []string{"string", "number"}}, takes: "text"}, true
	}
	return held{}, false
}

// evaluated describes a field with an expression or a template.
func (d *describer) evaluated(t reflect.Type, words []string) held {
	if name, ok := evaluatedTypes[t]; ok {
		if words == nil {
			return held{schema: refer(name), takes: d.title(name)}
		}
		return held{schema: schema{"anyOf": []any{schema{"enum": words}, refer("templateText")}}, takes: "template: " +
			oneOf(words)}
	}
	if reflect.New(t).Interface().(expression.Field).Class() == expression.ClassExpression {
		return held{schema: refer("expression"), takes: "expression"}
	}
	return held{schema: refer("template"), takes: "template"}
}

// title is the title of a built-in definition.
func (d *describer) title(name string) string { return d.defs[name].(schema)["title"].(string) }

// words are the values of a field that takes one of several.
func words(tag reflect.StructTag) []string {
	if enum := tag.Get("enum"); enum != "" {
		return strings.Split(enum, ",")
	}
	return nil
}

func onlyEnum(tag reflect.StructTag) reflect.StructTag {
	if enum := tag.Get("enum"); enum != "" {
		return reflect.StructTag(fmt.Sprintf(`enum:%q`, enum))
	}
	return ""
}

func oneOf(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }

func refer(name string) schema { return schema{"$ref": "#/$defs/" + name} }

// defaultOf reads the tag default of a field as a JSON value: true, 5 or "30s". It is nil without a tag.
func defaultOf(t reflect.Type, tag reflect.StructTag) any {
	text, ok := tag.Lookup("default")
	if !ok {
		return nil
	}
	if t.Kind() == reflect.String {
		return text
	}
	v, err := everhook.ParseJSON([]byte(text))
	if err != nil {
		return text
	}
	return v
}

// shortDuration is how a person writes the duration: "30s", "2m".
func shortDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = strings.TrimSuffix(text, zero[1:])
		}
	}
	return text
}
