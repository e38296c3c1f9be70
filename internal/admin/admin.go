// Package admin serves the admin address: the REST API below /api/v1, health and readiness, metrics, the pages of the
// console, and Temporal's UI below /temporal/. It changes runs only by Actions; Temporal's UI can change more.
package admin

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/clients"
	"github.com/everhook/everhook/internal/runs"
)

// Runs reads runs; *runs.Operator implements it.
type Runs interface {
	// List returns a page of runs and the token of the next page, which is nil on the last page. It returns
	// runs.ErrPage if the filter's page token is invalid.
	List(ctx context.Context, filter runs.Filter) ([]runs.Summary, []byte, error)
	// Find returns the flow of a run. If lists do not have the run, it tries the given flows. It returns
	// everhook.ErrNoRun if the run is unknown or has expired.
	Find(ctx context.Context, flows []string, id everhook.RunID) (string, error)
	// Show returns one execution of a run with its steps; an empty execution means the latest one. It returns
	// everhook.ErrNoRun if the run is unknown or has expired.
	Show(ctx context.Context, flow string, id everhook.RunID, execution string) (*runs.Detail, error)
}

// Actions change runs. They return a *runs.Refusal with the reason if an action is not possible, and everhook.ErrNoRun
// if there is no such run.
type Actions interface {
	// Cancel requests the cancellation of a run.
	Cancel(ctx context.Context, flow string, id everhook.RunID) error
	// CancelFlow asks open runs of a flow to end, see runs.Operator.CancelFlow.
	CancelFlow(ctx context.Context, flow string) (asked int, err error)
	// Retry starts a closed run again, and returns when the new run is durable. Current retries with the enabled
	// version of the flow, else with the version of the run. From is the key of the node to begin at; empty means the
	// beginning.
	Retry(ctx context.Context, flow string, id everhook.RunID, current bool, from string) (runs.Retried, error)
}

// Flows reads the flows of this server.
type Flows interface {
	// Flows lists all flows by key, also those that are not served.
	Flows(ctx context.Context) ([]Flow, error)
}

// Flow is one flow as an operator sees it.
type Flow struct {
	Key   string `json:"key"`
	Title string `json:"title"`
	// Mode is the flow's mode; empty if the file could not be read.
	Mode everhook.Mode `json:"mode,omitempty"`
	// Trigger is the kind of the flow's trigger; empty if the file could not be read.
	Trigger string `json:"trigger,omitempty"`
	// Version counts from 1; 0 if there is none yet.
	Version int `json:"version,omitempty"`
	// Enabled reports whether the trigger starts runs.
	Enabled bool `json:"enabled"`
	// URL is the webhook URL; empty without a webhook trigger.
	URL string `json:"url,omitempty"`
	// Note says why the flow, or its latest version, is not served.
	Note string `json:"note,omitempty"`
	// Skipped counts the deliveries that the trigger's condition left out since this process began: they started no
	// run.
	Skipped int64 `json:"skipped,omitempty"`
}

// FileProblem is an error of a flow file.
type FileProblem struct {
	// File, Line and Column are its place.
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	// Node is the key of the node; empty outside nodes.
	Node string `json:"node,omitempty"`
	// Message says what is wrong, Fix what to do about it.
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
}

// shownProblems bounds how many errors of files are shown.
const shownProblems = 50

// FileProblems are the first errors of the flow files that are not applied as they are.
func (o Options) FileProblems() []FileProblem {
	if o.Problems == nil {
		return nil
	}
	problems := o.Problems()
	return problems[:min(len(problems), shownProblems)]
}

// Options configure the admin address. Flows, Runs and Ready are required, and Token unless Loopback is set.
type Options struct {
	Flows Flows
	Runs  Runs
	// Problems gives the errors of the flow files that are not applied as they are. Nil: there are no files.
	Problems func() []FileProblem
	// Actions change runs. Nil means that runs are read-only.
	Actions Actions
	// Trouble returns at once what is wrong with the process, or nil: pages show it. Nil: nothing ever is.
	Trouble func() error
	// Ready returns why webhook calls are not served, or nil. Its context has a timeout of five seconds.
	Ready func(ctx context.Context) error
	// UI is Temporal's UI, mounted at TemporalPath with the whole path. Nil means that this process has none.
	UI http.Handler
	// TemporalUIURL is the address of a Temporal UI elsewhere, for links. It is ignored if UI is set. Empty means none.
	TemporalUIURL string
	// Namespace is the Temporal namespace of the runs, for links. Default "default".
	Namespace string
	// Codec decodes payloads for Temporal's UI, below CodecPath. Nil means none.
	Codec http.Handler
	// Metrics serves MetricsPath, in the format of Prometheus. Nil means none.
	Metrics http.Handler
	// Token is the bearer token of the API, and the password of the sign-in page.
	Token string
	// Loopback is set if the address can be reached from this machine only. Then no token is needed, but the Host
	// header must name a loopback host, so that a web page cannot get in by DNS rebinding. With neither Token nor
	// Loopback, every request except probes is refused.
	Loopback bool
	// Console serves the pages, among them GET /login; console.New makes it. Nil means that there are no pages.
	Console http.Handler
	// Logger logs refused sign-ins, errors and panics. Nil means no log.
	Logger *slog.Logger
	// Version is the version of this release, for the pages.
	Version string
}

// Paths that are not part of the API or the pages.
const (
	TemporalPath = "/temporal"
	CodecPath    = "/temporal-codec"
	MetricsPath  = "/metrics"
)

// Bounds of one request.
const (
	readyTimeout = 5 * time.Second
	// ReadTimeout bounds the reading of a list of flows or runs.
	ReadTimeout = 10 * time.Second
	// ShowTimeout bounds the reading of one run: finding it, and querying a worker for its steps.
	ShowTimeout = runs.ShowTimeout + 5*time.Second
	// actTimeout bounds an action. A retry from a node queries a worker for the values.
	actTimeout = 60 * time.Second
)

// Server returns an HTTP server for the handler, with timeouts and a bound for headers.
func Server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 2 * time.Minute,
		IdleTimeout:    2 * time.Minute,
		ConnState:      clients.Track,
		MaxHeaderBytes: 64 << 10,
	}
}

// TemporalURL returns the address of a run in Temporal's UI; empty without a UI.
func (o Options) TemporalURL(run runs.Summary) string {
	base := strings.TrimRight(o.TemporalUIURL, "/")
	if o.UI != nil {
		base = TemporalPath
	}
	if base == "" {
		return ""
	}
	namespace := o.Namespace
	if namespace == "" {
		namespace = "default"
	}
	return base + "/namespaces/" + url.PathEscape(namespace) + "/workflows/" +
		url.PathEscape(everhook.WorkflowID(run.Flow, run.ID)) + "/" + url.PathEscape(run.Execution)
}

// Run returns one execution of a run with its steps; an empty execution means the latest one. If the flow is empty, Run
// finds it. It returns everhook.ErrNoRun if the run is unknown or has expired.
func (o Options) Run(ctx context.Context, flow string, id everhook.RunID, execution string) (*runs.Detail, error) {
	if flow == "" {
		var err error
		if flow, err = o.flowOf(ctx, id); err != nil {
			return nil, err
		}
	}
	return o.Runs.Show(ctx, flow, id, execution)
}

func (o Options) flowOf(ctx context.Context, id everhook.RunID) (string, error) {
	flows, err := o.Flows.Flows(ctx)
	if err != nil {
		return "", err
	}
	keys := make([]string, len(flows))
	for i, flow := range flows {
		keys[i] = flow.Key
	}
	return o.Runs.Find(ctx, keys, id)
}
