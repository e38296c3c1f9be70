package nodes_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/trigger"
)

// exampleBody is what the examples of the reference page are about.
const exampleBody = `
id: 7
amount: 250
order: { id: 7, status: paid, items: [ { sku: a }, { sku: b } ] }
items: [ { price: 2.5, quantity: 2 }, { price: 10, quantity: 1 } ]
`

// The flow that the example of subflow calls.
const (
	calledSection = flowsSection + "reserve-stock.yaml"
	calledFlow    = "key: reserve-stock\nmode: async\ntrigger: { type: call }\nnodes: []\n"
)

// exampleRun is how the examples of some kinds run.
var exampleRun = map[string]string{
	"wait-for-call": "calls: [ { after: 1h, node: confirmed, body: { approved: true } } ]",
}

// TestEveryExampleOfAKindRuns holds the reference page to its word. Only an example that ends the run may end otherwise
// than resolved.
func TestEveryExampleOfAKindRuns(t *testing.T) {
	t.Parallel()
	for _, kind := range nodes.Standard().Kinds() {
		spec := kind.Spec()
		t.Run(spec.Kind, func(t *testing.T) {
			t.Parallel()
			node := "- " + strings.ReplaceAll(strings.TrimSpace(spec.Example), "\n", "\n  ") + "\n"
			text := flowText(t, map[string]string{"sync.yaml": node})
			flow, problems := flowfile.Load("example.yaml", []byte(text), nodes.Standard())
			require.Empty(t, problems.Errors())
			require.Equal(t, spec.Kind, flow.Nodes[0].Type, "an example is a node of its kind")

			got := run(t, flow, map[string]string{
				"trigger.yaml":    exampleBody,
				calledSection:     calledFlow,
				"run.yaml":        exampleRun[spec.Kind],
				"activities.yaml": flow.Nodes[0].Key + ": { result: { status: 201, headers: {}, body: { ok: true } } }",
			})
			want := string(everhook.Resolved)
			if spec.Kind == "end" {
				want = string(everhook.Failed)
			}
			require.Equal(t, want, got.Status, got.Error)
			require.True(t, strings.HasPrefix(got.Steps[0], flow.Nodes[0].Key+" "+want), got.Steps[0])
			require.Equal(t, spec.Effect != nil, len(got.Calls) > 0)
		})
	}
}

func TestEveryExampleOfATriggerCompiles(t *testing.T) {
	t.Parallel()
	for _, trigger := range nodes.Standard().Triggers() {
		spec := trigger.Spec()
		text := "key: example\nmode: async\ntrigger:\n  " + strings.ReplaceAll(strings.TrimSpace(spec.Example), "\n",
			"\n  ") + "\nnodes: []\n"
		flow, problems := flowfile.Load("example.yaml", []byte(text), nodes.Standard())
		require.Empty(t, problems, spec.Kind)
		require.Equal(t, spec.Kind, flow.Definition.Trigger.Type)
	}
}

func TestAKindIsRegisteredOnce(t *testing.T) {
	t.Parallel()
	registry := nodes.Standard()
	require.PanicsWithValue(t, `node kind "delay" is registered twice`, func() { kind.Add[nodes.Delay](registry) })
	require.PanicsWithValue(t, `trigger kind "webhook" is registered twice`,
		func() { kind.AddTrigger[trigger.Webhook](registry) })
	require.PanicsWithValue(t, `node kind "Bad Name": a kind's name is made of a-z, 0-9 and -`,
		func() { kind.Add[badlyNamed](registry) })
}

type badlyNamed struct{ nodes.Delay }

func (*badlyNamed) Spec() kind.Spec { return kind.Spec{Kind: "Bad Name"} }
