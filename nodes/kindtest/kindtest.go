// Package kindtest helps to test kinds that are written outside of this repository.
package kindtest

import (
	"encoding/json"
	"testing"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/schema"
	"github.com/everhook/everhook/nodes/kind"
)

// Flow makes the definition of a flow of a trigger and one node, both as JSON.
func Flow(t testing.TB, mode everhook.Mode, trigger, node string) *everhook.Definition {
	t.Helper()
	d := everhook.Definition{Key: "flow", Mode: mode}
	for part, into := range map[string]any{trigger: &d.Trigger, "[" + node + "]": &d.Nodes} {
		if err := json.Unmarshal([]byte(part), into); err != nil {
			t.Fatalf("%s: %v", part, err)
		}
	}
	return &d
}

// Problems gives what applying a definition would report.
func Problems(registry *kind.Registry, d *everhook.Definition) []kind.Problem {
	_, problems := compile.Definition(d, registry)
	return problems
}

// Kind gives the config of a node, as a run executes it. The test fails if the definition has a problem.
func Kind(t testing.TB, registry *kind.Registry, d *everhook.Definition, node string) kind.Kind {
	t.Helper()
	flow, problems := compile.Definition(d, registry)
	if len(problems) > 0 {
		t.Fatalf("the flow has problems: %v", problems)
	}
	return flow.Node(node).Kind
}

// Schema gives the JSON Schema of flow files with the kinds.
func Schema(registry *kind.Registry) (string, error) {
	text, err := schema.JSON(registry)
	return string(text), err
}

// Manual gives the reference pages of the kinds, one after the other.
func Manual(registry *kind.Registry) string {
	manual := ""
	for _, page := range schema.Reference(registry) {
		manual += page.Markdown
	}
	return manual
}
