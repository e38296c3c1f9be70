// Package console is the web page of an Everhook server: its flows, deliveries and runs, and every step of a run. It is
// rendered on the server and works without JavaScript; a small script copies addresses and keeps an open page up to
// date.
package console

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/api"
)

//go:embed web
var web embed.FS

// New returns the handler of the pages: /, /runs, /flows/new, /flows/{key}/edit, /deliveries, /inbox, /people, /tokens,
// /account, /login, /invitation, and their styles and scripts. The admin address checks requests before they come here.
func New(o admin.Options) http.Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	built, err := fs.Sub(assets, "assets/built")
	if err != nil {
		panic(err) // the name is a constant
	}
	editor, err := loadIsland(built)
	if err != nil {
		o.Logger.Error("the editor is not served", "error", err)
		editor = &island{}
	}
	c := &console{options: o, island: editor,
		pages: template.Must(template.New("").Funcs(functions).ParseFS(web, "web/*.html"))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.overview)
	mux.HandleFunc("GET /runs", c.runs)
	mux.HandleFunc("GET /runs/{id}", c.run)
	mux.HandleFunc("GET /deliveries", c.deliveries)
	mux.HandleFunc("GET /deliveries/{id}", c.delivery)
	mux.HandleFunc("POST /deliveries/{id}/replay", c.replay)
	mux.HandleFunc("GET /inbox", c.inbox)
	mux.HandleFunc("POST /inbox/{id}/retry", c.retryDead)
	mux.HandleFunc("POST /inbox/{id}/drop", c.dropDead)
	mux.HandleFunc("GET /flows/new", c.newFlow)
	mux.HandleFunc("GET /flows/{key}/edit", c.edit)
	mux.HandleFunc("GET "+assetsPath, editor.serve)
	mux.HandleFunc("GET /login", c.login)
	mux.HandleFunc("GET /invitation", c.invitation)
	c.editable(mux)
	mux.HandleFunc("GET /console.css", asset("web/console.css"))
	mux.HandleFunc("GET /console.js", asset("web/console.js"))
	mux.HandleFunc("GET "+signInScript, asset("web/signin.js"))
	mux.HandleFunc("/", c.unknown)
	return mux
}

type console struct {
	options admin.Options
	island  *island
	pages   *template.Template
}

// page is the data that all pages have.
type page struct {
	Title   string
	Version string
	// Open is set if the other pages can be read, SignedIn if there is a session to sign out of.
	Open, SignedIn bool
	// Actor is the name of the person or token that is signed in.
	Actor string
	// People is set if the person may manage people and tokens.
	People bool
	// Script is one more script of the page; empty for none.
	Script string
	// Temporal is the address of Temporal's UI; empty if there is none.
	Temporal string
	// Trouble is what is wrong with the process; empty: nothing.
	Trouble string
	// Live pages are refreshed while they are open.
	Live bool
	// Now is when the page was made, in milliseconds of Unix time.
	Now  int64
	Body any
}

func (c *console) page(r *http.Request, title string, body any) page {
	actor := access.From(r.Context())
	p := page{Title: title, Version: c.options.Version, Open: true, SignedIn: actor.Session != "", Actor: actor.Name,
		People: actor.MayEverywhere(access.Admin), Temporal: c.options.TemporalUIURL, Now: time.Now().UnixMilli(),
		Body: body}
	if c.options.UI != nil {
		p.Temporal = ""
		if actor.MayEverywhere(access.Operator) {
			p.Temporal = admin.TemporalPath + "/"
		}
	}
	if c.options.Trouble != nil {
		if err := c.options.Trouble(); err != nil {
			p.Trouble = err.Error()
		}
	}
	return p
}

// show renders the whole page before it sends anything.
func (c *console) show(w http.ResponseWriter, r *http.Request, status int, name string, p page) {
	var text bytes.Buffer
	if err := c.pages.ExecuteTemplate(&text, name, p); err != nil {
		c.options.Logger.ErrorContext(r.Context(), "a page could not be rendered", "page", name, "error", err)
		http.Error(w, "this page could not be rendered; see the log of the server", http.StatusInternalServerError)
		return
	}
	// The script of an open page asks every few seconds whether the page has changed.
	tag := entityTag(ticking.ReplaceAll(text.Bytes(), []byte("$1")))
	w.Header().Set("ETag", tag)
	if status == http.StatusOK && r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // the client may have closed the connection
}

