package admin_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/access/accesstest"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/runs"
)

// rights are all routes of the admin address but those of the API, with the callers that each serves. Internal/api has
// such a test of its operations.
var rights = map[string]string{
	"GET /healthz":                   "all",
	"GET /readyz":                    "all",
	"GET /login":                     "all",
	"GET /invitation":                "all",
	"GET /console.css":               "all",
	"GET /console.js":                "all",
	"GET /signin.js":                 "all",
	"POST /login":                    "all",
	"POST /login/passkey/begin":      "all",
	"POST /login/passkey":            "all",
	"GET /login/oidc":                "all",
	"GET /login/oidc/callback":       "all",
	"POST /logout":                   "all",
	"POST /invitation":               "all",
	"POST /invitation/open":          "all",
	"POST /invitation/passkey/begin": "all",
	"POST /invitation/passkey":       "all",
	"GET /people":                    "admin",
	"POST /people":                   "admin",
	"POST /people/{id}":              "admin",
	"GET /tokens":                    "admin",
	"POST /tokens":                   "admin",
	"POST /tokens/{id}":              "admin",
	"POST /account/sessions/{id}":    "viewer operator editor admin limited",
	"POST /account/passkeys/{name}":  "viewer operator editor admin limited",
	"POST /account/passkey":          "viewer operator editor admin limited",
	"POST /account/passkey/begin":    "viewer operator editor admin limited",
	"/api/":                          "caller viewer operator editor admin limited",
	"/":                              "viewer operator editor admin limited",
	"POST /deliveries/{id}/replay":   "operator editor admin limited",
	"POST /inbox/{id}/retry":         "operator editor admin",
	"POST /inbox/{id}/drop":          "operator editor admin",
	"GET /metrics":                   "viewer operator editor admin",
	"/temporal/":                     "operator editor admin",
	"/temporal-codec/":               "operator editor admin",
}

func TestEachRouteServesThoseWhoMay(t *testing.T) {
	t.Parallel()
	o := options()
	provider, err := access.NewProvider(access.ProviderOptions{Issuer: "http://127.0.0.1:1", ClientID: "everhook",
		Rules: []access.Rule{{Value: "*", Role: access.Viewer}}})
	require.NoError(t, err)
	o.Access, o.Local = accesstest.New(access.Options{Provider: provider, AdminToken: "correct-horse-battery"}), true
	o.UI, o.Codec, o.Metrics, o.ReadOnlyUI = o.Console, o.Console, o.Console, o.Console
	tokens := map[string]string{"nobody": "", "limited": accesstest.As(o.Access, access.Admin, "crm")}
	for _, role := range access.Roles {
		tokens[string(role)] = accesstest.As(o.Access, role)
	}
	routes := admin.Routes(o)
	require.Len(t, routes, len(rights))
	for _, route := range routes {
		served, known := rights[route.Pattern]
		require.True(t, known, "%s is not in the table", route.Pattern)
		method, path, ok := strings.Cut(route.Pattern, " ")
		if !ok {
			method, path = http.MethodGet, route.Pattern
		}
		for who, token := range tokens {
			r := httptest.NewRequest(method, "http://localhost"+path, strings.NewReader("{}"))
			r.RemoteAddr = "127.0.0.1:4711"
			if token != "" {
				r.Header.Set("Authorization", "Bearer "+token)
			}
			w := httptest.NewRecorder()
			// A new one each time: some of these requests count as wrong guesses.
			admin.New(o).ServeHTTP(w, r)
			switch {
			case served == "all" || strings.Contains(" "+served+" ", " "+who+" "):
				require.NotEqual(t, http.StatusUnauthorized, w.Code, "%s for %s", route.Pattern, who)
				require.NotContains(t, w.Body.String(), "this needs the role", "%s for %s", route.Pattern, who)
			case who == "nobody":
				require.Equal(t, http.StatusUnauthorized, w.Code, "%s for %s", route.Pattern, who)
			default:
				requireProblem(t, w, http.StatusForbidden, everhook.ProblemDenied, "th")
			}
		}
	}
}

