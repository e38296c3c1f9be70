package console_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/access/accesstest"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/console"
	"github.com/everhook/everhook/internal/runs"
)

// server is the data that the pages show.
type server struct {
	flows            []api.Flow
	runs             []runs.Summary
	next             []byte
	detail           *runs.Detail
	flowsErr, runErr error
	asked            runs.Filter
	// list replaces runs, if set.
	list func(runs.Filter) []runs.Summary
}

func (s *server) Flows(context.Context) ([]api.Flow, error) { return s.flows, s.flowsErr }

func (s *server) List(_ context.Context, filter runs.Filter) ([]runs.Summary, []byte, error) {
	s.asked = filter
	if s.list != nil {
		return s.list(filter), nil, nil
	}
	return s.runs, s.next, s.runErr
}

func (s *server) Find(_ context.Context, _ []string, id everhook.RunID) (string, error) {
	if s.detail != nil && s.detail.ID == id {
		return s.detail.Flow, nil
	}
	return "", everhook.ErrNoRun
}

func (s *server) Show(_ context.Context, flow string, id everhook.RunID, _ string) (*runs.Detail, error) {
	if s.runErr != nil {
		return nil, s.runErr
	}
	if s.detail == nil || s.detail.Flow != flow || s.detail.ID != id {
		return nil, everhook.ErrNoRun
	}
	return s.detail, nil
}

func (s *server) options() admin.Options {
	return admin.Options{Flows: s, Runs: s, TemporalUIURL: "http://ui.example", Namespace: "default", Version: "1.2.3",
		Access: accesstest.Open(), Local: true}
}

func open(o admin.Options, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", path, nil)
	console.New(o).ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Local)))
	return w
}

// read opens a page that must exist, and returns its HTML.
func read(t *testing.T, s *server, path string) string {
	t.Helper()
	w := open(s.options(), path)
	require.Equal(t, 200, w.Code, w.Body)
	require.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	return w.Body.String()
}

var (
	// attributes are quoted values: a quote inside is &#34;.
	attributes = regexp.MustCompile(`="[^"]*"`)

	tags   = regexp.MustCompile(`<[^>]*>`)
	spaces = regexp.MustCompile(`\s+`)
)

// text returns the text of a page: without tags, with single spaces.
func text(page string) string {
	return strings.TrimSpace(spaces.ReplaceAllString(html.UnescapeString(tags.ReplaceAllString(page, " ")), " "))
}

const runA = everhook.RunID("aaaaaaaaaaaaaaaaaaaaaaaaaa")

func oneRun() runs.Summary {
	started := time.Now().Add(-90 * time.Second)
	ended := started.Add(1500 * time.Millisecond)
	return runs.Summary{ID: runA, Flow: "orders", Title: "Order intake", Version: 3, Status: everhook.Errored,
		Started: started, Ended: &ended, Execution: "0198-x"}
}

const hookURL = "https://hooks.example.com/api/webhook:trigger/t0ken"

func TestTheOverviewShowsFlowsAndTheLatestRuns(t *testing.T) {
	t.Parallel()
	s := &server{runs: []runs.Summary{oneRun()}, flows: []api.Flow{
		{Key: "orders", Title: "Order intake", Mode: everhook.Sync, Version: 3, Enabled: true, URL: hookURL,
			Note: "version 4 has problems", Skipped: 12},
		{Key: "broken", Title: "Broken", Mode: everhook.Async, Version: 2, URL: hookURL, Note: "line 3: unknown kind"},
		{Key: "off", Note: "disabled"},
	}}
	page := read(t, s, "/")
	require.Equal(t, runs.Filter{Ended: true, Limit: 20}, s.asked)
	require.Contains(t, text(page), "Order intake orders served version 4 has problems 12 skipped by its condition, "+
		"without a run Copy the URL of orders "+hookURL+
		" sync 3 ")
	require.Contains(t, text(page), "Broken broken not served line 3: unknown kind Copy the URL of broken "+hookURL+
		" async 2 ")
	require.Contains(t, text(page), "off disabled none ")
	require.Regexp(t, `error Order intake v3 aaaaaaaa 1 min ago (\d+ \w+ )?`+
		s.runs[0].Started.Local().Format("15:04:05")+` 1\.5 s Temporal`, text(page))
	require.Contains(t, page, `data-copy="`+hookURL+`"`)
	require.Contains(t, page, `href="/runs/`+string(runA)+`?flow=orders&amp;execution=0198-x"`)
	require.Contains(t, page, `href="http://ui.example/namespaces/default/workflows/orders%2F`+string(runA)+`/0198-x"`)
	require.Contains(t, page, `<body data-live>`)
	require.Contains(t, page, "Everhook 1.2.3")
	require.NotContains(t, page, "Sign out")
}

