package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access/accesstest"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/receiver"
)

// shownRuns is a server with invented runs.
type shownRuns struct {
	runs   []runs.Summary
	detail func(runs.Summary) runs.Detail
	err    error
	asked  *runs.Filter
}

func (s shownRuns) List(_ context.Context, filter runs.Filter) ([]runs.Summary, []byte, error) {
	if s.asked != nil {
		*s.asked = filter
	}
	var listed []runs.Summary
	for _, run := range s.runs {
		if strings.HasPrefix(string(run.ID), filter.Run) {
			listed = append(listed, run)
		}
	}
	return listed, nil, s.err
}

func (s shownRuns) Find(_ context.Context, _ []string, id everhook.RunID) (string, error) {
	for _, run := range s.runs {
		if run.ID == id {
			return run.Flow, nil
		}
	}
	return "", everhook.ErrNoRun
}

func (s shownRuns) Show(_ context.Context, flow string, id everhook.RunID, _ string) (*runs.Detail, error) {
	for _, run := range s.runs {
		if run.Flow == flow && run.ID == id {
			detail := s.detail(run)
			return &detail, nil
		}
	}
	return nil, everhook.ErrNoRun
}

func (shownRuns) Flows(context.Context) ([]api.Flow, error) { return nil, nil }

// serveRuns starts an admin address and returns its URL.
func serveRuns(t *testing.T, runs shownRuns, token string) string {
	who := accesstest.Open()
	if token != "" {
		who = accesstest.WithToken(token)
	}
	server := httptest.NewServer(admin.New(admin.Options{Runs: runs, Flows: runs, TemporalUIURL: "http://ui.example",
		Access: who, Local: true}))
	t.Cleanup(server.Close)
	return server.URL
}

// everhookRun runs the command line and returns its output and its exit status.
func everhookRun(t *testing.T, args ...string) (out, errs string, status int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	status = run(t.Context(), kind.NewRegistry(), args, streams{strings.NewReader(""), &stdout, &stderr})
	return stdout.String(), stderr.String(), status
}

var runStarted = time.Date(2026, 7, 30, 12, 0, 0, 0, time.Local)

// zoned replaces the time zone of the expected texts by that of this machine.
func zoned(text string) string {
	return strings.ReplaceAll(text, "+00:00", runStarted.Format("-07:00"))
}

func twoRuns() []runs.Summary {
	ended := runStarted.Add(1234 * time.Millisecond)
	return []runs.Summary{
		{ID: "abcdaaaaaaaaaaaaaaaaaaaaaa", Flow: "orders", Title: "Order intake", Version: 3, Status: everhook.Errored,
			Started: runStarted, Ended: &ended, Execution: "x1"},
		{ID: "abcdbbbbbbbbbbbbbbbbbbbbbb", Flow: "a-much-longer-key", Title: "a-much-longer-key", Version: 12,
			Status: everhook.Pending, Started: runStarted, Execution: "x2"},
	}
}

func detailOf(run runs.Summary) runs.Detail {
	failure := &everhook.Error{Status: everhook.Errored, Type: everhook.TypeConnection, Node: "charge",
		Message: "no answer from pay.example", Response: everhook.Of(map[string]any{"status": 503})}
	ended := runStarted.Add(time.Second)
	return runs.Detail{
		Summary: run, Total: 5,
		Outcome: &everhook.Outcome{Status: run.Status, Error: failure, Answer: &everhook.Answer{Status: 500}},
		Steps: []everhook.Step{
			{Number: 1, Node: "paid", Kind: "condition", Status: everhook.Resolved, Started: runStarted,
				Ended: &runStarted, Config: everhook.Mapping{"/expression": "true"}, Result: everhook.Of(true)},
			{Number: 2, Node: "charge", Kind: "http-request", Title: "Charge\x1b[2J the card", Iteration: "items[3]",
				Status: everhook.Errored, Started: runStarted, Ended: &ended, Attempts: 3,
				Config: everhook.Mapping{"/url": "https://pay.example/" + strings.Repeat("x", 100)}, Error: failure,
				Lines: []string{"attempt 1: 503"}},
			{Number: 3, Node: "wait", Kind: "delay", Status: everhook.Pending, Started: runStarted},
		},
	}
}

