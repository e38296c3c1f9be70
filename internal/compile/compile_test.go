package compile_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
)

func compiled(d *everhook.Definition) (*compile.Flow, []string) {
	flow, problems := compile.Definition(d, nodes.Standard())
	var texts []string
	for _, problem := range problems {
		texts = append(texts, problem.Error())
	}
	return flow, texts
}

// deepFlow has conditions nested to a depth.
func deepFlow(depth int) *everhook.Definition {
	list := []everhook.Node{{Key: "leaf", Type: "calculation", Config: everhook.Mapping{"expression": "1"}}}
	for i := range depth - 1 {
		list = []everhook.Node{{
			Key: fmt.Sprintf("level%d", i), Type: "condition", Config: everhook.Mapping{"expression": "true"},
			Branches: everhook.Branches{{Name: "then", Nodes: list}},
		}}
	}
	return &everhook.Definition{Key: "deep", Mode: everhook.Async, Trigger: everhook.Trigger{Type: "webhook"},
		Nodes: list}
}

func TestTheLimitsOfADefinition(t *testing.T) {
	t.Parallel()
	flow, problems := compiled(deepFlow(compile.MaxNodeDepth))
	require.Empty(t, problems)
	require.NotNil(t, flow)
	flow, problems = compiled(deepFlow(compile.MaxNodeDepth + 1))
	require.Equal(t, []string{"node leaf: branches are nested deeper than 50 (split the flow)"}, problems)
	require.Nil(t, flow)

	flow, problems = compiled(wideFlow(compile.MaxNodes + 5))
	require.Equal(t, []string{"node n2000: the flow has more than 2000 nodes (split it into several flows)"}, problems)
	require.Nil(t, flow)
}

func TestResultsAreCheckedOnlyWhenAFlowIsApplied(t *testing.T) {
	t.Parallel()
	var d everhook.Definition
	require.NoError(t, json.Unmarshal([]byte(`{"key":"a","mode":"async","trigger":{"type":"webhook"},"nodes":[
		{"key":"pay","type":"http-request","config":{"url":"https://pay.example/"}},
		{"key":"id","type":"calculation","config":{"expression":"nodes.pay.id"}},
		{"key":"is","type":"condition","config":{"expression":"nodes.id == 1"}},
		{"key":"so","type":"calculation","config":{"expression":"nodes.is == \"then\""}}]}`), &d))
	flow, problems := compiled(&d)
	require.Nil(t, flow)
	require.Len(t, problems, 2)
	require.Contains(t, problems[0], "did you mean `nodes.pay.body.id`?")
	require.Contains(t, problems[1], "`nodes.is` is a boolean and never equals `\"then\"`")

	flow, err := compile.ForRun(&d, nodes.Standard())
	require.NoError(t, err)
	require.NotNil(t, flow)
}

func TestBranchesOfOneNameAreRefused(t *testing.T) {
	t.Parallel()
	var d everhook.Definition
	require.NoError(t, json.Unmarshal([]byte(`{"key":"a","mode":"async","trigger":{"type":"webhook"},"nodes":[
		{"key":"c","type":"condition","config":{"expression":"true"},"branches":{"then":[],"then":[]}}]}`), &d))
	_, problems := compiled(&d)
	require.Equal(t, []string{`node c: two branches are called "then" (give each its own name)`}, problems)
}

func TestACompiledFlowTellsWhatItRefersTo(t *testing.T) {
	t.Parallel()
	flow, problems := flowfile.Load("case.yaml", []byte(`
key: case
mode: async
trigger: { type: webhook, response: { headers: { X: '{{ env.TRIGGER }}' } } }
nodes:
  - key: outer
    type: condition
    config: { expression: 'env.B == env.A' }
    branches:
      then:
        - { key: call, type: http-request, config: { url: 'https://{{ env.HOST }}/', auth: { bearer: '{{ secret.TOKEN }}' }, headers: { X: '{{ secret.OTHER }}' } } }
        - { key: each, type: loop, config: { over: 1 }, branches: { do: [ { key: inner, type: calculation, config: { expression: 1 } } ] } }
`), nodes.Standard())
	require.Empty(t, problems)
	require.Equal(t, []string{"A", "B", "HOST", "TRIGGER"}, flow.Env)
	require.Equal(t, []string{"OTHER", "TOKEN"}, flow.Secrets)
	require.Equal(t, []string{"call", "each", "inner"}, flow.Node("outer").Below)
	require.Equal(t, []string{"inner"}, flow.Node("each").KeysBelow("do"))
	require.Nil(t, flow.Node("nobody"))
	require.Contains(t, flow.Fields, "/nodes/0/branches/then/0/config/auth/bearer")
	require.Contains(t, flow.Fields, "/trigger/response/headers")
}