func TestRunsThatWaitForWeeksDoNotHideWhatHasJustFailed(t *testing.T) {
	t.Parallel()
	s := &server{list: func(filter runs.Filter) (listed []runs.Summary) {
		for i := range filter.Limit {
			run := runs.Summary{ID: everhook.RunID(fmt.Sprintf("waits%02d", i)), Flow: "waits",
				Status: everhook.Pending, Started: time.Now().Add(-time.Hour * time.Duration(i+1))}
			if filter.Ended {
				ended := run.Started.Add(time.Second)
				run.ID, run.Status, run.Ended = everhook.RunID(fmt.Sprintf("fails%02d", i)), everhook.Failed, &ended
			}
			listed = append(listed, run)
		}
		if filter.Ended { // it ended between the two requests
			listed[0].ID = "waits00"
		}
		return listed
	}}
	page := read(t, s, "/")
	require.Equal(t, 20, strings.Count(page, `<a class="id"`))
	require.Equal(t, 1, strings.Count(page, ">waits00<"))
	require.Regexp(t, `failed waits .*waits00 .*failed waits fails01 2 h ago .*pending waits waits01 2 h ago .*fails10`,
		text(page))
	require.NotContains(t, page, ">waits15<")
}

func TestFlowsThatAreNotServedComeFirst(t *testing.T) {
	t.Parallel()
	s := &server{}
	for i := range 60 {
		s.flows = append(s.flows, api.Flow{Key: fmt.Sprintf("flow-%02d", i), Enabled: i < 58})
	}
	s.flows[58].Note = "disabled"
	s.flows[59].Version, s.flows[59].Note = 1, "a secret is missing"
	page := read(t, s, "/")
	require.Regexp(t, `Version flow-59 not served a secret is missing none 1 Edit flow-59 flow-00 `, text(page))
	require.NotContains(t, page, "flow-58", "who disables a flow knows it")
}

func TestAFlowThatOthersCallHasNoURL(t *testing.T) {
	t.Parallel()
	s := &server{flows: []api.Flow{{Key: "stock", Trigger: "call", Enabled: true},
		{Key: "drop", Trigger: "file-drop", Enabled: true}}}
	require.Contains(t, text(read(t, s, "/")), "stock served called by other flows Edit stock "+
		"drop served started by file-drop")
}

func TestAnEmptyServerSaysWhatToDo(t *testing.T) {
	t.Parallel()
	require.Contains(t, text(read(t, &server{}, "/")), "No flows yet. Write one into the server's directory of "+
		"flows. everhook dev serves it immediately, everhook serve after a restart: everhook flow new hello")
	require.Contains(t, text(read(t, &server{}, "/runs")), "No runs yet.")
	s := &server{flows: []api.Flow{{Key: "off", URL: "http://no"}, {Key: "orders", Enabled: true, URL: hookURL}}}
	require.Contains(t, text(read(t, s, "/")), `Try it: curl -i '`+hookURL+
		`' -H 'Content-Type: application/json' -d '{"hello": "world"}'`)
}

func TestWhatCannotBeReadDoesNotHideTheRest(t *testing.T) {
	t.Parallel()
	s := &server{flows: []api.Flow{{Key: "orders"}}, runErr: errors.New("temporal <does> not answer")}
	page := read(t, s, "/")
	require.Contains(t, text(page), "orders disabled none")
	require.Contains(t, text(page), "The runs cannot be listed now. temporal <does> not answer")
	require.Contains(t, text(read(t, s, "/runs")), "The runs cannot be listed now.")

	s = &server{runs: []runs.Summary{oneRun()}, flowsErr: errors.New("the store is locked")}
	page = read(t, s, "/")
	require.Contains(t, text(page), "The flows cannot be listed now. the store is locked")
	require.Contains(t, text(page), "error Order intake")
}

func TestAThousandFlowsAreSearched(t *testing.T) {
	t.Parallel()
	s := &server{}
	for i := range 1000 {
		s.flows = append(s.flows, api.Flow{Key: fmt.Sprintf("flow-%03d", i), Title: fmt.Sprintf("The FLOW %d", i)})
	}
	page := read(t, s, "/")
	require.Equal(t, 50, strings.Count(page, ` scope="row"`))
	require.Contains(t, text(page), "50 of 1000 flows. Show all")
	page = read(t, s, "/?all")
	require.Equal(t, 1000, strings.Count(page, ` scope="row"`))
	require.NotContains(t, page, "<body data-live>", "so many are not read again and again")
	require.Equal(t, 10, strings.Count(read(t, s, "/?q=flow-00"), ` scope="row"`))
	require.Equal(t, 1, strings.Count(read(t, s, "/?q=the+flow+777"), ` scope="row"`))
	require.Contains(t, read(t, s, "/?q=flow-"), `href="/?all&amp;q=flow-"`)
	require.Contains(t, text(read(t, s, "/?q=%3Cb%3E")), "No flow has “<b>” in its key or title.")
}