func TestRunListPrintsATable(t *testing.T) {
	t.Parallel()
	var asked runs.Filter
	server := serveRuns(t, shownRuns{runs: twoRuns(), asked: &asked}, "")
	out, errs, status := everhookRun(t, "run", "list", "--server", server, "--flow", "orders", "--status", "error",
		"--limit", "7", "--after", "2026-07-30T12:00:00+02:00", "--before", "2026-07-30T11:00:00Z")
	require.Zero(t, status, errs)
	require.Equal(t, time.Hour, asked.Before.Sub(asked.After))
	asked.After, asked.Before = time.Time{}, time.Time{}
	require.Equal(t, runs.Filter{Flow: "orders", Status: everhook.Errored, Limit: 7}, asked)
	require.Equal(t, zoned(`RUN                         FLOW               VERSION  STATUS   STARTED                     TOOK
abcdaaaaaaaaaaaaaaaaaaaaaa  orders             3        error    2026-07-30 12:00:00 +00:00  1.234s
abcdbbbbbbbbbbbbbbbbbbbbbb  a-much-longer-key  12       pending  2026-07-30 12:00:00 +00:00  
`), out)
}

func TestRunListSaysThatThereAreNone(t *testing.T) {
	t.Parallel()
	out, _, status := everhookRun(t, "run", "list", "--server", serveRuns(t, shownRuns{}, ""))
	require.Zero(t, status)
	require.Equal(t, "no runs\n", out)
}

func TestRunListPrintsTheAnswerAsJSON(t *testing.T) {
	t.Parallel()
	out, _, status := everhookRun(t, "run", "list", "--server", serveRuns(t, shownRuns{runs: twoRuns()[:1]}, ""),
		"--output", "json")
	require.Zero(t, status)
	require.JSONEq(t, `{"runs":[{"id":"abcdaaaaaaaaaaaaaaaaaaaaaa","flow":"orders","title":"Order intake",`+
		`"version":3,"status":"error","started":"`+everhook.FormatTime(runStarted)+`","ended":"`+
		everhook.FormatTime(runStarted.Add(1234*time.Millisecond))+
		`","execution":"x1",`+
		`"temporalUrl":"http://ui.example/namespaces/default/workflows/orders%2Fabcdaaaaaaaaaaaaaaaaaaaaaa/x1"}]}`, out)
}

const shownRun = `Run       abcdaaaaaaaaaaaaaaaaaaaaaa
Flow      orders
Title     Order intake
Version   3
Status    error
Started   2026-07-30 12:00:00 +00:00
Took      1.234s
Error     charge: no answer from pay.example
Answer    HTTP 500
Temporal  http://ui.example/namespaces/default/workflows/orders%2Fabcdaaaaaaaaaaaaaaaaaaaaaa/x1

#  STEP               KIND          STATUS    STARTED       TOOK  ATTEMPTS
1  paid               condition     resolved  12:00:00.000  0s
   input    {"/expression":"true"}
   result   true
2  charge (items[3])  http-request  error     12:00:00.000  1s    3
   title    Charge\u001b[2J the card
   input    {
              "/url": "https://pay.example/XXX"
            }
   error    no answer from pay.example
   response {"status":503}
   line     attempt 1: 503
3  wait               delay         pending   12:00:00.000

the step log did not keep 2 more steps
`

func TestRunShowPrintsEveryStep(t *testing.T) {
	t.Parallel()
	server := serveRuns(t, shownRuns{runs: twoRuns(), detail: detailOf}, "")
	for name, id := range map[string]string{"by its ID": "abcdaaaaaaaaaaaaaaaaaaaaaa",
		"by the beginning of its ID": "abcda", "as Temporal has it": "orders/abcdaaaaaaaaaaaaaaaaaaaaaa"} {
		t.Run(name, func(t *testing.T) {
			out, errs, status := everhookRun(t, "run", "show", id, "--server", server)
			require.Zero(t, status, errs)
			require.Equal(t, zoned(strings.ReplaceAll(shownRun, "XXX", strings.Repeat("x", 100))), out)
		})
	}
}

