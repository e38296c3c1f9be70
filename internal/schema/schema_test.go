package schema_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/schema"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// compiled compiles the schema of a registry; that checks it against the meta-schema of its dialect.
func compiled(t *testing.T, r *kind.Registry) *jsonschema.Schema {
	t.Helper()
	data, err := schema.JSON(r)
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	require.NoError(t, err)
	require.Equal(t, jsonschema.Draft2020.String(), document.(map[string]any)["$schema"])
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("flow.schema.json", document))
	flowSchema, err := compiler.Compile("flow.schema.json")
	require.NoError(t, err)
	return flowSchema
}

// fromYAML is the JSON value of a YAML text.
func fromYAML(t *testing.T, text string) any {
	t.Helper()
	var v any
	require.NoError(t, yaml.Unmarshal([]byte(text), &v))
	data, err := json.Marshal(v)
	require.NoError(t, err)
	v, err = jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	require.NoError(t, err)
	return v
}

func flowWith(t *testing.T, trigger, node string) any {
	t.Helper()
	flow := map[string]any{"key": "a-flow", "mode": "sync", "trigger": fromYAML(t, trigger)}
	if node != "" {
		flow["nodes"] = []any{fromYAML(t, node)}
	}
	return flow
}

const plainTrigger = "{ type: webhook }"

func TestTheExampleOfEveryKindIsValid(t *testing.T) {
	t.Parallel()
	registry := nodes.Standard()
	flowSchema := compiled(t, registry)
	for _, kind := range registry.Kinds() {
		spec := kind.Spec()
		require.NoError(t, flowSchema.Validate(flowWith(t, plainTrigger, spec.Example)), spec.Kind)
	}
	for _, trigger := range registry.Triggers() {
		spec := trigger.Spec()
		require.NoError(t, flowSchema.Validate(flowWith(t, spec.Example, "")), spec.Kind)
	}
}

func TestTheSchemaTakesEveryWayToWriteAValue(t *testing.T) {
	t.Parallel()
	flowSchema := compiled(t, nodes.Standard())
	for name, node := range map[string]string{
		"an expression that YAML reads as a boolean": "{ key: a, type: condition, config: { expression: true } }",
		"an expression that YAML reads as a number":  "{ key: a, type: calculation, config: { expression: 1.5 } }",
		"a template where a number is needed":        "{ key: a, type: response, config: { status: '{{ nodes.x }}' } }",
		"a template where one of some words is":      "{ key: a, type: end, config: { status: '{{ nodes.x }}' } }",
		"a template where a mapping is needed": "{ key: a, type: response, config: { headers: '{{ nodes.x }}' " +
			"} }",
		"a template inside a duration": "{ key: a, type: delay, config: { duration: 'P{{ nodes.days " +
			"}}D' } }",
		"one value for a list": "{ key: a, type: http-request, config: { url: " +
			"'https://a.example', expect: 204 } }",
		"a list of such values": "{ key: a, type: http-request, config: { url: " +
			"'https://a.example', expect: [200-204, 404] } }",
		"a url that is one template": "{ key: a, type: http-request, config: { url: '{{ env.BASE }}' } }",
		"nil where anything goes":    "{ key: a, type: output, config: { value: null } }",
		"the reserved branch on any kind": "{ key: a, type: calculation, config: { expression: 1 }, " +
			"onError: branch, branches: { error: [] } }",
		"branches of any name where they have names": "{ key: a, type: parallel, branches: { b: [], c_2: [] } }",
		"statuses as numbers in retry": "{ key: a, type: http-request, config: { url: " +
			"'https://a.example' }, retry: { on: [connect, 503, 5xx] } }",
		"no timeout": "{ key: a, type: http-request, config: { url: " +
			"'https://a.example' }, timeout: 0 }",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, flowSchema.Validate(flowWith(t, plainTrigger, node)))
		})
	}
}

