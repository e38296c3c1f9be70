// Package admin serves the admin address: the REST API below /api/v1, health and readiness, metrics, the pages of the
// console, and Temporal's UI below /temporal/. It changes runs only by Actions; Temporal's UI can change more.
package admin

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/clients"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes/kind"
)

// shownProblems bounds how many errors of files are shown.
const shownProblems = 50

// FileProblems are the first errors of the flow files that are not applied as they are.
func (o Options) FileProblems() []api.FileProblem {
	if o.Problems == nil {
		return nil
	}
	problems := o.Problems()
	return problems[:min(len(problems), shownProblems)]
}

// Store is what the API needs of the store; *store.Store implements it.
type Store interface {
	api.Store
	api.Requests
}

// Options configure the admin address. Flows, Runs, Actions, Access and Ready are required.
type Options struct {
	Flows api.Flows
	Runs  api.Runs
	// Problems gives the errors of the flow files that are not applied as they are. Nil: there are no files.
	Problems func() []api.FileProblem
	// Actions change runs.
	Actions api.Actions
	// Calls start runs of flows that can be called.
	Calls api.Calls
	// Erasing deletes runs.
	Erasing api.Erasing
	// Deliveries are those on record.
	Deliveries api.Deliveries
	// Jobs act on many runs.
	Jobs api.Jobs
	// Inbox has the deliveries that wait. Nil: this process has none.
	Inbox api.Inbox
	// Events gives streams of changes.
	Events api.Events
	// Store keeps flows and the answers of requests with an Idempotency-Key; Deployment serves flows.
	Store      Store
	Deployment api.Deployment
	// Registry has the kinds that flows can use.
	Registry *kind.Registry
	// HookURL returns the URL of the webhook with a token. Nil: drafts have no URL.
	HookURL func(token string) string
	// CallHook calls the webhook with a token. Nil: this process has no receiver.
	CallHook func(ctx context.Context, token string, call api.HookCall) (api.HookAnswer, error)
	// Settings and Secrets are the names of what flows can read and use. Nil: none is known.
	Settings, Secrets func() []string
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
	// Access knows tokens, people and sessions.
	Access *access.Service
	// Local is set if the address can be reached from this machine only. Only there the server can be open, see
	// access.Options.MayOpen.
	Local bool
	// TrustedProxies are proxies whose X-Forwarded-For tells who calls.
	TrustedProxies []netip.Prefix
	// ReadOnlyUI is UI without its actions, for operators. Nil: they do not see it.
	ReadOnlyUI http.Handler
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
const readyTimeout = 5 * time.Second

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
		if flow, err = api.FindFlow(ctx, o.Flows, o.Runs, id); err != nil {
			return nil, err
		}
	}
	return o.Runs.Show(ctx, flow, id, execution)
}
