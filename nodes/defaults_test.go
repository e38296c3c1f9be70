package nodes_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/schema"
	"github.com/everhook/everhook/nodes"
)

// TestDefaultsAreWhatTheSchemaSays adds every missing default of the schema to the flow of each case. The case must end
// as before: the code must have the defaults that the tags name.
func TestDefaultsAreWhatTheSchemaSays(t *testing.T) {
	t.Parallel()
	encoded, err := schema.JSON(nodes.Standard())
	require.NoError(t, err)
	var root map[string]any
	require.NoError(t, json.Unmarshal(encoded, &root))

	var mutex sync.Mutex
	tried := map[string]bool{}
	t.Run("cases", func(t *testing.T) {
		require.NoError(t, filepath.WalkDir("testdata", func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".txtar" {
				return err
			}
			t.Run(path, func(t *testing.T) {
				t.Parallel()
				used := runWithDefaults(t, path, root)
				mutex.Lock()
				defer mutex.Unlock()
				maps.Copy(tried, used)
			})
			return nil
		}))
	})
	untried := slices.DeleteFunc(slices.Sorted(maps.Keys(defaultsOf(root))), func(name string) bool {
		// TestDefaultsOfTheWebhook in nodes/trigger tries the others.
		return tried[name] || strings.HasPrefix(name, "Webhook") || strings.HasPrefix(name, "Handshake")
	})
	require.Empty(t, untried, "no case leaves these fields to their default")
}

// inputDefaults are fields of the input of http-request whose defaults the effect knows, because the node leaves
// them out, and the idempotency key, which is a hash of the config too.
var inputDefaults = regexp.MustCompile(
	`"(contentType":"json"|expect":\["200-299"\]|maxResponse":1048576|maxRetryAfter":"PT10M"|idempotencyKey":"[0-9a-f]+"),`)

// sortedLines gives the sorted lines of a report: encoding a flow sorts its branches.
func sortedLines(report string) []string {
	lines := strings.Split(inputDefaults.ReplaceAllString(report, ""), "\n")
	slices.Sort(lines)
	return lines
}

// runWithDefaults runs a case with all defaults that leave its problems as they are, and gives their names.
func runWithDefaults(t *testing.T, path string, root map[string]any) map[string]bool {
	archive, err := txtar.ParseFile(path)
	require.NoError(t, err)
	sections := sectionsOf(t, archive)
	if sections["want.yaml"] == "" {
		return nil
	}
	document, problems := flowfile.ParseDocument("case.yaml", []byte(flowText(t, sections)))
	require.Empty(t, problems.Errors())
	v, err := everhook.Canonical(document.Value)
	require.NoError(t, err)
	flow := v.(map[string]any)
	if flow["defaults"] != nil {
		return nil // they take the place of those of the schema
	}

	used := map[string]bool{}
	filler{root: root, found: func(name string, in map[string]any, key string, standard any) {
		in[key] = standard
		if _, problems := flowfile.Load("case.yaml", encoded(t, flow), nodes.Standard()); problems.Errors() == nil {
			used[name] = true
			return
		}
		delete(in, key) // it does not go with the other fields
	}}.fill(flow, root, "")
	compiled, problems := flowfile.Load("case.yaml", encoded(t, flow), nodes.Standard())
	require.Empty(t, problems.Errors())
	require.Equal(t, sortedLines(sections["want.yaml"]), sortedLines(yamlText(t, run(t, compiled, sections))),
		string(encoded(t, flow)))
	return used
}

func encoded(t *testing.T, v any) []byte {
	text, err := everhook.EncodeJSON(v)
	require.NoError(t, err)
	return text
}

// filler walks a flow together with its schema.
type filler struct {
	root map[string]any
	// found is called for a field that a mapping leaves out and that has a default.
	found func(name string, in map[string]any, key string, standard any)
}

func (f filler) fill(v any, s map[string]any, name string) {
	if reference, ok := s["$ref"].(string); ok {
		name = strings.TrimPrefix(reference, "#/$defs/")
		f.fill(v, f.root["$defs"].(map[string]any)[name].(map[string]any), name)
	}
	if list, ok := v.([]any); ok {
		if items, ok := s["items"].(map[string]any); ok {
			for _, item := range list {
				f.fill(item, items, name)
			}
		}
	}
	mapping, ok := v.(map[string]any)
	if !ok {
		return
	}
	properties, _ := s["properties"].(map[string]any)
	for _, key := range everhook.SortedKeys(properties) {
		property, ok := properties[key].(map[string]any)
		if !ok {
			continue
		}
		standard, hasDefault := property["default"]
		child, present := mapping[key]
		switch {
		case present:
			f.fill(child, property, name+"."+key)
		case hasDefault:
			f.found(name+"."+key, mapping, key, standard)
		case key == "config":
			config := map[string]any{}
			mapping[key] = config
			if f.fill(config, property, name+"."+key); len(config) == 0 {
				delete(mapping, key)
			}
		}
	}
	if others, ok := s["additionalProperties"].(map[string]any); ok {
		for _, key := range everhook.SortedKeys(mapping) {
			if properties[key] == nil {
				f.fill(mapping[key], others, name)
			}
		}
	}
	rules, _ := s["allOf"].([]any)
	for _, rule := range rules {
		if then, ok := ruleFor(rule.(map[string]any), mapping["type"]); ok {
			f.fill(v, then, name)
		}
	}
}

// ruleFor gives what a rule adds to the schema of a node or trigger of a kind.
func ruleFor(rule map[string]any, kind any) (map[string]any, bool) {
	condition, _ := rule["if"].(map[string]any)
	properties, _ := condition["properties"].(map[string]any)
	of, _ := properties["type"].(map[string]any)
	then, ok := rule["then"].(map[string]any)
	return then, ok && of["const"] == kind
}

// defaultsOf gives the names of all fields with a default.
func defaultsOf(root map[string]any) map[string]bool {
	names := map[string]bool{}
	note := func(name string, s map[string]any) {
		properties, _ := s["properties"].(map[string]any)
		for key, property := range properties {
			if property, ok := property.(map[string]any); ok && property["default"] != nil {
				names[name+"."+key] = true
			}
		}
	}
	note("", root)
	for name, definition := range root["$defs"].(map[string]any) {
		note(name, definition.(map[string]any))
	}
	return names
}
