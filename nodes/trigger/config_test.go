package trigger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/trigger"
)

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
			everhook.Answer{Status: 202, Headers: map[string]everhook.HeaderValue{"X": {"r"}},
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
		answer, err := flow.Trigger.(*trigger.Webhook).Response.Answer(&expression.Scope{Values: values})
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
	require.Nil(t, trigger.Paths(nil), "no list keeps everything")
	require.Empty(t, trigger.Paths(&[]trigger.KeptPath{}))
	require.NotNil(t, trigger.Paths(&[]trigger.KeptPath{}), "an empty list keeps nothing")
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
		var kept trigger.KeptPath
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
		want  trigger.Credential
		fails string
	}{
		"a secret": {map[string]any{"secret": "PASSWORD"}, trigger.Credential{Secret: "PASSWORD"}, ""},
		"text":     {"hunter2", trigger.Credential{Literal: "hunter2"}, ""},
		"no text":  {"", trigger.Credential{}, "the credential is empty; write `{ secret: NAME }`"},
		"a name in lower case": {map[string]any{"secret": "password"}, trigger.Credential{},
			"write `{ secret: NAME }`, with a name of A-Z, 0-9 and _"},
		"more than a secret": {map[string]any{"secret": "A", "b": 1}, trigger.Credential{},
			"write `{ secret: NAME }`, with a name of A-Z, 0-9 and _"},
		"a list": {[]any{}, trigger.Credential{}, "a list is not a credential; write `{ secret: NAME }`"},
	} {
		var credential trigger.Credential
		err := credential.Decode(c.given)
		if c.fails != "" {
			require.EqualError(t, err, c.fails, name)
		} else {
			require.NoError(t, err, name)
		}
		require.Equal(t, c.want, credential, name)
	}
}

func TestWhatIsRecordedOfADelivery(t *testing.T) {
	t.Parallel()
	for text, problem := range map[string]string{
		"record: body, index: [order.id, query.shop]": "",
		"record: summary":                          "",
		"record: all":                              "none of summary, body",
		"index: [order.id, order.id]":              "order.id is there twice",
		"index: [a, b, c, d, e, f, g, h, i, j, k]": "11 paths are more than the 10",
		"index: ['']":                              "an empty path",
		"index: [{ path: order.id, alias: Order ID }, mail]": "a mapping where text is needed",
		"record: body, index: order.id":                      "a list is needed",
		"record: body, index: ['lines[0].sku', '[\"a b\"]']": "",
	} {
		_, problems := flowfile.Load("case.yaml",
			[]byte("key: case\nmode: async\ntrigger: { type: webhook, "+text+" }\n"), nodes.Standard())
		if problem == "" {
			require.Empty(t, problems, text)
			continue
		}
		require.NotEmpty(t, problems, text)
		require.Contains(t, problems.Error(), problem, text)
	}
}