func TestTheSchemaRefusesAWrongNode(t *testing.T) {
	t.Parallel()
	flowSchema := compiled(t, nodes.Standard())
	for name, node := range map[string]string{
		"without a key":                       "{ type: output, config: { value: 1 } }",
		"without a type":                      "{ key: a, config: { value: 1 } }",
		"with a key that is no name":          "{ key: a-b, type: output, config: { value: 1 } }",
		"of an unknown kind":                  "{ key: a, type: outputs, config: { value: 1 } }",
		"with an unknown field":               "{ key: a, type: output, config: { value: 1 }, note: x }",
		"with an unknown field in its config": "{ key: a, type: output, config: { value: 1, values: 2 } }",
		"with the config of another kind":     "{ key: a, type: output, config: { expression: 'true' } }",
		"without its config":                  "{ key: a, type: calculation }",
		"without a required field": "{ key: a, type: multi-conditions, config: { cases: [{ when: 'true' " +
			"}] } }",
		"with a word outside an enumeration": "{ key: a, type: parallel, config: { mode: some }, branches: { b: " +
			"[], c: [] } }",
		"with a word where a template may be":   "{ key: a, type: end, config: { status: done } }",
		"with a mapping for an expression":      "{ key: a, type: calculation, config: { expression: { a: 1 } } }",
		"with text where a number is needed":    "{ key: a, type: response, config: { status: 'ok' } }",
		"with a list where a mapping is":        "{ key: a, type: response, config: { headers: [a] } }",
		"with a template that is not the whole": "{ key: a, type: response, config: { status: '4{{ nodes.x }}' } }",
		"with a url of another scheme":          "{ key: a, type: http-request, config: { url: 'ftp://a.example' } }",
		"with a bare number for a duration":     "{ key: a, type: delay, config: { duration: 30 } }",
		"with a branch that its kind has not": "{ key: a, type: condition, config: { expression: 'true' }, " +
			"branches: { otherwise: [] } }",
		"with a branch that is no list": "{ key: a, type: condition, config: { expression: 'true' }, " +
			"branches: { then: { key: b } } }",
		"without a required branch":     "{ key: a, type: loop, config: { over: 3 } }",
		"with an empty required branch": "{ key: a, type: loop, config: { over: 3 }, branches: { do: [] } }",
		"with a wrong node in a branch": "{ key: a, type: parallel, branches: { b: [{ key: x }], c: [] } }",
		"with a timeout but no effect":  "{ key: a, type: output, config: { value: 1 }, timeout: 1s }",
		"with a retry but no effect":    "{ key: a, type: output, config: { value: 1 }, retry: {} }",
		"with an unknown cause to try again": "{ key: a, type: http-request, config: { url: 'https://a.example' " +
			"}, retry: { on: [always] } }",
		"with an unknown way to handle errors": "{ key: a, type: output, config: { value: 1 }, onError: ignore }",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Error(t, flowSchema.Validate(flowWith(t, plainTrigger, node)))
		})
	}
}

func TestTheSchemaRefusesAWrongFlow(t *testing.T) {
	t.Parallel()
	flowSchema := compiled(t, nodes.Standard())
	require.NoError(t, flowSchema.Validate(fromYAML(t, "{ key: a, mode: async, trigger: { type: webhook }, options: { "+
		"timeout: 1d12h, wait: 0 } }")))
	for name, flow := range map[string]string{
		"without a key":          "{ mode: sync, trigger: { type: webhook } }",
		"without a mode":         "{ key: a, trigger: { type: webhook } }",
		"without a trigger":      "{ key: a, mode: sync }",
		"with a key in capitals": "{ key: A, mode: sync, trigger: { type: webhook } }",
		"with an unknown mode":   "{ key: a, mode: both, trigger: { type: webhook } }",
		"with an unknown field":  "{ key: a, mode: sync, trigger: { type: webhook }, name: x }",
		"with an unknown option": "{ key: a, mode: sync, trigger: { type: webhook }, options: { retries: 3 " +
			"} }",
		"with an unknown trigger":         "{ key: a, mode: sync, trigger: { type: webhooks } }",
		"with a trigger without its type": "{ key: a, mode: sync, trigger: {} }",
		"with an unknown trigger field":   "{ key: a, mode: sync, trigger: { type: webhook, tokens: [a] } }",
		"with a wrong credential": "{ key: a, mode: sync, trigger: { type: webhook, auth: { basic: { " +
			"username: a, password: { secret: lower } } } } }",
		"with a user without password": "{ key: a, mode: sync, trigger: { type: webhook, auth: { basic: [{ " +
			"username: a }] } } }",
		"with a wrong path": "{ key: a, mode: sync, trigger: { type: webhook, request: { body: " +
			"['a..b'] } } }",
		"with a path without its path": "{ key: a, mode: sync, trigger: { type: webhook, request: { body: [{ " +
			"alias: A }] } } }",
		"with nodes that are no list": "{ key: a, mode: sync, trigger: { type: webhook }, nodes: { key: b } }",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Error(t, flowSchema.Validate(fromYAML(t, flow)))
		})
	}
}