func TestRunsAreListedPageByPage(t *testing.T) {
	t.Parallel()
	s := &server{runs: []runs.Summary{oneRun()}, next: []byte("more")}
	page := read(t, s, "/runs?flow=orders&status=failed")
	require.Equal(t, runs.Filter{Flow: "orders", Status: everhook.Failed, Limit: 50}, s.asked)
	require.Contains(t, page, `href="/runs?flow=orders&amp;page=bW9yZQ&amp;status=failed"`)
	require.Contains(t, page, `<option selected>failed</option>`)
	require.Contains(t, page, `name="flow" value="orders"`)
	require.Contains(t, page, `<body data-live>`)

	page = read(t, s, "/runs?page=bW9yZQ")
	require.Equal(t, []byte("more"), s.asked.Page)
	require.NotContains(t, page, `<body data-live>`, "an older page stays as it is")

	s.runs, s.next = nil, nil
	page = read(t, s, "/runs?flow=orders")
	require.Contains(t, text(page), "No such runs. Show all runs")
	require.NotContains(t, page, "Older runs")

	w := open(s.options(), "/runs?status=fine")
	require.Equal(t, 400, w.Code)
	require.Contains(t, text(w.Body.String()), `"fine" is not a status that runs can be listed by`)
}

func shownRun() *runs.Detail {
	started := time.Date(2026, 7, 30, 12, 0, 0, 5e6, time.Local)
	ended := started.Add(61 * time.Second)
	failure := &everhook.Error{Status: everhook.Errored, Type: everhook.TypeConnection, Node: "charge",
		Message: "no answer from pay.example", Attempts: 3}
	summary := oneRun()
	summary.Started = started
	shown := started.Add(1500 * time.Millisecond)
	summary.Ended = &shown
	return &runs.Detail{
		Summary: summary, Events: 31, Total: 1003,
		Outcome: &everhook.Outcome{Status: everhook.Errored, Error: failure, Output: everhook.Of("done"),
			Answer: &everhook.Answer{Status: 502, Headers: map[string]everhook.HeaderValue{"X-A": {"b"}},
				Body: everhook.Of(map[string]any{"ok": false})}},
		Steps: []everhook.Step{
			{Number: 1, Node: "paid", Kind: "condition", Status: everhook.Resolved, Started: started, Ended: &started,
				Config: everhook.Mapping{"/expression": "a < b"}, Result: everhook.Of(true)},
			{Number: 2, Node: "charge", Title: "Charge the card", Iteration: "items[3]", Kind: "http-request",
				Status: everhook.Errored, Started: started, Ended: &ended, Attempts: 3, Error: failure,
				Lines: []string{"attempt 1: 503"}},
			{Number: 3, Node: "wait", Kind: "delay", Status: everhook.Pending, Started: started},
		},
	}
}

func TestARunIsShownWithEveryStep(t *testing.T) {
	t.Parallel()
	s := &server{detail: shownRun()}
	page := read(t, s, "/runs/"+string(runA)+"?flow=orders")
	said := text(page)
	require.Contains(t, said, "Order intake error Run "+string(runA)+" Copy the run ID Version 3 Started "+
		s.detail.Started.Local().Format("2006-01-02 15:04:05"))
	require.Contains(t, said, "Took 1.5 s Steps 1003 Events 31 Delivery On record Temporal Open its history")
	require.Contains(t, said, "charge : connection no answer from pay.example")
	require.Contains(t, said, `Answer to the caller: HTTP 502 Headers { "X-A": "b" } Body { "ok": false }`)
	require.Contains(t, said, "Output done")
	require.Contains(t, said,
		`1 paid resolved condition 12:00:00.005 < 1 ms input, result Input { "/expression": "a < b" } Result true`)
	require.Contains(t, said,
		`2 Charge the card charge items[3] error http-request 12:00:00.005 1 min 1 s 3 no answer from pay.example `+
			`error, lines Error {`)
	require.Contains(t, said, "Lines attempt 1: 503")
	require.Regexp(t, `3 wait pending delay 12:00:00.005 .* so far`, said)
	require.Contains(t, said, "The step log did not keep 1000 more steps.")
	require.Contains(t, page, `<details id="step-2">`)
	require.NotContains(t, page, `id="step-3"`, "there is nothing to tell about it")
	require.NotContains(t, page, `<body data-live>`, "the run has ended")
	require.Contains(t, page, `<a href="#at-2">charge</a>: connection`)
	require.Contains(t, page, `<tbody role="rowgroup" id="at-2">`)
	require.Contains(t, said, "To run it again everhook run retry "+string(runA)+
		" --server http://example.com Copy the command")
	require.NotContains(t, said, "It is at")
}

