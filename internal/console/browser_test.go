package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/access/accesstest"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/console"
	"github.com/everhook/everhook/internal/console/browsertest"
	"github.com/everhook/everhook/internal/runs"
)

// serve serves the pages with the guard of the admin address, as a server does.
func serve(t *testing.T, o admin.Options) string {
	t.Helper()
	o.Ready = func(context.Context) error { return nil }
	o.Console = console.New(o)
	server := httptest.NewServer(admin.New(o))
	t.Cleanup(server.Close)
	return server.URL
}

// evaluate runs a script in the page and returns its value.
func evaluate[T any](t *testing.T, ctx context.Context, script string) T {
	t.Helper()
	return browsertest.Evaluate[T](t, ctx, script)
}

// busyServer has many flows and runs, with texts that are hard to lay out.
func busyServer() *server {
	long := strings.Repeat("nobreak", 40)
	s := &server{flows: []api.Flow{
		{Key: "refused", Title: "A flow whose file has an error", Mode: everhook.Async, Version: 2, URL: hookURL + long,
			Note: "flows/" + long + ".yaml:3:1: unknown kind"},
		{Key: strings.Repeat("k", 63), Title: long, Mode: everhook.Sync, Version: 12345, Enabled: true, URL: hookURL},
		{Key: "stock", Trigger: "call", Enabled: true, Version: 1}, {Key: "off", Note: "disabled"},
	}}
	for i := range 12 {
		s.flows = append(s.flows, api.Flow{Key: fmt.Sprintf("flow-%d", i), Title: fmt.Sprintf("Flow %d", i),
			Mode: everhook.Sync, Version: 1, Enabled: true, URL: hookURL})
	}
	for i, status := range everhook.Statuses {
		run := oneRun()
		run.ID, run.Status = everhook.RunID(strings.Repeat(string(rune('a'+i)), 26)), status
		if run.Title = long; i > 1 {
			run.Title = "Order intake"
		}
		if !status.Ended() {
			run.Ended = nil
		}
		s.runs = append(s.runs, run)
	}
	s.runs = append(s.runs, s.runs[3]) // another execution of one run
	s.runs[3].Execution = "0199-y"
	s.next = []byte("more")
	return s
}

// busyRun is a run of every content, with texts that are hard to lay out.
func busyRun(status everhook.Status) *runs.Detail {
	long := strings.Repeat("nobreak", 40)
	next := time.Now().Add(time.Minute)
	detail := shownRun()
	detail.Execution, detail.Title, detail.Status = "", long, status
	detail.RetryOf, detail.RetryFrom, detail.Caller = runA, "charge", "orders/"+string(runA)
	detail.Others = []runs.Summary{{ID: runA, Flow: "orders", Status: everhook.Failed, Started: time.Now(),
		Execution: "0198-x"}}
	detail.Note = "the steps of 3 executions are not shown"
	detail.Steps[1].Error.Message = long
	detail.Steps[1].Result = everhook.Of(map[string]any{"text": long})
	detail.Steps[1].Subflow = "stock/" + string(runA)
	detail.Steps[2].Retrying = &everhook.Retrying{Attempt: 4, Of: 8, LastError: "500 " + long, Next: &next}
	if !status.Ended() {
		detail.Ended, detail.Outcome = nil, nil
	}
	for i := range 150 {
		detail.Steps = append(detail.Steps, everhook.Step{Number: 4 + i, Node: "note", Kind: "variable",
			Iteration: fmt.Sprintf("items[%d]", i), Status: everhook.Resolved, Started: time.Now(), Ended: &next,
			Result: everhook.Of(i)})
	}
	return detail
}

func TestPagesFitPhonesAndAreAccessible(t *testing.T) {
	t.Parallel()
	ctx, source := browsertest.Open(t), browsertest.Axe(t)
	busy, failed, pending := busyServer(), busyServer(), busyServer()
	failed.detail, pending.detail = busyRun(everhook.Errored), busyRun(everhook.Pending)
	run := "/runs/" + string(runA) + "?flow=orders"
	signedOut := busy.options()
	signedOut.Access = accesstest.WithToken("a token of enough characters")
	pages := []struct{ name, address string }{
		{"overview", serve(t, busy.options()) + "/"},
		{"empty overview", serve(t, (&server{}).options()) + "/"},
		{"flows without runs", serve(t, (&server{flows: busy.flows}).options()) + "/"},
		{"runs", serve(t, busy.options()) + "/runs"},
		{"no runs", serve(t, (&server{}).options()) + "/runs?status=unresolved&after=1h"},
		{"failed run", serve(t, failed.options()) + run + "&from=1"},
		{"pending run", serve(t, pending.options()) + run},
		{"deliveries", serve(t, busyDeliveries()) + "/deliveries"},
		{"no deliveries", serve(t, noDeliveries()) + "/deliveries"},
		{"no such deliveries", serve(t, noDeliveries()) + "/deliveries?outcome=refused&after=1h"},
		{"delivery", serve(t, busyDeliveries()) + "/deliveries/" + deliveryA},
		{"delivery without a request", serve(t, busyDeliveries()) + "/deliveries/" + deliveryB},
		{"inbox", serve(t, busyDeliveries()) + "/inbox"},
		{"dead letters", serve(t, busyDeliveries()) + "/inbox?dead"},
		{"empty inbox", serve(t, noDeliveries()) + "/inbox"},
		{"no such page", serve(t, busy.options()) + "/none"},
		{"sign in", serve(t, signedOut) + "/login?wrong=token"},
		{"sign in with a provider", serve(t, everyWay()) + "/login?wrong=password"},
		{"invitation", serve(t, everyWay()) + "/invitation?wrong=weak"},
	}
	for _, look := range []look{{1440, "light", source}, {390, "dark", source}, {320, "light", ""}} {
		look.apply(t, ctx)
		for _, page := range pages {
			t.Logf("%s, %d px, %s", page.name, look.width, look.scheme)
			require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(page.address)))
			evaluate[bool](t, ctx, `document.querySelectorAll("details").forEach((d) => { d.open = true; }), true`)
			look.check(t, ctx)
		}
	}
}