// The patterns repeat the rules of the parsers: this test compares them.
func TestThePatternsAgreeWithTheParsers(t *testing.T) {
	t.Parallel()
	flowSchema := compiled(t, nodes.Standard())
	valid := func(trigger, options map[string]any) bool {
		trigger["type"] = "webhook"
		return flowSchema.Validate(map[string]any{"key": "a", "mode": "sync", "trigger": trigger,
			"options": options}) == nil
	}
	for _, text := range []string{
		"0", "1", "30s", "1d12h", "250ms", "1.5h", "2w", "1µs", "-1s", "s", "1y", "P3D", "P1W", "P1W2D", "PT1.5S",
		"P1DT12H", "PT1H30M", "PT1H5S", "PT5M3S", "P", "PT", "P1DT", "P1M", "P1Y", "1h ", "abc", "",
	} {
		_, err := everhook.ParseDuration(text)
		if strings.TrimSpace(text) != text {
			continue
		}
		require.Equal(t, err == nil, valid(map[string]any{}, map[string]any{"timeout": text}), "duration %q", text)
	}
	for _, text := range []string{"0", "512KiB", "1 MiB", "1.5GB", "10", "10B", "-1", "1TB", "1kb", "MiB", ""} {
		_, err := everhook.ParseSize(text)
		require.Equal(t, err == nil, valid(map[string]any{"maxBody": text}, map[string]any{}), "size %q", text)
	}
	for _, text := range []string{
		"a", "a.b", "a[0].b", "[0]", "[0][1]", `["a.b"]`, `a["b\"c"].d`, "a[01]", "a[-1]", "a[b]", "a..b", "a.", "a]",
		`a"b`, "a[", "order id.sku-1", "",
	} {
		_, err := everhook.ParsePath(text)
		require.Equal(t, err == nil, valid(map[string]any{"request": map[string]any{"body": []any{text}}},
			map[string]any{}), "path %q", text)
	}
	for _, text := range []string{"a", "a-b", "0", "-a", "A", "a_b", "", strings.Repeat("a", 63),
		strings.Repeat("a", 64)} {
		flow := map[string]any{"key": text, "mode": "sync", "trigger": map[string]any{"type": "webhook"}}
		require.Equal(t, everhook.IsFlowKey(text), flowSchema.Validate(flow) == nil, "flow key %q", text)
	}
	for _, text := range []string{"a", "_", "A1", "1a", "a-b", "", strings.Repeat("a", 64), strings.Repeat("a", 65)} {
		flow := flowWith(t, plainTrigger, "{ type: output, config: { value: 1 } }")
		flow.(map[string]any)["nodes"].([]any)[0].(map[string]any)["key"] = text
		require.Equal(t, everhook.IsNodeKey(text), flowSchema.Validate(flow) == nil, "node key %q", text)
	}
}