func TestARunThatGoesOnSaysWhereItIs(t *testing.T) {
	t.Parallel()
	s := &server{detail: &runs.Detail{Summary: runs.Summary{ID: runA, Flow: "orders",
		Status: everhook.Pending, Started: time.Now()}}}
	add := func(node, kind, iteration string) {
		s.detail.Steps = append(s.detail.Steps, everhook.Step{Number: len(s.detail.Steps) + 1, Node: node, Kind: kind,
			Iteration: iteration, Status: everhook.Pending, Started: time.Now()})
	}
	add("lines", "loop", "")
	add("pause", "delay", "lines[41]")
	s.detail.At = []int{2}
	said := text(read(t, s, "/runs/"+string(runA)+"?flow=orders"))
	require.Regexp(t, `It is at pause lines\[41\] \(delay, [^)]* so far \) To end it everhook run cancel `+string(runA)+
		` --server http://example.com Copy the command`, said)
	for range 4 {
		add("call", "wait-for-call", "")
	}
	s.detail.At = []int{6, 5, 4, 3, 2}
	page := read(t, s, "/runs/"+string(runA)+"?flow=orders")
	require.Regexp(t, `It is at (call \(wait-for-call, [^)]* so far \), ){3}and 2 more`, text(page))
	require.Contains(t, page, `<a href="#at-6">call</a>`)

	s.detail.Status = everhook.Resolved
	said = text(read(t, s, "/runs/"+string(runA)+"?flow=orders"))
	require.NotContains(t, said, "It is at")
	require.NotContains(t, said, "everhook run")
}

func TestARunThatGoesOnIsKeptUpToDate(t *testing.T) {
	t.Parallel()
	started := time.Now()
	s := &server{detail: &runs.Detail{Summary: runs.Summary{ID: runA, Flow: "orders", Status: everhook.Queued,
		Started: started}}}
	page := read(t, s, "/runs/"+string(runA)+"?flow=orders")
	require.Contains(t, page, `<body data-live>`)
	require.Contains(t, text(page), "No step has begun yet.")

	s.detail.Note = "no worker told its steps: deadline exceeded"
	page = read(t, s, "/runs/"+string(runA)+"?flow=orders")
	require.Contains(t, text(page), "no worker told its steps")
	require.NotContains(t, text(page), "No step has begun yet.")
}

func TestARunIsFoundWithoutItsFlow(t *testing.T) {
	t.Parallel()
	s := &server{detail: shownRun(), runs: []runs.Summary{oneRun()}}
	require.Contains(t, read(t, s, "/runs/"+string(runA)), "Order intake")
}

func TestARunThatCannotBeShownSaysWhy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path   string
		err    error
		status int
		want   string
	}{
		"an unknown run": {"/runs/" + string(runA) + "?flow=orders", nil, 404, "There is no run " + string(runA)},
		"no run ID":      {"/runs/<b>", nil, 404, "Everhook-Run-Id"},
		"no flow key":    {"/runs/" + string(runA) + "?flow=A%20B", nil, 404, "No such run"},
		"Temporal is away": {"/runs/" + string(runA) + "?flow=orders", errors.New("temporal does not answer"), 503,
			"temporal does not answer"},
		"a page that is none": {"/none", nil, 404, "This address has no page."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := open((&server{runErr: c.err}).options(), strings.ReplaceAll(c.path, "<b>", "%3Cb%3E"))
			require.Equal(t, c.status, w.Code)
			require.Contains(t, text(w.Body.String()), c.want)
			require.Equal(t, c.status == 503, w.Header().Get("Retry-After") != "")
		})
	}
}

// ownScripts matches the scripts of the pages.
var ownScripts = regexp.MustCompile(`<script src="/(console|signin)\.js" defer></script>`)

