package effect_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/testsuite"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/activities/effect"
	"github.com/everhook/everhook/internal/secrets"
)

// nested is an input with a sealed value at each place where one can be.
type nested struct {
	Direct everhook.Sealed
	Below  *struct{ Text *everhook.Sealed }
	List   []everhook.Sealed
	Map    map[string]everhook.Sealed
}

// flowOfTests is the beginning of the workflow ID of Temporal's test environment.
const flowOfTests = "default-test-workflow-id"

func TestAnEffectUsesOnlyPermittedSecrets(t *testing.T) {
	t.Parallel()
	of := func(name string) everhook.Sealed {
		return everhook.Sealed{Places: []everhook.Place{{Segments: []everhook.Segment{{Secret: name}}}}}
	}
	sealed := of("ONE")
	for name, c := range map[string]struct {
		rules  string
		checks bool
		want   string
	}{
		"no rules":                          {"", false, ""},
		"a rule for this flow":              {"{ONE: {flows: [" + flowOfTests + "]}}", false, ""},
		"a rule for another flow":           {"{ONE: {flows: [orders]}}", false, "may not use the secret ONE"},
		"hosts, for an effect that checks":  {"{ONE: {hosts: [a.example]}}", true, ""},
		"hosts, for one that does not":      {"{ONE: {hosts: [a.example]}}", false, "acme.try does not check them"},
		"hosts for another flow's use only": {"{TWO: {hosts: [a.example]}}", false, ""},
	} {
		for place, input := range map[string]nested{
			"direct": {Direct: sealed}, "below": {Below: &struct{ Text *everhook.Sealed }{&sealed}},
			"list": {List: []everhook.Sealed{{}, sealed}}, "map": {Map: map[string]everhook.Sealed{"a": sealed}},
		} {
			t.Run(name+", "+place, func(t *testing.T) {
				t.Parallel()
				var rules secrets.Rules
				require.NoError(t, rules.UnmarshalText([]byte(c.rules)))
				provider, err := secrets.New(secrets.Options{Rules: rules, Environ: []string{
					"EVERHOOK_SECRET_ONE=hunter22", "EVERHOOK_SECRET_TWO=hunter23"}})
				require.NoError(t, err)
				made := effect.New(effect.Spec[nested, bool]{Name: "acme.try", ChecksHosts: c.checks,
					Build: func(activities.Dependencies) effect.Function[nested, bool] {
						return func(context.Context, nested) (bool, error) { return true, nil }
					}})
				var suite testsuite.WorkflowTestSuite
				env := suite.NewTestActivityEnvironment()
				env.RegisterActivityWithOptions(made.Activity(activities.Dependencies{Secrets: provider}),
					activity.RegisterOptions{Name: made.Name()})
				_, err = env.ExecuteActivity(made.Name(), input)
				if c.want == "" {
					require.NoError(t, err)
					return
				}
				require.ErrorContains(t, err, c.want)
				require.Equal(t, everhook.TypeSecret, activities.FromError(err).Type)
			})
		}
	}
}
