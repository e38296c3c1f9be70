package access_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/access"
)

func TestRolesIncludeOthers(t *testing.T) {
	t.Parallel()
	table := map[access.Role]string{
		//               caller viewer operator editor admin
		access.Caller:   "yes    no     no       no     no",
		access.Viewer:   "no     yes    no       no     no",
		access.Operator: "yes    yes    yes      no     no",
		access.Editor:   "yes    yes    yes      yes    no",
		access.Admin:    "yes    yes    yes      yes    yes",
		"":              "no     no     no       no     no",
		"root":          "no     no     no       no     no",
	}
	for role, want := range table {
		got := ""
		for i, needed := range access.Roles {
			word := "no"
			if role.Includes(needed) {
				word = "yes"
			}
			for len(got) < []int{0, 7, 14, 23, 30}[i] {
				got += " "
			}
			got += word
		}
		require.Equal(t, want, got, role)
	}
	for _, role := range access.Roles {
		require.NotEmpty(t, role.Summary())
		parsed, err := access.ParseRole(string(role))
		require.NoError(t, err)
		require.Equal(t, role, parsed)
	}
	for _, text := range []string{"", "root", "Admin", " admin"} {
		_, err := access.ParseRole(text)
		require.ErrorIs(t, err, access.ErrRole)
	}
}

func TestAnActorIsLimitedToFlows(t *testing.T) {
	t.Parallel()
	sales := access.Actor{Role: access.Editor, Labels: []string{"sales", "crm"}}
	partner := access.Actor{Role: access.Caller, Flows: []string{"orders"}}
	both := access.Actor{Role: access.Caller, Flows: []string{"orders"}, Labels: []string{"sales"}}
	viewer := access.Actor{Role: access.Viewer}
	for name, c := range map[string]struct {
		actor  access.Actor
		needed access.Role
		flow   string
		labels []string
		want   bool
	}{
		"a label of the actor":           {sales, access.Editor, "a", []string{"x", "crm"}, true},
		"another label":                  {sales, access.Viewer, "a", []string{"x"}, false},
		"no label":                       {sales, access.Viewer, "a", nil, false},
		"the label, but not the role":    {sales, access.Admin, "a", []string{"sales"}, false},
		"a flow of the caller":           {partner, access.Caller, "orders", nil, true},
		"another flow":                   {partner, access.Caller, "refunds", nil, false},
		"a caller sees no runs":          {partner, access.Viewer, "orders", nil, false},
		"the flow with the label":        {both, access.Caller, "orders", []string{"sales"}, true},
		"the flow without the label":     {both, access.Caller, "orders", nil, false},
		"no limit":                       {viewer, access.Viewer, "a", nil, true},
		"the zero actor may do nothing":  {access.Actor{}, access.Caller, "a", nil, false},
		"the zero actor sees nothing":    {access.Actor{}, access.Viewer, "a", nil, false},
		"the server itself":              {access.System, access.Admin, "a", nil, true},
		"an unnamed person, while open":  {access.Local, access.Admin, "a", nil, true},
		"a viewer does not start a flow": {viewer, access.Caller, "a", nil, false},
	} {
		require.Equal(t, c.want, c.actor.MayWith(c.needed, c.flow, c.labels), name)
	}
	require.True(t, sales.May(access.Viewer))
	require.False(t, sales.MayEverywhere(access.Viewer))
	require.True(t, viewer.MayEverywhere(access.Viewer))
	require.False(t, partner.MayEverywhere(access.Caller))
	require.True(t, partner.Sees("orders", nil))
	require.False(t, partner.Sees("refunds", nil))
}

func TestTheContextCarriesTheActor(t *testing.T) {
	t.Parallel()
	require.Equal(t, access.Actor{}, access.From(t.Context()))
	require.EqualError(t, access.Require(t.Context(), access.Viewer), "this needs the role viewer")

	ctx := access.With(t.Context(), access.Actor{Role: access.Operator, Labels: []string{"crm"}})
	require.NoError(t, access.Require(ctx, access.Operator))
	require.EqualError(t, access.Require(ctx, access.Editor),
		"this needs the role editor; you have the role operator")
	require.EqualError(t, access.RequireEverywhere(ctx, access.Operator),
		"this concerns the whole server; your rights are limited to flows labelled crm")
	require.NoError(t, access.RequireEverywhere(access.With(t.Context(), access.Local), access.Admin))
}