// everyWay is a server with every way to sign in.
func everyWay() admin.Options {
	o := (&server{}).options()
	provider, err := access.NewProvider(access.ProviderOptions{Issuer: "https://idp.example", ClientID: "everhook",
		Rules: []access.Rule{{Value: "*", Role: access.Viewer}}})
	if err != nil {
		panic(err) // the settings are right
	}
	o.Access = accesstest.New(access.Options{Provider: provider})
	return o
}

// look is a configuration of the browser.
type look struct {
	width int64
	// scheme is light or dark.
	scheme string
	// axe is the source of axe-core; empty to leave its rules out.
	axe string
}

// phone is the width below which tables are lists of cards.
const phone = 600

func (l look) apply(t *testing.T, ctx context.Context) {
	t.Helper()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}})
	require.NoError(t, err)
	viewport := chromedp.EmulateViewport(l.width, 844)
	if l.width < phone {
		viewport = chromedp.EmulateViewport(l.width, 844, chromedp.EmulateMobile)
	}
	require.NoError(t, chromedp.Do(ctx, viewport))
}

func (l look) check(t *testing.T, ctx context.Context) {
	t.Helper()
	require.LessOrEqual(t, evaluate[float64](t, ctx, `document.documentElement.scrollWidth`), float64(l.width),
		"the page scrolls sideways")
	if l.width < phone {
		require.Empty(t, evaluate[[]string](t, ctx, `[...document.querySelectorAll(".scroll")]
			.filter((e) => e.scrollWidth > e.clientWidth).map((e) => e.ariaLabel + " for " + [...e.querySelectorAll("tbody *")]
				.find((d) => d.getBoundingClientRect().right > e.getBoundingClientRect().right)?.outerHTML.slice(0, 200))`),
			"a table scrolls sideways")
	}
	require.Empty(t, evaluate[[]string](t, ctx, `[...document.querySelectorAll("button")].filter((b) => !b.hidden)
		.map((b) => b.textContent.trim()).filter((name, i, all) => !name || all.indexOf(name) !== i)`),
		"buttons without a name of their own")
	if l.axe != "" {
		evaluate[any](t, ctx, l.axe+";0")
		require.Empty(t, evaluate[[]string](t, ctx, browsertest.Violations))
	}
}

// changing is a run that changes while its page is open.
type changing struct {
	server
	current atomic.Pointer[runs.Detail]
}

func (c *changing) Show(context.Context, string, everhook.RunID, string) (*runs.Detail, error) {
	return c.current.Load(), nil
}

func TestAnOpenPageIsKeptUpToDate(t *testing.T) {
	t.Parallel()
	ctx := browsertest.Open(t)
	c := &changing{}
	c.current.Store(busyRun(everhook.Pending))
	var read, unchanged atomic.Int32
	o := c.options()
	o.Runs = c
	o.Ready = func(context.Context) error { return nil }
	o.Console = console.New(o)
	handler := admin.New(o)
	counted := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := &statusOf{ResponseWriter: w}
		handler.ServeHTTP(status, r)
		switch {
		case !strings.HasPrefix(r.URL.Path, "/runs/"):
		case status.code == http.StatusNotModified:
			unchanged.Add(1)
		default:
			read.Add(1)
		}
	}))
	t.Cleanup(counted.Close)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate(counted.URL+"/runs/"+string(runA)+"?flow=orders&from=1")))
	evaluate[bool](t, ctx, `document.getElementById("step-2").open = true`)
	evaluate[bool](t, ctx, `document.querySelector("#step-2 summary").focus(), true`)

	const ticking = `document.querySelector(".retrying [data-tick]").textContent`
	first := evaluate[string](t, ctx, ticking)
	require.Regexp(t, `^next in \d+ s$`, first)
	await(t, "time goes on without the server", func() bool { return evaluate[string](t, ctx, ticking) != first })
	await(t, "the page asks again", func() bool { return unchanged.Load() >= 2 })
	require.LessOrEqual(t, read.Load(), int32(2), "what has not changed is not read again")

	changed := busyRun(everhook.Pending)
	changed.Steps[2].Retrying.Attempt = 5
	c.current.Store(changed)
	await(t, "the next attempt is shown", func() bool {
		return strings.HasPrefix(evaluate[string](t, ctx, `document.querySelector(".retrying").textContent`),
			"attempt 5 of 8, last: 500 ")
	})
	require.True(t, evaluate[bool](t, ctx, `document.getElementById("step-2").open`), "what is open stays open")
	require.True(t, evaluate[bool](t, ctx, `document.activeElement === document.querySelector("#step-2 summary")`),
		"the focus stays")

	c.current.Store(busyRun(everhook.Errored))
	await(t, "the end is shown", func() bool {
		return evaluate[string](t, ctx, `document.querySelector(".head .status").textContent`) == "error"
	})
}

// await waits for an action of an open page. The page pauses for longer on a slow machine.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for began := time.Now(); !done(); time.Sleep(50 * time.Millisecond) {
		require.Less(t, time.Since(began), 90*time.Second, what)
	}
}

// statusOf records the status of an answer.
type statusOf struct {
	http.ResponseWriter
	code int
}

func (s *statusOf) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}