func TestRunShowTellsWhereARunIs(t *testing.T) {
	t.Parallel()
	going := func(run runs.Summary) runs.Detail {
		detail := runs.Detail{Summary: run, Total: 6, At: []int{6, 5, 4, 3, 2},
			Steps: []everhook.Step{{Number: 1, Node: "lines", Kind: "loop", Status: everhook.Pending,
				Started: runStarted}}}
		for i := range 5 {
			detail.Steps = append(detail.Steps, everhook.Step{Number: 2 + i, Node: "pause",
				Iteration: fmt.Sprintf("lines[%d]", i), Kind: "delay", Status: everhook.Pending, Started: runStarted})
		}
		return detail
	}
	out, errs, status := everhookRun(t, "run", "show", "abcdb", "--server",
		serveRuns(t, shownRuns{runs: twoRuns(), detail: going}, ""))
	require.Zero(t, status, errs)
	require.Contains(t, out,
		zoned("\nAt        pause (lines[4]), delay since 2026-07-30 12:00:00 +00:00; pause (lines[3]), delay "+
			"since 2026-07-30 12:00:00 +00:00; pause (lines[2]), delay since 2026-07-30 12:00:00 +00:00; 2 more\n"))
}

func TestRunShowFindsARunWithTwoExecutions(t *testing.T) {
	t.Parallel()
	again := twoRuns()[0]
	again.Execution, again.Started = "x3", runStarted.Add(time.Minute)
	list := append([]runs.Summary{again}, twoRuns()...)
	server := serveRuns(t, shownRuns{runs: list, detail: func(run runs.Summary) runs.Detail {
		next := time.Now().Add(time.Hour)
		return runs.Detail{Summary: run, Others: []runs.Summary{again}, Total: 1, Steps: []everhook.Step{{Number: 1,
			Node: "charge", Kind: "http-request", Status: everhook.Pending, Started: runStarted,
			Retrying: &everhook.Retrying{Attempt: 4, Of: 8, LastError: "500 Internal Server Error", Next: &next}}}}
	}}, "")
	out, errs, status := everhookRun(t, "run", "show", "abcda", "--server", server)
	require.Zero(t, status, errs)
	require.Contains(t, out, "Other     error, started 2026-07-30 12:01:00 +00:00, --execution x3\n")
	require.Contains(t, out, "   retry    attempt 4 of 8, last: 500 Internal Server Error, next in ")

	out, errs, status = everhookRun(t, "run", "list", "--server", server)
	require.Zero(t, status, errs)
	require.Equal(t, 1, strings.Count(out, "error, started again"), out)
}

func TestRunShowPrintsTheAnswerAsJSON(t *testing.T) {
	t.Parallel()
	out, errs, status := everhookRun(t, "run", "show", "abcda", "--output", "json", "--server",
		serveRuns(t, shownRuns{runs: twoRuns(), detail: detailOf}, ""))
	require.Zero(t, status, errs)
	value, err := everhook.ParseJSON([]byte(out))
	require.NoError(t, err)
	require.Len(t, value.(map[string]any)["steps"], 3)
}

func TestRunShowRefusesWhatNamesNoRun(t *testing.T) {
	t.Parallel()
	server := serveRuns(t, shownRuns{runs: twoRuns(), detail: detailOf}, "")
	for name, c := range map[string]struct{ id, want string }{
		"a beginning of two runs": {"abcd", "2 runs have an ID that begins with abcd; write more of it"},
		"a beginning of none":     {"zzzz", "no run has an ID that begins with zzzz, or it has expired"},
		"a beginning too short":   {"abc", "not a run ID"},
		"something else":          {"../flows", "not a run ID"},
		"an unknown ID":           {"zzzzaaaaaaaaaaaaaaaaaaaaaa", "no such run, or it has expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, errs, status := everhookRun(t, "run", "show", c.id, "--server", server)
			require.Equal(t, 1, status)
			require.Contains(t, errs, c.want)
		})
	}
}

