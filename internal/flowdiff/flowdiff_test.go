package flowdiff_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowdiff"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
)

const before = `
key: orders
mode: sync
trigger: { type: webhook }
options: { wait: 5s }
nodes:
  - { key: first, type: variable, config: { value: 1 } }
  - key: paid
    type: condition
    config: { expression: "true" }
    branches:
      then:
        - { key: second, type: variable, config: { value: { deep: [1, 2], same: x } } }
      else: []
  - { key: done, type: response, config: { status: 200 } }
`

func load(t *testing.T, text string) *everhook.Definition {
	t.Helper()
	flow, problems := flowfile.Load("flow.yaml", []byte(text), nodes.Standard())
	require.NotNil(t, flow, "%v", problems)
	return flow.Definition
}

func TestChangesAreFoundByStructure(t *testing.T) {
	t.Parallel()
	after := load(t, `
key: orders
title: Orders
mode: sync
trigger: { type: webhook }
options: { wait: 10s }
nodes:
  - key: paid
    type: condition
    config: { expression: "true" }
    branches:
      then: []
      else:
        - { key: second, type: variable, config: { value: { deep: [1, 3], same: x } } }
        - { key: third, type: variable, config: { value: 2 } }
  - { key: done, type: response, title: End, config: { status: 201 } }
`)
	changes, err := flowdiff.Compare(load(t, before), after)
	require.NoError(t, err)
	var texts []string
	for _, c := range changes {
		texts = append(texts, string(c.Kind)+": "+c.Text)
	}
	require.Equal(t, []string{
		`changed: flow: options.wait "PT5S" → "PT10S"`,
		`changed: flow: title set to "Orders"`,
		`moved: node second moved from paid/then to paid/else`,
		`changed: node second: config.value.deep [1,2] → [1,3]`,
		`added: node third (variable) added to paid/else`,
		`changed: node done: config.status 200 → 201`,
		`changed: node done: title set to "End"`,
		`removed: node first (variable) removed from nodes`,
	}, texts)
	require.Equal(t, everhook.Of(200), changes[5].Before)
	require.Equal(t, "/config/status", changes[5].Pointer)
}

func TestOnlyTheNodeThatMovedIsNamed(t *testing.T) {
	t.Parallel()
	list := func(keys ...string) *everhook.Definition {
		d := &everhook.Definition{Key: "a", Mode: everhook.Sync, Trigger: everhook.Trigger{Type: "webhook"}}
		for _, key := range keys {
			d.Nodes = append(d.Nodes, everhook.Node{Key: key, Type: "variable"})
		}
		return d
	}
	for name, c := range map[string]struct {
		before, after *everhook.Definition
		want          []string
	}{
		"to the front": {list("a", "b", "c", "d"), list("d", "a", "b", "c"), []string{"node d moved within nodes"}},
		"to the end":   {list("a", "b", "c", "d"), list("b", "c", "d", "a"), []string{"node a moved within nodes"}},
		"nothing":      {list("a", "b"), list("a", "b"), nil},
		"only an addition": {list("a", "b"), list("a", "x", "b"),
			[]string{"node x (variable) added to nodes"}},
		"only a removal": {list("a", "x", "b"), list("a", "b"), []string{"node x (variable) removed from nodes"}},
	} {
		changes, err := flowdiff.Compare(c.before, c.after)
		require.NoError(t, err)
		var texts []string
		for _, change := range changes {
			texts = append(texts, change.Text)
		}
		require.Equal(t, c.want, texts, name)
	}
}

func TestANewFlowIsAllAdded(t *testing.T) {
	t.Parallel()
	changes, err := flowdiff.Compare(nil, load(t, before))
	require.NoError(t, err)
	for _, change := range changes {
		require.Nil(t, change.Before)
	}
	require.Equal(t, `flow: key set to "orders"`, changes[0].Text)
	require.Equal(t, "node done (response) added to nodes", changes[len(changes)-1].Text)
}
