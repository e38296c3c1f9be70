package admin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access/accesstest"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/runs"
)

// fakeActions records its calls.
type fakeActions struct {
	asked []any
	err   error
}

func (f *fakeActions) Cancel(_ context.Context, flow string, id everhook.RunID) error {
	f.asked = append(f.asked, flow, id)
	return f.err
}

func (f *fakeActions) CancelFlow(_ context.Context, flow string) (int, error) {
	f.asked = append(f.asked, flow)
	return 7, f.err
}

func (f *fakeActions) Retry(_ context.Context, flow string, id everhook.RunID, wanted api.RetryRequest,
	_ []byte) (runs.Retried, error) {
	f.asked = append(f.asked, flow, id, wanted.Current, wanted.From)
	return runs.Retried{ID: runB, Flow: flow, Version: 4, RetryOf: id, From: wanted.From}, f.err
}

func acting() (admin.Options, *fakeActions) {
	o, actions := options(), &fakeActions{}
	o.Actions = actions
	return o, actions
}

func post(path, body string) *http.Request {
	return httptest.NewRequest("POST", "http://localhost:13001"+path, strings.NewReader(body))
}

func TestARunIsCancelled(t *testing.T) {
	t.Parallel()
	o, actions := acting()
	w := do(o, post("/api/v1/runs/"+string(runA)+"/cancel", ""))
	require.Equal(t, 202, w.Code, w.Body)
	require.JSONEq(t, `{"id":"`+string(runA)+`","flow":"orders"}`, w.Body.String())
	require.Equal(t, []any{"orders", runA}, actions.asked)
}

func TestAllRunsOfAFlowAreCancelled(t *testing.T) {
	t.Parallel()
	o, actions := acting()
	w := do(o, post("/api/v1/flows/orders/cancel", ""))
	require.Equal(t, 202, w.Code, w.Body)
	require.JSONEq(t, `{"flow":"orders","asked":7}`, w.Body.String())
	require.Equal(t, []any{"orders"}, actions.asked)

	requireProblem(t, do(o, post("/api/v1/flows/'%20OR/cancel", "")), 400, everhook.ProblemMalformed, "a flow key")
	get := do(o, httptest.NewRequest("GET", "http://localhost:13001/api/v1/flows/orders/cancel", nil))
	require.Equal(t, 405, get.Code, "a link must not cancel runs")
	require.Equal(t, "POST", get.Header().Get("Allow"))
}

func TestARunIsRetriedAsAskedFor(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]any{
		"":                                  {"other", runA, false, ""},
		" {} ":                              {"other", runA, false, ""},
		`{"current":true}`:                  {"other", runA, true, ""},
		`{"current":false,"from":"charge"}`: {"other", runA, false, "charge"},
	} {
		o, actions := acting()
		w := do(o, post("/api/v1/runs/"+string(runA)+"/retry?flow=other", body))
		require.Equal(t, 201, w.Code, w.Body)
		require.Equal(t, want, actions.asked)
		require.Equal(t, "/api/v1/runs/"+string(runB), w.Header().Get("Location"))
		require.Contains(t, w.Body.String(), `"url":"/runs/`+string(runB)+`"`)
		require.Contains(t, w.Body.String(), `"retryOf":"`+string(runA)+`"`)
	}
}

func TestAnActionThatCannotBeReadIsNotDone(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"form":"a"}`:   "form: unknown field",
		`{"from":"a b"}`: `from: "a b" is not a node key`,
		`{"from":1}`:     "from: expected string",
		`{} {}`:          "after top-level value",
	} {
		o, actions := acting()
		requireProblem(t, do(o, post("/api/v1/runs/"+string(runA)+"/retry", body)), 400, everhook.ProblemMalformed,
			want)
		require.Empty(t, actions.asked)
	}
	o, actions := acting()
	requireProblem(t, do(o, post("/api/v1/runs/"+string(runA)+"/retry", `{"from":"`+strings.Repeat("a", 70_000))), 413,
		everhook.ProblemTooLarge, "larger than 64KiB")
	requireProblem(t, do(o, post("/api/v1/runs/x/cancel", "")), 400, everhook.ProblemMalformed, "a run ID is")
	requireProblem(t, do(o, post("/api/v1/runs/"+string(runA)+"/retry?flow=A_B", "")), 400, everhook.ProblemMalformed,
		"not a flow key")
	requireProblem(t, do(o, post("/api/v1/runs/"+string(runB)+"/cancel", "")), 404, everhook.ProblemNotFound,
		"no such run")
	require.Empty(t, actions.asked)
}

func TestWhyAnActionIsNotDone(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"cancel", "retry"} {
		path := "/api/v1/runs/" + string(runA) + "/" + action
		o, actions := acting()
		actions.err = runs.Refusef("the run %s", "goes on")
		requireProblem(t, do(o, post(path, "")), 409, everhook.ProblemConflict, "the run goes on")
		actions.err = everhook.ErrNoRun
		requireProblem(t, do(o, post(path, "")), 404, everhook.ProblemNotFound, "no such run")
		actions.err = errors.New("Temporal is away")
		requireProblem(t, do(o, post(path, "")), 503, everhook.ProblemUnavailable, "Temporal is away")
	}
}

func TestActionsAreGuarded(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"cancel", "retry"} {
		path := "/api/v1/runs/" + string(runA) + "/" + action
		o, actions := acting()
		r := post(path, "")
		r.Header.Set("Origin", "https://evil.example")
		requireProblem(t, do(o, r), 403, everhook.ProblemForbidden, "another origin")
		r = post(path, "")
		r.Host = "evil.example"
		requireProblem(t, do(o, r), 403, everhook.ProblemForbidden, "this machine")
		w := do(o, get(path))
		requireProblem(t, w, 405, everhook.ProblemMethod, "use POST")
		require.Equal(t, "POST", w.Header().Get("Allow"))
		o.Access, o.Local = accesstest.WithToken("sesame"), false
		requireProblem(t, do(o, post(path, "")), 401, everhook.ProblemUnauthorized, "no token")
		require.Empty(t, actions.asked)
		r = post(path, "")
		r.Header.Set("Authorization", "Bearer sesame")
		require.Less(t, do(o, r).Code, 300)
		require.NotEmpty(t, actions.asked)
	}
}
