package expression_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/nodes/expression"
)

func TestALiteralIsKnownWithoutRunningTheFlow(t *testing.T) {
	t.Parallel()
	var status expression.Template[int]
	_, ok := status.Literal()
	require.False(t, ok, "a field that is not set")
	require.NoError(t, status.Decode(204))
	value, ok := status.Literal()
	require.True(t, ok)
	require.Equal(t, 204, value)
	require.NoError(t, status.Decode("{{ 204 }}"))
	_, ok = status.Literal()
	require.False(t, ok, "a template, even one that is constant")

	var text expression.Template[string]
	require.NoError(t, text.Decode(true))
	word, ok := text.Literal()
	require.True(t, ok)
	require.Equal(t, "true", word)

	var data expression.Template[any]
	require.NoError(t, data.Decode([]any{1}))
	_, ok = data.Literal()
	require.False(t, ok, "a list may hold templates")
}

// names is an index of two names, one of them hidden.
type names struct{}

func (names) Names() []string { return []string{"paid"} }

func (names) Look(name string) (*expression.Shape, string) {
	switch name {
	case "paid":
		return &expression.Shape{Fields: map[string]*expression.Shape{"status": {}}}, ""
	case "later":
		return nil, "it runs later"
	}
	return nil, ""
}

func TestAnIndexStandsInForFields(t *testing.T) {
	t.Parallel()
	environment := &expression.Environment{Roots: map[string]*expression.Shape{"nodes": {Index: names{}}}}
	for source, want := range map[string]string{
		"nodes.paid.status": "",
		"nodes.paid.total":  "`nodes.paid` has no member \"total\"",
		"nodes.later":       "`nodes.later` is not available here: it runs later",
		"nodes.piad":        "`nodes` has no member \"piad\"",
	} {
		_, err := expression.Compile(source, environment)
		if want == "" {
			require.NoError(t, err, source)
		} else {
			require.ErrorContains(t, err, want, source)
		}
	}
	_, err := expression.Compile("nodes.piad", environment)
	require.ErrorContains(t, err, `did you mean "paid"?`)
}
