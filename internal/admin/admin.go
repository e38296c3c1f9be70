// Package admin serves the admin address: the REST API below /api/v1, health and readiness, metrics, the pages of the
// console, and Temporal's UI below /temporal/. It changes nothing but by Actions; Temporal's UI does what it does.
package admin

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/runs"
)

// Runs reads runs; *runs.Operator implements it.
type Runs interface {
	// List returns a page of runs and the token of the next page; nil: this is the last one. runs.ErrPage: the filter
	// has the token of no page.
	List(ctx context.Context, filter runs.Filter) ([]runs.Summary, []byte, error)
	// Find returns the flow of a run. If lists do not have the run, it tries the given flows. everhook.ErrNoRun: the
	// run is unknown or has expired.
	Find(ctx context.Context, flows []string, id everhook.RunID) (string, error)
	// Show returns one execution of a run with its steps; an empty execution means the latest one. everhook.ErrNoRun:
	// the run is unknown or has expired.
	Show(ctx context.Context, flow string, id everhook.RunID, execution string) (*runs.Detail, error)
}

// Actions change runs. A *runs.Refusal says why one cannot be done, everhook.ErrNoRun that there is no such run.
type Actions interface {
	// Cancel asks a run to end as cancelled.
	Cancel(ctx context.Context, flow string, id everhook.RunID) error
	// Retry starts a run again that has ended, and returns when that is durable. Current takes the version of the flow
	// that is enabled now; else it is the one that the run had. From is the node to go on at; empty: the beginning.
	Retry(ctx context.Context, flow string, id everhook.RunID, current bool, from string) (runs.Retried, error)
}

// Flows knows the flows of this server.
type Flows interface {
	// Flows lists all of them by key, those that are not served included.
	Flows(ctx context.Context) ([]Flow, error)
}

// Flow is one flow as an operator sees it.
type Flow struct {
	Key   string `json:"key"`
	Title string `json:"title"`
	// Mode says whether callers wait for the flow's answer; empty when the file could not be read.
	Mode everhook.Mode `json:"mode,omitempty"`
	// Trigger is the kind of its trigger; empty when the flow cannot be read.
	Trigger string `json:"trigger,omitempty"`
	// Version counts from 1; 0 when there is none yet.
	Version int `json:"version,omitempty"`
	// Enabled is whether its trigger starts runs.
	Enabled bool `json:"enabled"`
	// URL is what a third party calls; empty without a webhook trigger.
	URL string `json:"url,omitempty"`
	// Note says why the flow, or its latest version, is not served.
	Note string `json:"note,omitempty"`
}

// Options are what the admin address serves. Flows, Runs and Ready are needed, and Token unless Loopback is set.
type Options struct {
	Flows Flows
	Runs  Runs
	// Actions change runs. Nil: nothing can be changed.
	Actions Actions
	// Ready tells why a webhook call would not be served; nil: it would. It is given five seconds.
	Ready func(ctx context.Context) error
	// UI is Temporal's UI, which expects its paths with TemporalPath in front. Nil: there is none in this process.
	UI http.Handler
	// TemporalUIURL is the address of Temporal's UI elsewhere, for links; it counts only without UI. Empty: there is
	// none.
	TemporalUIURL string
	// Namespace is the Temporal namespace of the runs, for links. Default "default".
	Namespace string
	// Codec decodes payloads for Temporal's UI, below CodecPath. Nil: there is none.
	Codec http.Handler
	// Metrics serves MetricsPath, in the format of Prometheus. Nil: there are none.
	Metrics http.Handler
	// Token lets in who sends it as a bearer token, or signs in with it.
	Token string
	// Loopback says that the address can be reached from this machine only. Then no token is needed, but callers must
	// name a loopback host: a page elsewhere whose name was made to point here (DNS rebinding) is refused. With
	// neither, every call but probes is refused.
	Loopback bool
	// Console serves the pages, among them GET /login; console.New makes it. Nil: there are no pages.
	Console http.Handler
	// Logger gets refused sign-ins, errors and panics. Nil: nothing is logged.
	Logger *slog.Logger
	// Version is this release, for the pages.
	Version string
}

// Paths of what is mounted beside the API and the pages.
const (
	TemporalPath = "/temporal"
	CodecPath    = "/temporal-codec"
	MetricsPath  = "/metrics"
)

// Bounds of one request.
const (
	readyTimeout = 5 * time.Second
	// ReadTimeout is how long lists of flows and runs may take to be read.
	ReadTimeout = 10 * time.Second
	// ShowTimeout is how long one run may take: it is found, and then workers are asked for its steps.
	ShowTimeout = runs.ShowTimeout + 5*time.Second
	// actTimeout is how long an action may take: a retry from a node waits for a worker to tell its values.
	actTimeout = 60 * time.Second
)

// Server is an HTTP server for the handler, with bounds on time and headers.
func Server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 2 * time.Minute,
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: 64 << 10,
	}
}

// TemporalURL is the address of a run in Temporal's UI; empty when there is none.
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

// Run returns one execution of a run with its steps; an empty execution means the latest one. If the flow is empty, it
// is searched for. everhook.ErrNoRun: the run is unknown or has expired.
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
