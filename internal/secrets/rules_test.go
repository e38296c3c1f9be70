package secrets_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/secrets"
)

func rules(t *testing.T, text string) secrets.Rules {
	t.Helper()
	var r secrets.Rules
	require.NoError(t, r.UnmarshalText([]byte(text)))
	return r
}

func TestRulesNameTheFlowsOfASecret(t *testing.T) {
	t.Parallel()
	r := rules(t, "{API: {flows: [orders, stock]}, CRM: {hosts: [crm.example.com]}}")
	require.NoError(t, r.Permit("orders", "API"))
	require.NoError(t, r.Permit("stock", "API"))
	require.NoError(t, r.Permit("other", "CRM"))
	require.NoError(t, r.Permit("other", "FREE"))
	require.EqualError(t, r.Permit("other", "API"), "the flow other may not use the secret API; the server's rules "+
		"for secrets name the flows that may")
	require.Error(t, r.Permit("", "API"))
	require.NoError(t, secrets.Rules(nil).Permit("other", "API"))
}

func TestRulesNameTheHostsOfASecret(t *testing.T) {
	t.Parallel()
	r := rules(t, `{API: {hosts: [API.example.com, "*.partner.example", "bücher.example", "10.0.0.1:8443", "::1",
		"*.0.0.1"]}}`)
	for _, allowed := range [][2]string{{"api.example.com", "443"}, {"API.EXAMPLE.COM.", "80"},
		{"a.partner.example", "443"}, {"a.b.partner.example", "443"}, {"xn--bcher-kva.example", "443"},
		{"Bücher.example", "443"}, {"10.0.0.1", "8443"}, {"::1", "80"}, {"[0:0::1]", "80"}} {
		require.NoError(t, r.MaySend("API", allowed[0], allowed[1]), allowed)
	}
	for _, refused := range [][2]string{{"example.com", "443"}, {"xapi.example.com", "443"},
		{"api.example.com.evil.example", "443"}, {"partner.example", "443"}, {"evilpartner.example", "443"},
		{"10.0.0.1", "443"}, {"10.0.0.2", "8443"},
		{"127.0.0.1", "443"}, {"", ""}} {
		require.ErrorContains(t, r.MaySend("API", refused[0], refused[1]), "the secret API may not be sent to", refused)
	}
	require.NoError(t, r.MaySend("FREE", "evil.example", "80"))
	require.True(t, r.HasHosts("API"))
	require.False(t, r.HasHosts("FREE"))
}

func TestWrongRulesAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"[]":                              "look like",
		"{API: {host: [a]}}":              "look like",
		"{api: {flows: [orders]}}":        "not a name of a secret",
		"{API: {}}":                       "restricts nothing",
		"{API: {flows: [A B]}}":           "not a flow key",
		"{API: {hosts: ['']}}":            "not a host",
		"{API: {hosts: ['https://a.b']}}": "not a host",
		"{API: {hosts: ['a.*.b']}}":       "not a host",
		"{API: {hosts: ['*']}}":           "not a host",
		"{API: {hosts: ['a:x']}}":         "not a host",
	} {
		var r secrets.Rules
		require.ErrorContains(t, r.UnmarshalText([]byte(text)), want, text)
	}
	require.Empty(t, rules(t, ""))
}