func TestWhatStrangersSentIsText(t *testing.T) {
	t.Parallel()
	const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>'{{.}}`
	started := time.Now()
	run := runs.Summary{ID: runA, Flow: "orders", Title: hostile, Status: everhook.Status(hostile),
		Started: started, Execution: hostile}
	failure := &everhook.Error{Type: hostile, Message: hostile, Node: hostile, Response: everhook.Of(hostile)}
	s := &server{
		flows: []api.Flow{{Key: "orders", Title: hostile, Mode: hostile, URL: `javascript:alert(1)//` + hostile,
			Enabled: true, Version: 1, Note: hostile}},
		runs: []runs.Summary{run},
		detail: &runs.Detail{Summary: run, Note: hostile,
			Steps: []everhook.Step{{Node: hostile, Title: hostile, Kind: hostile, Iteration: hostile, Status: hostile,
				Started: started,
				Config:  everhook.Mapping{hostile: hostile}, Result: everhook.Of(hostile), Error: failure,
				Lines: []string{hostile}}},
			Outcome: &everhook.Outcome{Error: failure, Output: everhook.Of(hostile),
				Answer: &everhook.Answer{Headers: map[string]everhook.HeaderValue{hostile: {hostile}},
					Body: everhook.Of(hostile)}}},
	}
	for _, path := range []string{"/", "/runs", "/runs/" + string(runA) + "?flow=orders", "/?q=" + "%22%3E%3Cscript%3E",
		"/login?next=%22%3E%3Cscript%3E"} {
		page := read(t, s, path)
		require.Len(t, ownScripts.FindAllString(page, -1), strings.Count(page, "<script"), path)
		require.NotContains(t, page, "<img", path)
		require.NotRegexp(t, `<[^>]*\son[a-z]+=`, attributes.ReplaceAllString(page, `=""`), path)
		require.NotContains(t, page, `href="javascript:`, path)
		require.NotContains(t, page, " style=", path)
	}
	s.runs = nil
	require.Contains(t, text(read(t, s, "/")),
		`curl -i 'javascript:alert(1)//"><script>alert(1)</script><img src=x onerror=alert(1)>'\''{{.}}'`,
		"a quote stays within the quotes of the shell")
}

func TestLinksOfHostileAddressesAreDisarmed(t *testing.T) {
	t.Parallel()
	s := &server{runs: []runs.Summary{oneRun()}}
	o := s.options()
	o.TemporalUIURL = "javascript:alert(1)"
	require.NotContains(t, open(o, "/").Body.String(), `href="javascript:`)
}

func TestWithoutTemporalsUIThereAreNoLinksToIt(t *testing.T) {
	t.Parallel()
	s := &server{runs: []runs.Summary{oneRun()}, detail: shownRun()}
	o := s.options()
	o.TemporalUIURL = ""
	require.NotContains(t, text(open(o, "/").Body.String()), "s Temporal")
	require.NotContains(t, text(open(o, "/runs/"+string(runA)+"?flow=orders").Body.String()), "Open its history")
	o.UI = console.New(o)
	require.Contains(t, open(o, "/").Body.String(), `href="/temporal/namespaces/default/workflows/orders%2F`)
	require.Contains(t, open(o, "/").Body.String(), `<a href="/temporal/">Temporal</a>`)
}

func TestPeopleSignInAndOut(t *testing.T) {
	t.Parallel()
	o := (&server{}).options()
	o.Access = accesstest.WithToken("sesame")
	r := httptest.NewRequest("GET", "/", nil)
	w := httptest.NewRecorder()
	console.New(o).ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Actor{Role: access.Viewer,
		Name: "Ada", Session: "s"})))
	require.Contains(t, w.Body.String(), `<a class="who" href="/account">Ada</a>`)
	require.Contains(t, w.Body.String(), "Sign out")
	page := open(o, "/login?next=%2Fruns%3Fflow%3Da").Body.String()
	require.Contains(t, page, `name="next" value="/runs?flow=a"`)
	require.NotContains(t, page, "Sign out")
	require.NotContains(t, page, "<nav")
	require.NotContains(t, page, "organisation", "there is no provider")
	require.NotContains(t, text(page), "not a valid token")
	require.Contains(t, text(open(o, "/login?wrong=token").Body.String()), "That is not a valid token of this server.")
	require.NotContains(t, open(o, "/login?wrong=call+0123").Body.String(), "0123", "texts of links are not shown")
	require.NotContains(t, page, "sesame")
}