func TestOperatorsOnlyReadInTemporal(t *testing.T) {
	t.Parallel()
	named := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(name)) })
	}
	o := options()
	o.Access, o.UI, o.ReadOnlyUI = accesstest.Open(), named("acts"), named("reads")
	for role, want := range map[access.Role]string{access.Admin: "acts", access.Editor: "reads",
		access.Operator: "reads"} {
		r := get("/temporal/")
		r.Header.Set("Authorization", "Bearer "+accesstest.As(o.Access, role))
		require.Equal(t, want, do(o, r).Body.String(), role)
	}
	o.ReadOnlyUI = nil
	r := get("/temporal/")
	r.Header.Set("Authorization", "Bearer "+accesstest.As(o.Access, access.Operator))
	requireProblem(t, do(o, r), 403, everhook.ProblemDenied, "needs the role admin")
}

func TestALabelLimitsEverything(t *testing.T) {
	t.Parallel()
	limits := admin.Limits{Labels: func(context.Context) (map[string][]string, error) {
		return map[string][]string{"orders": {"crm"}, "pay": {"money"}, "free": nil}, nil
	}}
	flows := limits.Flows(fakeFlows(func() ([]api.Flow, error) {
		return []api.Flow{{Key: "free"}, {Key: "orders"}, {Key: "pay"}}, nil
	}))
	var asked runs.Filter
	all := limits.Runs(fakeRuns{
		list: func(f runs.Filter) ([]runs.Summary, []byte, error) { asked = f; return nil, nil, nil },
		find: func([]string, everhook.RunID) (string, error) { return "pay", nil },
		show: func(flow string, id everhook.RunID) (*runs.Detail, error) {
			return &runs.Detail{Summary: runs.Summary{Flow: flow, ID: id, Caller: "pay/" + string(id)},
				Outcome: &everhook.Outcome{Status: everhook.Resolved, Output: everhook.Of("secret")},
				Steps: []everhook.Step{{Node: "a", Result: everhook.Of("secret"),
					Subflow: "orders/" + string(id)}}}, nil
		},
	})
	limited := access.With(t.Context(), access.Actor{Role: access.Operator, Labels: []string{"crm"}})
	seen, err := flows.Flows(limited)
	require.NoError(t, err)
	require.Equal(t, []api.Flow{{Key: "orders"}}, seen)
	_, _, err = all.List(limited, runs.Filter{})
	require.NoError(t, err)
	require.Equal(t, []string{"orders"}, asked.Flows)
	asked = runs.Filter{}
	_, _, err = all.List(limited, runs.Filter{Flow: "pay"})
	require.NoError(t, err)
	require.Empty(t, asked, "nothing is asked for")
	_, err = all.Find(limited, nil, runA)
	require.ErrorIs(t, err, everhook.ErrNoRun)
	_, err = all.Show(limited, "pay", runA, "")
	require.ErrorIs(t, err, everhook.ErrNoRun)
	detail, err := all.Show(limited, "orders", runA, "")
	require.NoError(t, err)
	require.Empty(t, detail.Caller, "the calling flow is not visible")
	require.Equal(t, "orders/"+string(runA), detail.Steps[0].Subflow)
	require.Equal(t, "secret", detail.Steps[0].Result.V)

	hidden := access.With(t.Context(), access.Actor{Role: access.Viewer, ValuesHidden: true})
	detail, err = all.Show(hidden, "orders", runA, "")
	require.NoError(t, err)
	require.Nil(t, detail.Steps[0].Result)
	require.Nil(t, detail.Outcome.Output)
	require.Equal(t, everhook.Resolved, detail.Outcome.Status)
	asked = runs.Filter{}
	none, _, err := all.List(access.With(t.Context(), access.Actor{Role: access.Caller, Flows: []string{"orders"}}),
		runs.Filter{})
	require.NoError(t, err)
	require.Empty(t, none)
	require.Empty(t, asked, "a caller sees no runs")
}
