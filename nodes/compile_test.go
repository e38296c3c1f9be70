package nodes_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/expression"
)

func compile(d *everhook.Definition) (*nodes.Flow, []string) {
	flow, problems := nodes.Standard().Compile(d)
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
	flow, problems := compile(deepFlow(nodes.MaxNodeDepth))
	require.Empty(t, problems)
	require.NotNil(t, flow)
	flow, problems = compile(deepFlow(nodes.MaxNodeDepth + 1))
	require.Equal(t, []string{"node leaf: branches are nested deeper than 50 (split the flow)"}, problems)
	require.Nil(t, flow)

	flow, problems = compile(wideFlow(nodes.MaxNodes + 5))
	require.Equal(t, []string{"node n2000: the flow has more than 2000 nodes (split it into several flows)"}, problems)
	require.Nil(t, flow)
}

func TestBranchesOfOneNameAreRefused(t *testing.T) {
	t.Parallel()
	var d everhook.Definition
	require.NoError(t, json.Unmarshal([]byte(`{"key":"a","mode":"async","trigger":{"type":"webhook"},"nodes":[
		{"key":"c","type":"condition","config":{"expression":"true"},"branches":{"then":[],"then":[]}}]}`), &d))
	_, problems := compile(&d)
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

func TestTheAnswerOfAnAsyncFlow(t *testing.T) {
	t.Parallel()
	values := map[string]any{"trigger": map[string]any{"body": map[string]any{"id": 7}}, "env": map[string]any{},
		"system": map[string]any{"runId": "r"}}
	for name, c := range map[string]struct {
		response string
		want     everhook.Answer
		problem  string
	}{
		"by default": {"", everhook.Answer{Status: 200, Body: everhook.Of("ok")}, ""},
		"of templates": {`{ status: 202, headers: { X: '{{ system.runId }}' }, body: { id: '{{ trigger.body.id }}' } }`,
			everhook.Answer{Status: 202, Headers: map[string]string{"X": "r"},
				Body: everhook.Of(map[string]any{"id": 7})}, ""},
		"with a status that is off": {`{ status: '{{ 100 }}' }`, everhook.Answer{},
			"status is 100; an answer's status is within 200 to 599"},
		"with text for a status": {`{ status: '{{ "a" }}' }`, everhook.Answer{},
			"response.status: text where a whole number is needed"},
		"with a header that fails": {`{ headers: { X: '{{ 1 / trigger.body.zero }}' } }`, everhook.Answer{},
			"`trigger.body.zero` is nil; use `?? 0`"},
		"with a body that fails": {`{ body: '{{ 1 / trigger.body.zero }}' }`, everhook.Answer{},
			"`trigger.body.zero` is nil; use `?? 0`"},
	} {
		text := "key: case\nmode: async\ntrigger: { type: webhook }\n"
		if c.response != "" {
			text = "key: case\nmode: async\ntrigger: { type: webhook, response: " + c.response + " }\n"
		}
		flow, problems := flowfile.Load("case.yaml", []byte(text), nodes.Standard())
		require.Empty(t, problems, name)
		answer, err := flow.Trigger.(*nodes.Webhook).Response.Answer(&expression.Scope{Values: values})
		if c.problem != "" {
			require.EqualError(t, err, c.problem, name)
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.want, answer, name)
	}
}

func TestWhatAWebhookKeeps(t *testing.T) {
	t.Parallel()
	require.Nil(t, nodes.Paths(nil), "no list keeps everything")
	require.Empty(t, nodes.Paths(&[]nodes.KeptPath{}))
	require.NotNil(t, nodes.Paths(&[]nodes.KeptPath{}), "an empty list keeps nothing")
	for name, c := range map[string]struct {
		given any
		want  string
	}{
		"text":       {"order.id", ""},
		"a mapping":  {map[string]any{"path": "order.id", "alias": "ID"}, ""},
		"a number":   {5, "a number is not a path; write `order.id` or `{ path: order.id, alias: Order ID }`"},
		"a bad path": {map[string]any{"path": "a..b"}, "position 3: a name is missing"},
		"no path":    {map[string]any{"alias": "ID"}, "path is missing"},
		"an unknown field": {map[string]any{"path": "a", "name": "b"},
			`unknown field "name"; a kept path has path and alias`},
		"a path as a number": {map[string]any{"path": 1}, "path is a number, not text"},
	} {
		var kept nodes.KeptPath
		err := kept.Decode(c.given)
		if c.want == "" {
			require.NoError(t, err, name)
			require.Equal(t, "order.id", kept.Path.String())
		} else {
			require.EqualError(t, err, c.want, name)
		}
	}
}

func TestACredentialIsASecretOrText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given any
		want  nodes.Credential
		fails string
	}{
		"a secret": {map[string]any{"secret": "PASSWORD"}, nodes.Credential{Secret: "PASSWORD"}, ""},
		"text":     {"hunter2", nodes.Credential{Literal: "hunter2"}, ""},
		"no text":  {"", nodes.Credential{}, "the credential is empty; write `{ secret: NAME }`"},
		"a name in lower case": {map[string]any{"secret": "password"}, nodes.Credential{},
			"write `{ secret: NAME }`, with a name of A-Z, 0-9 and _"},
		"more than a secret": {map[string]any{"secret": "A", "b": 1}, nodes.Credential{},
			"write `{ secret: NAME }`, with a name of A-Z, 0-9 and _"},
		"a list": {[]any{}, nodes.Credential{}, "a list is not a credential; write `{ secret: NAME }`"},
	} {
		var credential nodes.Credential
		err := credential.Decode(c.given)
		if c.fails != "" {
			require.EqualError(t, err, c.fails, name)
		} else {
			require.NoError(t, err, name)
		}
		require.Equal(t, c.want, credential, name)
	}
}