func TestOnlySomeSeeTemporal(t *testing.T) {
	t.Parallel()
	o := (&server{}).options()
	o.UI = http.NotFoundHandler()
	for _, c := range []struct {
		actor access.Actor
		sees  bool
	}{
		{access.Actor{Role: access.Admin}, true}, {access.Actor{Role: access.Operator}, true},
		{access.Actor{Role: access.Operator, Labels: []string{"crm"}}, false},
		{access.Actor{Role: access.Viewer}, false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		w := httptest.NewRecorder()
		console.New(o).ServeHTTP(w, r.WithContext(access.With(r.Context(), c.actor)))
		require.Equal(t, c.sees, strings.Contains(w.Body.String(), `href="/temporal/"`), c.actor)
	}
}

func TestStyleAndScriptAreServedOnce(t *testing.T) {
	t.Parallel()
	for path, kind := range map[string]string{"/console.css": "text/css", "/console.js": "text/javascript",
		"/signin.js": "text/javascript"} {
		o := (&server{}).options()
		w := open(o, path)
		require.Equal(t, 200, w.Code)
		require.Contains(t, w.Header().Get("Content-Type"), kind)
		require.Equal(t, "no-cache", w.Header().Get("Cache-Control"))
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("If-None-Match", w.Header().Get("ETag"))
		again := httptest.NewRecorder()
		console.New(o).ServeHTTP(again, r)
		require.Equal(t, 304, again.Code)
		require.Empty(t, again.Body)
	}
}

func TestWhatCannotBeReadIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := &server{runErr: errors.New("runs are away"), flowsErr: errors.New("flows are away")}
	o := s.options()
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	open(o, "/")
	open(o, "/runs/"+string(runA)+"?flow=orders")
	require.Equal(t, 2, strings.Count(log.String(), "runs are away"))
	require.Equal(t, 1, strings.Count(log.String(), "flows are away"))
}

func TestTablesAreReadableByMachines(t *testing.T) {
	t.Parallel()
	s := &server{runs: []runs.Summary{oneRun()}, detail: shownRun(), flows: []api.Flow{{Key: "a", URL: hookURL}}}
	for _, path := range []string{"/", "/runs", "/runs/" + string(runA) + "?flow=orders"} {
		page := read(t, s, path)
		require.Contains(t, page, `<html lang="en">`)
		require.Equal(t, 1, strings.Count(page, "<h1"), path)
		require.Equal(t, strings.Count(page, "<th "), strings.Count(page, `er" scope="`), "every header says its scope")
		require.NotContains(t, page, "<th>")
		for _, id := range regexp.MustCompile(`aria-labelledby="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			require.Contains(t, page, `id="`+id[1]+`"`, path)
		}
		for _, label := range regexp.MustCompile(`<(?:input|select) id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			require.Contains(t, page, `for="`+label[1]+`"`, path)
		}
	}
}

func TestAnEffectThatIsRetriedSaysSo(t *testing.T) {
	t.Parallel()
	next := time.Now().Add(11500 * time.Millisecond)
	s := &server{detail: &runs.Detail{Summary: runs.Summary{ID: runA, Flow: "orders", Status: everhook.Pending,
		Started: time.Now()}, Total: 1, At: []int{1}, Steps: []everhook.Step{{Number: 1, Node: "charge",
		Kind:   "http-request",
		Status: everhook.Pending, Started: time.Now(), Retrying: &everhook.Retrying{Attempt: 4, Of: 8,
			LastError: "500 <b>Internal</b>", Next: &next}}}}}
	said := text(read(t, s, "/runs/"+string(runA)+"?flow=orders"))
	require.Regexp(t, `so far \): attempt 4 of 8, last: 500 <b>Internal</b>, next in (12|11|10|[1-9]) s`, said)
}

func TestExecutionsOfOneRunAreToldApart(t *testing.T) {
	t.Parallel()
	first, again := oneRun(), oneRun()
	again.Execution, again.Started, again.Status = "0199-y", first.Started.Add(time.Minute), everhook.Resolved
	s := &server{runs: []runs.Summary{again, first}, detail: shownRun()}
	page := read(t, s, "/runs")
	require.Equal(t, 1, strings.Count(text(page), "started again"))
	for _, run := range s.runs {
		require.Contains(t, page, html.EscapeString("&execution="+run.Execution), run.Execution)
	}

	s.detail.Others = []runs.Summary{again}
	said := text(read(t, s, "/runs/"+string(runA)+"?flow=orders"))
	require.Contains(t, said, "This is an earlier execution of the run.")
	require.Contains(t, said, "Other executions resolved, ")
	require.Equal(t, 404, open(s.options(), "/runs/"+string(runA)+"?flow=orders&execution='").Code)
}

