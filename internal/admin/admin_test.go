package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access/accesstest"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/runs"
)

// fakeRuns calls its functions. A test that needs a missing one fails.
type fakeRuns struct {
	list func(runs.Filter) ([]runs.Summary, []byte, error)
	find func([]string, everhook.RunID) (string, error)
	show func(string, everhook.RunID) (*runs.Detail, error)
}

func (f fakeRuns) List(_ context.Context, filter runs.Filter) ([]runs.Summary, []byte, error) {
	return f.list(filter)
}

func (f fakeRuns) Find(_ context.Context, flows []string, id everhook.RunID) (string, error) {
	return f.find(flows, id)
}

func (f fakeRuns) Show(_ context.Context, flow string, id everhook.RunID, _ string) (*runs.Detail, error) {
	return f.show(flow, id)
}

type fakeFlows func() ([]api.Flow, error)

func (f fakeFlows) Flows(context.Context) ([]api.Flow, error) { return f() }

const runA, runB = everhook.RunID("aaaaaaaaaaaaaaaaaaaaaaaaaa"), everhook.RunID("bbbbbbbbbbbbbbbbbbbbbbbbbb")

var started = time.Date(2026, 7, 30, 12, 0, 0, 0, time.UTC)

func summary(flow string, id everhook.RunID) runs.Summary {
	return runs.Summary{ID: id, Flow: flow, Title: "Orders", Version: 3, Status: everhook.Resolved,
		Started: started, Execution: "0198-x"}
}

// options returns a server with one flow and one run.
func options() admin.Options {
	return admin.Options{
		Flows: fakeFlows(func() ([]api.Flow, error) {
			return []api.Flow{{Key: "orders", Title: "Orders", Mode: everhook.Sync, Version: 3, Enabled: true,
				URL: "http://h/api/webhook:trigger/t"}}, nil
		}),
		Runs: fakeRuns{
			list: func(runs.Filter) ([]runs.Summary, []byte, error) {
				return []runs.Summary{summary("orders", runA)}, nil, nil
			},
			find: func(_ []string, id everhook.RunID) (string, error) {
				if id != runA {
					return "", everhook.ErrNoRun
				}
				return "orders", nil
			},
			show: func(flow string, id everhook.RunID) (*runs.Detail, error) {
				if flow != "orders" || id != runA {
					return nil, everhook.ErrNoRun
				}
				return &runs.Detail{Summary: summary(flow, id), Steps: []everhook.Step{{Number: 1, Node: "paid"}},
					Total: 1}, nil
			},
		},
		Ready:  func(context.Context) error { return nil },
		Access: accesstest.Open(), Local: true,
		Console: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("page " + r.URL.Path))
		}),
	}
}

func get(path string) *http.Request {
	r := httptest.NewRequest("GET", "http://localhost:13001"+path, nil)
	r.RemoteAddr = "127.0.0.1:4711"
	return r
}

func do(o admin.Options, r *http.Request) *httptest.ResponseRecorder {
	if o.Local && r.RemoteAddr == "192.0.2.1:1234" { // that of httptest
		r.RemoteAddr = "127.0.0.1:4711"
	}
	w := httptest.NewRecorder()
	admin.New(o).ServeHTTP(w, r)
	return w
}

func requireProblem(t *testing.T, w *httptest.ResponseRecorder, status int, typ, detail string) {
	t.Helper()
	require.Equal(t, status, w.Code, w.Body)
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	var problem everhook.Problem
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &problem))
	require.Equal(t, typ, problem.Type)
	require.Equal(t, status, problem.Status)
	require.Contains(t, problem.Detail, detail)
}

func TestFlowsAreListed(t *testing.T) {
	t.Parallel()
	w := do(options(), get("/api/v1/flows"))
	require.Equal(t, 200, w.Code)
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	require.JSONEq(t, `{"flows":[{"key":"orders","title":"Orders","mode":"sync","version":3,"enabled":true,`+
		`"url":"http://h/api/webhook:trigger/t"}]}`, w.Body.String())
}

func TestNoFlowsAreAnEmptyList(t *testing.T) {
	t.Parallel()
	o := options()
	o.Flows = fakeFlows(func() ([]api.Flow, error) { return nil, nil })
	require.JSONEq(t, `{"flows":[]}`, do(o, get("/api/v1/flows")).Body.String())
}

