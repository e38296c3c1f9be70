package trigger_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/trigger"
)

func TestACredentialMayNameItsCaller(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given any
		want  trigger.CallerCredential
		fails string
	}{
		"a secret": {map[string]any{"secret": "A"}, trigger.CallerCredential{Credential: trigger.Credential{
			Secret: "A"}}, ""},
		"text": {"hunter2", trigger.CallerCredential{Credential: trigger.Credential{Literal: "hunter2"}}, ""},
		"a caller": {map[string]any{"secret": "A", "caller": "shop-1"},
			trigger.CallerCredential{Credential: trigger.Credential{Secret: "A"}, Caller: "shop-1"}, ""},
		"no secret": {map[string]any{"caller": "a"}, trigger.CallerCredential{Caller: "a"},
			"write `{ secret: NAME }`"},
		"a name with space": {map[string]any{"secret": "A", "caller": "a b"}, trigger.CallerCredential{Caller: "a b"},
			"cannot be the name of a caller"},
		"an empty name": {map[string]any{"secret": "A", "caller": ""}, trigger.CallerCredential{},
			"cannot be the name of a caller"},
		"a number": {map[string]any{"secret": "A", "caller": 1}, trigger.CallerCredential{}, "caller is"},
		"another field": {map[string]any{"secret": "A", "x": 1}, trigger.CallerCredential{},
			"write `{ secret: NAME }`"},
	} {
		var credential trigger.CallerCredential
		err := credential.Decode(c.given)
		if c.fails != "" {
			require.ErrorContains(t, err, c.fails, name)
		} else {
			require.NoError(t, err, name)
		}
		require.Equal(t, c.want, credential, name)
	}
}

func TestCallersThatMayShareKeysAreWarnedOf(t *testing.T) {
	t.Parallel()
	const shares = "several callers may have the same dedupe key"
	for name, c := range map[string]struct{ trigger, want string }{
		"several tokens": {"auth: { bearer: { tokens: [ { secret: A }, { secret: B } ] } }, dedupe: " +
			"idempotency-key", shares},
		"all with callers": {"auth: { bearer: { tokens: [ { secret: A, caller: a }, { secret: B, caller: a } " +
			"] } }, dedupe: idempotency-key", ""},
		"one token":          {"auth: { bearer: { tokens: { secret: A } } }, dedupe: idempotency-key", ""},
		"without duplicates": {"auth: { bearer: { tokens: [ { secret: A }, { secret: B } ] } }", ""},
		"keys": {"auth: { apiKey: { header: X-Api-Key, values: [ { secret: A }, { secret: B, " +
			"caller: b } ] } }, dedupe: { key: 'headers[\"x-id\"]' }", shares},
		"users": {"auth: { basic: [ { username: a, password: { secret: A } }, { username: b, " +
			"password: { secret: B } } ] }, dedupe: idempotency-key", shares},
		"users with callers": {"auth: { basic: [ { username: a, password: { secret: A }, caller: a }, { " +
			"username: b, password: { secret: B }, caller: b } ] }, dedupe: idempotency-key", ""},
		"passwords of one user": {"auth: { basic: [ { username: a, password: { secret: A } }, { username: a, " +
			"password: { secret: B } } ] }, dedupe: idempotency-key", ""},
		"event IDs of a provider": {"auth: { bearer: { tokens: [ { secret: A }, { secret: B } ] } }, signature: { " +
			"preset: github, secrets: { secret: S } }, dedupe: preset", ""},
		"a name that is none": {"auth: { basic: { username: a, password: { secret: A }, caller: 'a b' } }",
			"cannot be the name of a caller"},
		"a caller in a password": {"auth: { basic: { username: a, password: { secret: A, caller: a } } }",
			"write `{ secret: NAME }`"},
		"a caller in a signature": {"signature: { preset: github, secrets: { secret: S, caller: a } }",
			"write `{ secret: NAME }`"},
	} {
		_, problems := flowfile.Load("f.yaml", []byte("key: f\nmode: async\ntrigger: { type: webhook, "+c.trigger+
			" }\nnodes: []\n"),
			nodes.Standard())
		var texts []string
		for _, problem := range problems {
			texts = append(texts, problem.String())
		}
		if text := strings.Join(texts, "\n"); c.want == "" {
			require.NotContains(t, text, "caller", name)
		} else {
			require.Contains(t, text, c.want, name)
		}
	}
}