// overview shows the flows and the latest runs. If one of them cannot be read, the other is still shown.
func (c *console) overview(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), api.ReadTimeout)
	defer cancel()
	query := r.URL.Query()
	body := overviewBody{Flows: c.listFlows(ctx, query.Get("q"), query.Has("all")), Runs: c.latest(ctx)}
	body.Flows.Broken = c.options.FileProblems()
	p := c.page(r, "Everhook", body)
	// Thousands of flows are too many to refresh every few seconds.
	p.Live = !query.Has("all")
	c.show(w, r, http.StatusOK, "overview", p)
}

// runs lists all runs, page by page.
func (c *console) runs(w http.ResponseWriter, r *http.Request) {
	filter, err := api.ParseFilter(r.URL.Query())
	if err != nil {
		c.refuse(w, r, http.StatusBadRequest, "These runs cannot be listed", err.Error())
		return
	}
	if !r.URL.Query().Has("limit") {
		filter.Limit = listedRuns
	}
	ctx, cancel := context.WithTimeout(r.Context(), api.ReadTimeout)
	defer cancel()
	body := c.listRuns(ctx, filter)
	if body.badPage {
		c.refuse(w, r, http.StatusBadRequest, "These runs cannot be listed", body.Problem)
		return
	}
	p := c.page(r, "Runs", body)
	// Only the first page changes while it is open.
	p.Live = len(filter.Page) == 0
	c.show(w, r, http.StatusOK, "runs", p)
}

func (c *console) run(w http.ResponseWriter, r *http.Request) {
	id, ok := everhook.ParseRunID(r.PathValue("id"))
	flow := r.URL.Query().Get("flow")
	execution, valid := api.ParseExecution(r.URL.Query())
	if !ok || !valid || flow != "" && !everhook.IsFlowKey(flow) {
		c.refuse(w, r, http.StatusNotFound, "No such run", "A run ID is 26 characters of a-z and 2-7. The caller of "+
			"a webhook finds it in the header Everhook-Run-Id.")
		return
	}
	from, err := firstStep(r.URL.Query().Get("from"))
	if err != nil {
		c.refuse(w, r, http.StatusBadRequest, "These steps cannot be shown", err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), api.ShowTimeout)
	defer cancel()
	detail, err := c.options.Run(ctx, flow, id, execution)
	switch {
	case errors.Is(err, everhook.ErrNoRun):
		c.refuse(w, r, http.StatusNotFound, "No such run", fmt.Sprintf("There is no run %s, or it has expired.", id))
	case err != nil:
		c.refuse(w, r, http.StatusServiceUnavailable, "This run cannot be read", err.Error())
	default:
		view := runOf(*detail, c.options.TemporalURL(detail.Summary), time.Now(), from)
		view.Origin = originOf(r)
		p := c.page(r, fmt.Sprintf("%s · %s", detail.Flow, id), view)
		p.Live = !detail.Status.Ended()
		c.show(w, r, http.StatusOK, "run", p)
	}
}

// firstStep reads the number of the first step to show; 0 if none is named.
func firstStep(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < 1 {
		return 0, fmt.Errorf("%q is not the number of a step; steps are counted from 1", everhook.Shorten(text, 40))
	}
	return number, nil
}

func (c *console) unknown(w http.ResponseWriter, r *http.Request) {
	c.refuse(w, r, http.StatusNotFound, "Nothing here", "This address has no page.")
}

func (c *console) refuse(w http.ResponseWriter, r *http.Request, status int, title, detail string) {
	if status >= http.StatusInternalServerError {
		c.options.Logger.WarnContext(r.Context(), "a page could not be filled", "path", r.URL.Path, "error", detail)
		w.Header().Set("Retry-After", "5")
	}
	c.show(w, r, status, "refused", c.page(r, title, refusedBody{title, detail}))
}

type refusedBody struct{ Title, Detail string }

// asset serves an embedded file; browsers revalidate it on each use.
func asset(name string) http.HandlerFunc {
	data, err := web.ReadFile(name)
	if err != nil {
		panic(err)
	}
	tag := entityTag(data)
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("ETag", tag)
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
	}
}