func TestALongRunIsShownInPages(t *testing.T) {
	t.Parallel()
	s := &server{detail: &runs.Detail{Summary: oneRun(), Total: 6004}}
	for i := range 1000 {
		s.detail.Steps = append(s.detail.Steps, everhook.Step{Number: i + 1, Node: "note", Kind: "variable",
			Status: everhook.Resolved, Started: time.Now()})
	}
	address := "/runs/" + string(runA) + "?flow=orders"
	page := read(t, s, address)
	require.Less(t, len(page), 70_000)
	require.Contains(t, text(page), "Steps 1 to 100 of 1000. Later steps")
	page = read(t, s, address+"&from=901")
	require.Contains(t, text(page), "Steps 901 to 1000 of 1000. Earlier steps")
	require.Contains(t, page, `&amp;from=801#steps-title">Earlier steps</a>`)
	require.Contains(t, text(read(t, s, address+"&from=9999")), "Steps 1000 to 1000 of 1000. Earlier steps")
	for _, from := range []string{"0", "-1", "AAAA", "99999999999999999999"} {
		w := open(s.options(), address+"&from="+from)
		require.Equal(t, 400, w.Code, from)
		require.Contains(t, text(w.Body.String()), "is not the number of a step")
	}

	failed := &s.detail.Steps[500]
	failed.Node, failed.Status = "charge", everhook.Errored
	failed.Error = everhook.Errorf(everhook.TypeConnection, "away")
	s.detail.Outcome = &everhook.Outcome{Status: everhook.Errored, Error: failed.Error.At("charge")}
	page = read(t, s, address)
	require.Contains(t, page, `<a href="#at-501">charge</a>`, "the failed step is shown")
	require.Contains(t, text(page), "Steps 421 to 520 of 1000. Earlier steps Later steps")
	require.Contains(t, read(t, s, address+"&from=1"), `&amp;from=501#at-501">charge</a>`)
}

func TestLargeStepsMakeShortPages(t *testing.T) {
	t.Parallel()
	s := &server{detail: &runs.Detail{Summary: oneRun(), Total: 60}}
	s.detail.Execution = ""
	for i := range 60 {
		s.detail.Steps = append(s.detail.Steps, everhook.Step{Number: i + 1, Node: "note", Kind: "variable",
			Status: everhook.Resolved, Started: time.Now(), Result: everhook.Of(strings.Repeat("x", 16<<10))})
	}
	address := "/runs/" + string(runA) + "?flow=orders"
	seen := 0
	for next := address + "&from=1"; next != ""; {
		page := read(t, s, next)
		require.Less(t, len(page), 120_000)
		seen += strings.Count(page, `<tbody role="rowgroup" id="at-`)
		next = ""
		if later := regexp.MustCompile(`href="([^"#]*)[^"]*">Later steps`).FindStringSubmatch(page); later != nil {
			next = html.UnescapeString(later[1])
		}
	}
	require.Equal(t, 60, seen, "each step is on one page")
	for _, step := range []int{2, 30, 60} {
		failed := &s.detail.Steps[step-1]
		failed.Node, failed.Error = "charge", everhook.Errorf(everhook.TypeConnection, "away")
		s.detail.Outcome = &everhook.Outcome{Status: everhook.Errored, Error: failed.Error.At("charge")}
		require.Contains(t, read(t, s, address), fmt.Sprintf(`<tbody role="rowgroup" id="at-%d">`, step), step)
	}
	s.detail.Steps[10].Result = everhook.Of(strings.Repeat("x", 200<<10))
	require.Contains(t, text(read(t, s, address+"&from=11")), "Steps 11 to 11 of 60.", "a page has at least one step")
}

func TestAPageIsReadAgainOnlyIfItHasChanged(t *testing.T) {
	t.Parallel()
	next := time.Now().Add(time.Minute)
	s := &server{runs: []runs.Summary{oneRun()}, flows: []api.Flow{{Key: "orders", Enabled: true, URL: hookURL}},
		detail: &runs.Detail{Summary: runs.Summary{ID: runA, Flow: "orders", Status: everhook.Pending,
			Started: time.Now().Add(-time.Hour)}, Steps: []everhook.Step{{Number: 1, Node: "charge",
			Kind: "http-request", Status: everhook.Pending, Started: time.Now(),
			Retrying: &everhook.Retrying{Attempt: 4, Of: 8, LastError: "500", Next: &next}}}}}
	again := func(path, tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		console.New(s.options()).ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Local)))
		return w
	}
	for _, path := range []string{"/", "/runs", "/runs/" + string(runA) + "?flow=orders"} {
		first := open(s.options(), path)
		time.Sleep(3 * time.Millisecond) // ages and durations are other ones
		w := again(path, first.Header().Get("ETag"))
		require.Equal(t, 304, w.Code, path)
		require.Empty(t, w.Body)
	}
	path := "/runs/" + string(runA) + "?flow=orders"
	tag := open(s.options(), path).Header().Get("ETag")
	s.detail.Steps[0].Retrying.Attempt = 5
	require.Equal(t, 200, again(path, tag).Code)
	s.runErr = errors.New("temporal does not answer")
	require.Equal(t, 503, again(path, open(s.options(), path).Header().Get("ETag")).Code, "an error is never unchanged")
}

func TestCopyButtonsHaveNamesOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := &server{flows: []api.Flow{{Key: "a", URL: hookURL}, {Key: "b", URL: hookURL}}}
	page := text(read(t, s, "/"))
	require.Contains(t, page, "Copy the URL of a")
	require.Contains(t, page, "Copy the URL of b")
}

func TestAPageThatNoListGaveIsRefused(t *testing.T) {
	t.Parallel()
	s := &server{runErr: runs.ErrPage}
	w := open(s.options(), "/runs?page=AAAA")
	require.Equal(t, 400, w.Code)
	require.Contains(t, text(w.Body.String()), runs.ErrPage.Error())
}

func TestPagesSayWhatIsWrongWithTheServer(t *testing.T) {
	t.Parallel()
	options := (&server{}).options()
	options.Trouble = func() error { return errors.New("the wall clock was set back and is 29s behind") }
	said := open(options, "/").Body.String()
	require.Contains(t, said, `role="alert"`)
	require.Contains(t, text(said), "This server is in trouble the wall clock was set back and is 29s behind")
}

func TestTheOverviewShowsBrokenFilesWithTheirPlace(t *testing.T) {
	t.Parallel()
	s := &server{}
	o := s.options()
	o.Problems = func() []api.FileProblem {
		return []api.FileProblem{
			{File: "flows/a.yaml", Line: 12, Column: 5, Node: "paid", Message: "no <such> name\n  | x\n",
				Fix: "write `y`"},
			{File: "b.yaml", Line: 1, Column: 1, Message: "the file is empty"},
		}
	}
	page := open(o, "/")
	require.Equal(t, 200, page.Code)
	require.Contains(t, text(page.Body.String()), "Flow files have errors. What was enabled before stays. "+
		"flows/a.yaml:12:5 node paid no <such> name | x fix: write `y` b.yaml:1:1 the file is empty")
	require.NotContains(t, page.Body.String(), "<such>")
	require.NotContains(t, read(t, s, "/"), "Flow files have errors")
}

func TestCommandsNameTheServerAsTheBrowserKnowsIt(t *testing.T) {
	t.Parallel()
	run := oneRun()
	s := &server{detail: &runs.Detail{Summary: run}}
	for address, want := range map[string]string{
		"http://127.0.0.1:13001/":  "run retry " + string(runA) + " --server http://127.0.0.1:13001 ",
		"https://ops.example.com/": "run retry " + string(runA) + " --server https://ops.example.com ",
		"http://[::1]:13001/":      "run retry " + string(runA) + " --server 'http://[::1]:13001' ",
		"http://a'b/":              "run retry " + string(runA) + " Copy ",
	} {
		request := httptest.NewRequest("GET", "/runs/"+string(runA)+"?flow=orders", nil)
		base, err := url.Parse(address)
		require.NoError(t, err)
		request.Host = base.Host
		if base.Scheme == "https" {
			request.Header.Set("X-Forwarded-Proto", "https")
		}
		w := httptest.NewRecorder()
		console.New(s.options()).ServeHTTP(w, request)
		require.Equal(t, 200, w.Code)
		require.Contains(t, text(w.Body.String()), want, address)
	}
}

func TestEditorsAndNoOthersGetTheEditor(t *testing.T) {
	t.Parallel()
	s := &server{flows: []api.Flow{{Key: "orders", Title: "Order intake", Version: 1, Enabled: true}}}
	get := func(path string, role access.Role) (int, string) {
		r := httptest.NewRequest("GET", path, nil)
		w := httptest.NewRecorder()
		console.New(s.options()).ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Actor{Role: role})))
		return w.Code, w.Body.String()
	}
	for _, path := range []string{"/flows/new", "/flows/orders/edit", "/flows/only-a-draft/edit"} {
		status, page := get(path, access.Editor)
		require.Equal(t, 200, status, path)
		require.Regexp(t, `make console|type="module"`, page, "a binary without the editor says how to get it")
		status, _ = get(path, access.Viewer)
		require.Equal(t, 403, status, path)
	}
	status, _ := get("/flows/No-Key/edit", access.Editor)
	require.Equal(t, 404, status)
	_, page := get("/", access.Viewer)
	require.NotContains(t, page, "/edit")
	require.NotContains(t, page, "New flow")
}