func TestRunsAreListedAsAskedFor(t *testing.T) {
	t.Parallel()
	o := options()
	var asked runs.Filter
	o.TemporalUIURL, o.Namespace = "https://temporal.example/", "my space"
	o.Runs = fakeRuns{list: func(filter runs.Filter) ([]runs.Summary, []byte, error) {
		asked = filter
		return []runs.Summary{summary("orders", runA)}, []byte{0xff, 1}, nil
	}}
	w := do(o, get("/api/v1/runs?flow=orders&status=failed&limit=7"))
	require.Equal(t, 200, w.Code, w.Body)
	require.Equal(t, runs.Filter{Flow: "orders", Status: everhook.Failed, Limit: 7}, asked)
	var list api.RunList
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &list))
	require.Equal(t, 200, do(o, get("/api/v1/runs?flow=orders&status=failed&page="+list.Next)).Code)
	require.Equal(t, runs.Filter{Flow: "orders", Status: everhook.Failed, Limit: 100, Page: []byte{0xff, 1}}, asked)
	require.JSONEq(t, `{"runs":[{"id":"aaaaaaaaaaaaaaaaaaaaaaaaaa","flow":"orders","title":"Orders","version":3,"status":"resolved","started":"2026-07-30T12:00:00Z","execution":"0198-x",
		"temporalUrl":"https://temporal.example/namespaces/my%20space/workflows/orders%2Faaaaaaaaaaaaaaaaaaaaaaaaaa/0198-x"}],"next":"`+list.Next+`"}`, w.Body.String())
}

func TestAListOfRunsThatCannotBeAskedForIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ query, detail string }{
		"no flow key":           {"flow=" + "a'%20OR%201", "not a flow key"},
		"an unknown status":     {"status=fine", "use one of [pending resolved"},
		"a status of one run":   {"status=queued", "not a status that runs can be listed by"},
		"a limit of zero":       {"limit=0", "limit: expected number >= 1"},
		"a limit over the most": {"limit=201", "limit: expected number <= 200"},
		"a limit of text":       {"limit=x", "limit: invalid integer"},
		"a page of no list":     {"page=%3D%3D", "page: not a page of this list"},
		"a filter that is none": {"state=failed", "state: not a parameter of this operation; use after, before, flow"},
		"a run that is none":    {"run=ab'1", "is not a run ID, nor the first four or more characters of one"},
		"a time of words":       {"after=yesterday", `after: "yesterday" is not a time; write for example`},
		"a time without a unit": {"before=7", "before: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireProblem(t, do(options(), get("/api/v1/runs?"+c.query)), 400, everhook.ProblemMalformed, c.detail)
		})
	}
}

func TestRunsAreListedByTheTimeOfTheirStart(t *testing.T) {
	t.Parallel()
	o := options()
	var asked runs.Filter
	o.Runs = fakeRuns{list: func(filter runs.Filter) ([]runs.Summary, []byte, error) {
		asked = filter
		return nil, nil, nil
	}}
	noon := time.Date(2026, 7, 30, 12, 0, 0, 0, time.UTC)
	require.Equal(t, 200, do(o, get("/api/v1/runs?after=2026-07-30T14:00:00%2B02:00&status=unresolved")).Code)
	require.True(t, noon.Equal(asked.After))
	require.True(t, asked.Before.IsZero())
	require.True(t, asked.Unresolved)
	require.Equal(t, 200, do(o, get("/api/v1/runs?before="+noon.Local().Format("2006-01-02T15:04"))).Code)
	require.True(t, noon.Equal(asked.Before), "a form of a browser sends the server's zone")
	require.Equal(t, 200, do(o, get("/api/v1/runs?after=2d")).Code)
	require.WithinDuration(t, time.Now().Add(-48*time.Hour), asked.After, time.Minute)
}

func TestWhatCannotBeReadSaysWhy(t *testing.T) {
	t.Parallel()
	o := options()
	away := errors.New("temporal does not answer")
	o.Flows = fakeFlows(func() ([]api.Flow, error) { return nil, away })
	o.Runs = fakeRuns{
		list: func(runs.Filter) ([]runs.Summary, []byte, error) { return nil, nil, away },
		show: func(string, everhook.RunID) (*runs.Detail, error) { return nil, away },
	}
	for _, path := range []string{"/api/v1/flows", "/api/v1/runs", "/api/v1/runs/" + string(runA), "/api/v1/runs/" +
		string(runA) + "?flow=orders"} {
		w := do(o, get(path))
		requireProblem(t, w, 503, everhook.ProblemUnavailable, away.Error())
		require.Equal(t, "5", w.Header().Get("Retry-After"))
	}
}

func TestARunIsShown(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{"with its flow": "?flow=orders", "without its flow": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := do(options(), get("/api/v1/runs/"+string(runA)+path))
			require.Equal(t, 200, w.Code, w.Body)
			var run api.RunDetail
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &run))
			require.Equal(t, summary("orders", runA), run.Summary)
			require.Equal(t, "paid", run.Steps[0].Node)
		})
	}
}

func TestARunThatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	requireProblem(t, do(options(), get("/api/v1/runs/"+string(runB))), 404, everhook.ProblemNotFound, "no such run")
	requireProblem(t, do(options(), get("/api/v1/runs/"+string(runA)+"?flow=others")), 404, everhook.ProblemNotFound,
		"no such run")
	requireProblem(t, do(options(), get("/api/v1/runs/short")), 400, everhook.ProblemMalformed, "26 characters")
	requireProblem(t, do(options(), get("/api/v1/runs/"+string(runA)+"?flow=A/B")), 400, everhook.ProblemMalformed,
		"flow key")
}