func TestWhoAsksTheAddressOfWebhooksIsToldSo(t *testing.T) {
	t.Parallel()
	hooks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, `{"type":"urn:everhook:problem:not-found","title":"Not found","status":404,"detail":%q}`,
			receiver.NothingHere)
	}))
	t.Cleanup(hooks.Close)
	for _, args := range [][]string{{"list"}, {"show", "abcdaaaaaaaaaaaaaaaaaaaaaa"}, {"cancel", "abcd"}} {
		_, errs, status := everhookRun(t, append(append([]string{"run"}, args...), "--server", hooks.URL)...)
		require.Equal(t, 1, status)
		require.Equal(t, "everhook: "+hooks.URL+" is the address for webhooks; give the admin address with --server, "+
			"by default http://127.0.0.1:13001\n", errs)
	}
}

func TestAServerThatDoesNotAnswerIsNotTakenForNone(t *testing.T) {
	t.Parallel()
	flags := serverFlags{Server: "http://127.0.0.1:13001"}
	err := flags.unreachable(&url.Error{Op: "Get", URL: flags.Server, Err: context.DeadlineExceeded})
	require.EqualError(t, err, "http://127.0.0.1:13001 did not answer within "+askTimeout.String()+
		"; check the load of its process and of Temporal")
}

func TestRunCommandsSendTheToken(t *testing.T) {
	t.Parallel()
	server := serveRuns(t, shownRuns{}, "sesame")
	_, errs, status := everhookRun(t, "run", "list", "--server", server)
	require.Equal(t, 1, status)
	require.Contains(t, errs, "set EVERHOOK_ADMIN_TOKEN")
	_, errs, status = everhookRun(t, "run", "list", "--server", server, "--admin-token", "sesame")
	require.Zero(t, status, errs)
}

func TestRunCommandsReadTheirEnvironment(t *testing.T) {
	t.Setenv("EVERHOOK_SERVER", serveRuns(t, shownRuns{}, "sesame"))
	t.Setenv("EVERHOOK_ADMIN_TOKEN", "sesame")
	_, errs, status := everhookRun(t, "run", "list")
	require.Zero(t, status, errs)
}

// unreachable is an address without a listener: the system never assigns such a low port.
const unreachable = "http://127.0.0.1:1"

func TestRunCommandsSayWhyThereIsNoAnswer(t *testing.T) {
	t.Parallel()
	answering := func(handler http.HandlerFunc) string {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return server.URL
	}
	other := answering(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) })
	away := answering(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, http.StatusFound) })
	broken := answering(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"runs": 7}`))
	})
	cut := answering(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte(`{`))
	})
	for name, c := range map[string]struct{ server, want string }{
		"nothing listens": {unreachable, "no Everhook server answers at " + unreachable +
			"; start one with `everhook dev`"},
		"something else listens":       {other, "is not the admin address of Everhook"},
		"a redirect is not followed":   {away, "302 Found"},
		"an answer of another version": {broken, "use the release of this command that the server has"},
		"an answer that breaks off":    {cut, "broke off"},
		"the engine is away": {serveRuns(t, shownRuns{err: errors.New("temporal does\x1b[31m not answer")},
			""), `temporal does\u001b[31m not answer`},
		"an address that is none":       {"127.0.0.1:13001", "write for example http://127.0.0.1:13001"},
		"an address of another network": {"ftp://127.0.0.1", "write for example http://127.0.0.1:13001"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, errs, status := everhookRun(t, "run", "list", "--server", c.server)
			require.Equal(t, 1, status)
			require.Empty(t, out)
			require.Contains(t, errs, c.want)
		})
	}
}

func TestRunCommandsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := (&serverFlags{Server: serveRuns(t, shownRuns{}, "")}).ask(ctx, pathRuns, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.NotContains(t, err.Error(), "everhook dev")
}

func TestStepsOfAnotherDaySayTheDay(t *testing.T) {
	t.Parallel()
	require.Equal(t, "12:00:00.000", stepClock(runStarted, runStarted))
	require.Equal(t, "2026-07-31 12:00:00.000", stepClock(runStarted.AddDate(0, 0, 1), runStarted))
}
