package schema_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/schema"
	"github.com/everhook/everhook/nodes"
)

func field(t *testing.T, fields []schema.FormField, name string) schema.FormField {
	t.Helper()
	i := slices.IndexFunc(fields, func(f schema.FormField) bool { return f.Name == name })
	require.GreaterOrEqual(t, i, 0, name)
	return fields[i]
}

func form(t *testing.T, forms []schema.KindForm, name string) schema.KindForm {
	t.Helper()
	i := slices.IndexFunc(forms, func(f schema.KindForm) bool { return f.Kind == name })
	require.GreaterOrEqual(t, i, 0, name)
	return forms[i]
}

func TestTheCatalogueHasTheFormOfEachKind(t *testing.T) {
	t.Parallel()
	registry := nodes.Standard()
	c := schema.NewCatalogue(registry)
	require.Len(t, c.Kinds, len(registry.Names()))

	request := form(t, c.Kinds, "http-request")
	require.True(t, request.Effect)
	require.Equal(t, "30s", request.Timeout)
	url := field(t, request.Fields, "url")
	require.True(t, url.Required)
	require.Equal(t, "url", url.Widget)
	require.Equal(t, schema.TemplateRole, url.Role)
	require.NotEmpty(t, url.Help)
	require.Equal(t, "mapping", field(t, request.Fields, "headers").Widget)
	require.Equal(t, []string{"json", "form", "xml", "text", "none"}, field(t, request.Fields, "contentType").Choices)
	require.Equal(t, "group", field(t, request.Fields, "auth").Widget)
	require.Equal(t, "switch", field(t, request.Fields, "lenient").Widget)
	require.Equal(t, "size", field(t, request.Fields, "maxResponse").Widget)

	condition := form(t, c.Kinds, "condition")
	require.Equal(t, "condition", field(t, condition.Fields, "expression").Widget)
	require.Equal(t, schema.ExpressionRole, field(t, condition.Fields, "expression").Role)
	require.Equal(t, []string{"then", "else"}, condition.Branches)

	cases := field(t, form(t, c.Kinds, "multi-conditions").Fields, "cases")
	require.Equal(t, "list", cases.Widget)
	require.Equal(t, "group", cases.Of.Widget)
	require.True(t, field(t, cases.Of.Fields, "name").Required)

	require.True(t, form(t, c.Kinds, "response").Answers)
	require.Equal(t, "choice", field(t, c.Node, "onError").Widget)
	webhook := form(t, c.Triggers, "webhook")
	require.Equal(t, "list", field(t, webhook.Fields, "methods").Widget)
	require.Equal(t, "group", field(t, webhook.Fields, "request").Widget)
}