func TestTheFlowOfARunIsFound(t *testing.T) {
	t.Parallel()
	away := errors.New("lists are away")
	shown := func(flow string, id everhook.RunID) (*runs.Detail, error) {
		return &runs.Detail{Summary: summary(flow, id)}, nil
	}
	o := options()

	o.Runs = fakeRuns{show: shown, find: func(flows []string, id everhook.RunID) (string, error) {
		require.Equal(t, []string{"orders"}, flows)
		require.Equal(t, runA, id)
		return "removed", nil
	}}
	run, err := o.Run(t.Context(), "", runA, "")
	require.NoError(t, err)
	require.Equal(t, "removed", run.Flow)

	o.Runs = fakeRuns{find: func([]string, everhook.RunID) (string, error) { return "", away }}
	_, err = o.Run(t.Context(), "", runA, "")
	require.ErrorIs(t, err, away)
}

func TestProbesTellHealthAndReadiness(t *testing.T) {
	t.Parallel()
	o := options()
	o.Access = accesstest.WithToken("sesame")
	require.JSONEq(t, `{"status":"ok"}`, do(o, get("/healthz")).Body.String())
	w := do(o, httptest.NewRequest("GET", "http://10.0.0.7:13001/readyz", nil))
	require.Equal(t, 200, w.Code)
	require.JSONEq(t, `{"status":"ready"}`, w.Body.String())

	o.Ready = func(ctx context.Context) error {
		_, bounded := ctx.Deadline()
		require.True(t, bounded)
		return errors.New("no worker polls")
	}
	requireProblem(t, do(o, get("/readyz")), 503, everhook.ProblemUnavailable, "no worker polls")
	require.Equal(t, 200, do(o, get("/healthz")).Code)
}

func TestPathsLeadToWhatIsMountedThere(t *testing.T) {
	t.Parallel()
	o := options()
	mounted := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte(name + " " + r.Method + " " + r.URL.EscapedPath()))
		})
	}
	o.UI, o.Codec = mounted("ui"), mounted("codec")
	require.Equal(t, "page /", do(o, get("/")).Body.String())
	require.Equal(t, "page /runs/x", do(o, get("/runs/x")).Body.String())
	require.Equal(t, "ui GET /temporal/namespaces/default/workflows/a%2Fb/c",
		do(o, get("/temporal/namespaces/default/workflows/a%2Fb/c")).Body.String())
	require.Equal(t, "ui POST /temporal/api",
		do(o, httptest.NewRequest("POST", "http://127.0.0.1/temporal/api", nil)).Body.String())
	require.Equal(t, "codec POST /temporal-codec/decode",
		do(o, httptest.NewRequest("POST", "http://[::1]:1/temporal-codec/decode", nil)).Body.String())
	require.Equal(t, "/temporal/namespaces/default/workflows/orders%2F"+string(runA)+"/0198-x",
		o.TemporalURL(summary("orders", runA)))
	requireProblem(t, do(o, get("/api/v2/flows")), 404, everhook.ProblemNotFound, "/api/v1/openapi.json")
}

func TestWithoutPagesOnlyTheAPIIsThere(t *testing.T) {
	t.Parallel()
	o := options()
	o.Console, o.Access = nil, accesstest.WithToken("sesame")
	r := get("/")
	r.Header.Set("Accept", "text/html")
	requireProblem(t, do(o, r), 401, everhook.ProblemUnauthorized, "Authorization: Bearer")
	r.Header.Set("Authorization", "Bearer sesame")
	requireProblem(t, do(o, r), 404, everhook.ProblemNotFound, "nothing is here")
	require.Empty(t, o.TemporalURL(summary("orders", runA)))
}

func TestTheServerIsBounded(t *testing.T) {
	t.Parallel()
	s := admin.Server(http.NotFoundHandler())
	require.NotZero(t, s.ReadHeaderTimeout)
	require.NotZero(t, s.ReadTimeout)
	require.Greater(t, s.WriteTimeout, 2*api.ReadTimeout)
	require.NotZero(t, s.IdleTimeout)
	server := httptest.NewUnstartedServer(admin.New(options()))
	server.Config.MaxHeaderBytes = s.MaxHeaderBytes
	server.Start()
	defer server.Close()
	r, err := http.NewRequest("GET", server.URL+"/healthz", nil)
	require.NoError(t, err)
	r.Header.Set("X-Long", strings.Repeat("x", 128<<10))
	response, err := server.Client().Do(r)
	require.NoError(t, err)
	response.Body.Close()
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, response.StatusCode)
}

func TestAPageThatNoListGaveIsRefused(t *testing.T) {
	t.Parallel()
	o := options()
	o.Runs = fakeRuns{list: func(runs.Filter) ([]runs.Summary, []byte, error) { return nil, nil, runs.ErrPage }}
	requireProblem(t, do(o, get("/api/v1/runs?page=AAAA")), 400, everhook.ProblemMalformed, "not a page of this list")
	require.Equal(t, 400, do(o, get("/api/v1/runs/"+string(runA)+"?flow=orders&execution=x")).Code)
}