// definitionOf gives one definition of a schema, decoded.
func definitionOf(t *testing.T, r *kind.Registry, name string) map[string]any {
	t.Helper()
	data, err := schema.JSON(r)
	require.NoError(t, err)
	var document struct {
		Defs map[string]map[string]any `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(data, &document))
	require.Contains(t, document.Defs, name)
	return document.Defs[name]
}

func property(t *testing.T, definition map[string]any, name string) map[string]any {
	t.Helper()
	properties := definition["properties"].(map[string]any)
	require.Contains(t, properties, name)
	return properties[name].(map[string]any)
}

func TestDescriptionsComeFromCommentsAndDefaultsFromTags(t *testing.T) {
	t.Parallel()
	r := nodes.Standard()
	webhook := definitionOf(t, r, "Webhook")
	require.Contains(t, property(t, webhook, "maxBody")["description"],
		"maxBody limits the body of a call, at most 10MiB.")
	require.Contains(t, property(t, webhook, "request")["description"], "Without a list of paths, all are kept")
	for _, c := range []struct {
		definition, field string
		want              any
	}{
		{"Webhook", "maxBody", "1MiB"},
		{"Webhook", "response", nil},
		{"WebhookResponse", "body", "ok"},
		{"WebhookResponse", "status", 200.0},
		{"Options", "timeout", 0.0},
		{"Options", "wait", "30s"},
		{"Loop", "maxIterations", 1_000_000.0},
		{"Loop", "check", "before"},
		{"Loop", "concurrency", 1.0},
		{"Parallel", "mode", "all"},
		{"HTTPRequest", "method", "GET"},
		{"HTTPRequest", "body", nil},
		{"HTTPRequest", "idempotencyKey", true},
		{"HTTPRequest", "expect", "200-299"},
		{"Retry", "backoff", 2.0},
		{"node", "onError", "fail"},
	} {
		require.Equal(t, c.want, property(t, definitionOf(t, r, c.definition), c.field)["default"], "%s.%s",
			c.definition, c.field)
	}
}

// outside is a kind of another module: it brings its comments along.
type outside struct {
	shared
	Count  *int                      `json:"count" default:"3"`
	Levels []string                  `json:"levels" enum:"low,high" single:"true" default:"low"`
	Parts  map[string]part           `json:"parts"`
	Ratio  float64                   `json:"ratio" default:"0.5"`
	At     expression.Template[bool] `json:"at"`
	Any    any                       `json:"any"`
	Own    selfDecoding              `json:"own"`
	Tree   *tree                     `json:"tree"`

	hidden int
	Left   int `json:"-"`
	Named  int
}

type shared struct {
	Name string `json:"name" required:"true"`
}

// part is one part. It counts.
type part struct {
	Weight int `json:"weight" required:"true"`
}

// The comments, as fielddocs would generate them.
var fieldDocs = map[string]string{
	"outside.Count":  "Count is how many there are.",
	"outside.Levels": "Levels are how hard to try.",
	"outside.Parts":  "Parts of it, by name.",
	"outside.Ratio":  "Ratio of one to the other.",
	"outside.At":     "At is when.",
	"shared.Name":    "Name is the name of the thing.",
	"part":           "part is one part. It counts.",
	"part.Weight":    "Weight in grams.",
}

func (*outside) FieldDocs() map[string]string { return fieldDocs }
func (*shared) FieldDocs() map[string]string  { return fieldDocs }
func (*part) FieldDocs() map[string]string    { return fieldDocs }

type tree struct {
	Below []tree `json:"below"`
}

type selfDecoding struct{}

func (*selfDecoding) Decode(any) error { return nil }

func (*outside) Spec() kind.Spec           { return kind.Spec{Kind: "outside", Summary: "Stands outside."} }
func (*outside) Validate(*kind.Validation) {}
func (o *outside) Execute(kind.Run) (kind.Result, error) {
	return kind.Result{Value: o.hidden}, nil
}

func TestAKindFromOutsideIsDescribedAsWell(t *testing.T) {
	t.Parallel()
	r := nodes.Standard()
	kind.Add[outside](r)
	definition := definitionOf(t, r, "outside")
	require.Equal(t, "Stands outside.", definition["description"])
	require.Equal(t, []any{"name"}, definition["required"])
	require.Equal(t, "The name of the thing.", property(t, definition, "name")["description"])
	require.Equal(t, map[string]any{"type": "integer", "default": 3.0, "description": "How many there are."},
		property(t, definition, "count"))
	require.Equal(t, "low", property(t, definition, "levels")["default"])
	require.Equal(t, 0.5, property(t, definition, "ratio")["default"])
	require.Equal(t, "parts of it, by name. It counts.", property(t, definition, "parts")["description"])
	require.NotContains(t, definition["properties"], "hidden")
	require.NotContains(t, definition["properties"], "Left")
	require.Contains(t, definition["properties"], "Named")

	flowSchema := compiled(t, r)
	for node, valid := range map[string]bool{
		"{ name: a }":                                   true,
		"{}":                                            false,
		"{ name: a, levels: low }":                      true,
		"{ name: a, levels: [low, high] }":              true,
		"{ name: a, levels: [middle] }":                 false,
		"{ name: a, parts: { x: { weight: 1 } } }":      true,
		"{ name: a, parts: { x: { weight: 1.5 } } }":    false,
		"{ name: a, parts: { x: {} } }":                 false,
		"{ name: a, at: true }":                         true,
		"{ name: a, at: '{{ nodes.b }}' }":              true,
		"{ name: a, at: sometimes }":                    false,
		"{ name: a, any: [1], own: { x: 1 } }":          true,
		"{ name: a, tree: { below: [{ below: [] }] } }": true,
		"{ name: a, tree: { below: [{ above: [] }] } }": false,
	} {
		err := flowSchema.Validate(flowWith(t, plainTrigger, "{ key: a, type: outside, config: "+node+" }"))
		require.Equal(t, valid, err == nil, "%s: %v", node, err)
	}
}

// unreadable has an example that is no YAML.
type unreadable struct{ outside }

func (*unreadable) Spec() kind.Spec { return kind.Spec{Kind: "unreadable", Example: "{"} }

func TestADefectOfAKindIsAnError(t *testing.T) {
	t.Parallel()
	r := kind.NewRegistry()
	kind.Add[unreadable](r)
	_, err := schema.JSON(r)
	require.ErrorContains(t, err, "the example of kind unreadable")
}

func TestTheSchemaIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	first, err := schema.JSON(nodes.Standard())
	require.NoError(t, err)
	second, err := schema.JSON(nodes.Standard())
	require.NoError(t, err)
	require.Equal(t, string(first), string(second))
	require.True(t, strings.HasSuffix(string(first), "\n}"))
	require.Less(t, len(first), 120<<10, "editors read it on every change")
}

func TestARegistryWithoutKindsHasASchema(t *testing.T) {
	t.Parallel()
	flowSchema := compiled(t, kind.NewRegistry())
	require.Error(t, flowSchema.Validate(flowWith(t, plainTrigger, "")))
}
