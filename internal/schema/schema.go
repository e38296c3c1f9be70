package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/kind"
)

// schemaDialect is the version of JSON Schema.
const schemaDialect = "https://json-schema.org/draft/2020-12/schema"

// JSON is the JSON Schema (2020-12) of a flow file with the kinds of a registry, indented, with sorted keys and no
// newline at its end. It checks the structure of a file. What depends on other nodes, and whether expressions compile,
// is checked when the flow is compiled. The error is that the example of a kind is not YAML.
func JSON(r *kind.Registry) ([]byte, error) {
	d := newDescriber()
	root := d.definition()
	d.node(r)
	if err := d.kinds(r); err != nil {
		return nil, err
	}
	if err := d.triggers(r); err != nil {
		return nil, err
	}
	defaults := root["properties"].(schema)["defaults"].(schema)
	defaults["properties"], defaults["additionalProperties"] = d.defaults(r), false
	root["$schema"], root["title"], root["$defs"] = schemaDialect, "Everhook flow", d.defs
	data, err := everhook.EncodeJSON(root)
	if err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	err = json.Indent(&indented, data, "", "  ")
	return indented.Bytes(), err
}

// definition is the schema of the file as a whole.
func (d *describer) definition() schema {
	root := object(d.definitionFields())
	root["description"] = "A trigger and a graph of nodes."
	root["properties"].(schema)["key"].(schema)["pattern"] = flowKeyPattern
	return root
}

func (d *describer) definitionFields() []configField {
	return require(d.fields(reflect.TypeFor[everhook.Definition]()), "key", "mode", "trigger")
}

// node is the schema of a node, but for what its kind adds.
func (d *describer) node(r *kind.Registry) {
	node := object(d.nodeFields())
	properties := node["properties"].(schema)
	properties["key"].(schema)["pattern"] = nodeKeyPattern
	properties["type"].(schema)["enum"] = append([]string{}, r.Names()...)
	d.defs["node"] = node
	d.defs["nodes"] = schema{"type": "array", "items": refer("node")}
}

func (d *describer) nodeFields() []configField {
	return require(d.fields(reflect.TypeFor[everhook.Node]()), "key", "type")
}

// require marks fields as required: the vocabulary has no tags for it.
func require(fields []configField, names ...string) []configField {
	for i := range fields {
		fields[i].required = slices.Contains(names, fields[i].name)
	}
	return fields
}

// kinds adds to the schema of a node what each kind makes of it.
func (d *describer) kinds(r *kind.Registry) error {
	var rules []any
	for _, kind := range r.Kinds() {
		spec := kind.Spec()
		fields, config := d.structure(reflect.TypeOf(kind).Elem())
		example, err := exampleOf(spec.Kind, spec.Example)
		if err != nil {
			return err
		}
		definition := d.defs[d.names[reflect.TypeOf(kind).Elem()]].(schema)
		definition["description"] = spec.Summary
		if config, ok := example["config"]; ok {
			definition["examples"] = []any{config}
		}
		branches, branchesRequired := branchSchema(spec)
		then := schema{"properties": schema{"config": config, "branches": branches}}
		var required []string
		if anyRequired(fields) {
			required = append(required, "config")
		}
		if branchesRequired {
			required = append(required, "branches")
		}
		if required != nil {
			then["required"] = required
		}
		properties := then["properties"].(schema)
		properties["type"] = schema{"description": spec.Summary}
		if spec.Effect == nil {
			properties["timeout"], properties["retry"] = false, false
		} else {
			properties["timeout"] = schema{"default": shortDuration(spec.Effect.Timeout)}
			properties["retry"] = schema{"properties": schema{"maxAttempts": schema{
				"default": spec.Effect.MaxAttempts}}}
		}
		rules = append(rules, ifType(spec.Kind, then))
	}
	if rules != nil {
		d.defs["node"].(schema)["allOf"] = rules
	}
	return nil
}

// defaults are the fields that a flow can give to all nodes of each kind. None is required.
func (d *describer) defaults(r *kind.Registry) schema {
	kinds := schema{}
	for _, kind := range r.Kinds() {
		spec := kind.Spec()
		config := d.names[reflect.TypeOf(kind).Elem()]
		fields := everhook.SortedKeys(d.defs[config].(schema)["properties"].(schema))
		fields = append(fields, "onError")
		if spec.Effect != nil {
			fields = append(fields, "timeout", "retry")
		}
		// The names alone: with the schemas of the fields, editors would read twice as much.
		kinds[spec.Kind] = schema{"type": "object", "propertyNames": schema{"enum": fields}}
	}
	return kinds
}

// triggers is the schema of the trigger block: its type, and beside it the fields of the kind.
func (d *describer) triggers(r *kind.Registry) error {
	var rules []any
	for _, trigger := range r.Triggers() {
		spec := trigger.Spec()
		t := reflect.TypeOf(trigger).Elem()
		_, block := d.structure(t)
		definition := d.defs[d.names[t]].(schema)
		definition["description"] = spec.Summary
		definition["properties"].(schema)["type"] = schema{"const": spec.Kind, "description": spec.Summary}
		example, err := exampleOf(spec.Kind, spec.Example)
		if err != nil {
			return err
		}
		definition["examples"] = []any{example}
		rules = append(rules, ifType(spec.Kind, block))
	}
	s := schema{
		"type": "object", "required": []string{"type"},
		"properties": schema{"type": schema{"enum": append([]string{}, r.TriggerNames()...),
			"description": "The trigger's kind."}},
	}
	if rules != nil {
		s["allOf"] = rules
	}
	d.defs["trigger"] = s
	return nil
}

// ifType applies a schema to the mappings whose type is the kind.
func ifType(kind string, then schema) schema {
	return schema{
		"if":   schema{"properties": schema{"type": schema{"const": kind}}, "required": []string{"type"}},
		"then": then,
	}
}

// branchSchema is that of the branches a kind can have, the reserved one included.
func branchSchema(spec kind.Spec) (branches schema, required bool) {
	properties := schema{everhook.ErrorBranch: described("nodes", "Runs after the node failed, with onError: branch.")}
	var names []string
	for _, branch := range spec.Branches {
		properties[branch.Name] = described("nodes", "Runs "+branch.Summary+".")
		if branch.Required {
			names = append(names, branch.Name)
			properties[branch.Name].(schema)["minItems"] = 1
		}
	}
	branches = schema{"type": "object", "properties": properties, "additionalProperties": false}
	if spec.NamedBranches {
		branches["patternProperties"] = schema{nodeKeyPattern: refer("nodes")}
	}
	if names != nil {
		branches["required"] = names
	}
	return branches, names != nil
}

func described(definition, description string) schema {
	s := refer(definition)
	s["description"] = description
	return s
}

func anyRequired(fields []configField) bool {
	for _, field := range fields {
		if field.required {
			return true
		}
	}
	return false
}

// exampleOf reads the example of a kind.
func exampleOf(kind, text string) (map[string]any, error) {
	var example map[string]any
	if err := yaml.Unmarshal([]byte(text), &example); err != nil {
		return nil, fmt.Errorf("the example of kind %s: %w", kind, err)
	}
	return example, nil
}
