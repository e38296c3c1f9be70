// Package api is the REST API of the admin address, below /api/v1. Its OpenAPI document is made from the Go types of
// the operations. An operation is one file, with its handler, its input and its output, and one line in operations.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes/kind"
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
	// Retry starts a closed run again, and returns when the new run is durable. Retries with the same key, which is
	// not empty, are one retry.
	Retry(ctx context.Context, flow string, id everhook.RunID, wanted RetryRequest, key []byte) (runs.Retried, error)
}

// Flows reads the flows of this server.
type Flows interface {
	// Flows lists all flows by key, also those that are not served.
	Flows(ctx context.Context) ([]Flow, error)
}

// Options configure the API. All but Alive, Problems, TemporalURL, HookURL, CallHook, Settings, Secrets and
// Logger are required.
type Options struct {
	Flows Flows
	Runs  Runs
	// Actions change runs.
	Actions Actions
	// Calls start runs of flows that can be called.
	Calls Calls
	// Erasing deletes runs.
	Erasing Erasing
	// Jobs act on many runs.
	Jobs Jobs
	// Events gives streams of changes.
	Events Events
	// Alive reports whether the actor of a context may still be served: the session may have ended. Nil: it may.
	Alive func(ctx context.Context) bool
	// Access knows tokens, people and sessions.
	Access *access.Service
	// Store keeps flows, and Deployment serves them.
	Store      Store
	Deployment Deployment
	// Registry has the kinds that flows can use.
	Registry *kind.Registry
	// Inbox has the deliveries that wait. Nil: this process has none.
	Inbox Inbox
	// HookURL returns the URL of the webhook with a token. Nil: drafts have no URL.
	HookURL func(token string) string
	// CallHook calls the webhook with a token. Nil: this process has no receiver.
	CallHook func(ctx context.Context, token string, call HookCall) (HookAnswer, error)
	// Settings are the names of the settings that flows can read, by env. Nil: none is known.
	Settings func() []string
	// Secrets are the names of the secrets that are set. Nil: none is known.
	Secrets func() []string
	// Deliveries are those on record.
	Deliveries Deliveries
	// Requests keep the answers of requests with an Idempotency-Key.
	Requests Requests
	// Problems gives the errors of the flow files that are not applied as they are. Nil: there are no files.
	Problems func() []FileProblem
	// TemporalURL returns the page of a run in Temporal's UI; empty for none. Nil: there is no UI.
	TemporalURL func(runs.Summary) string
	// Logger logs requests that could not be answered. Nil means no log.
	Logger *slog.Logger
}

// Bounds of one request.
const (
	// ReadTimeout bounds the reading of a list of flows or runs.
	ReadTimeout = 10 * time.Second
	// ShowTimeout bounds the reading of one run: finding it, and querying a worker for its steps.
	ShowTimeout = runs.ShowTimeout + 5*time.Second
	// actTimeout bounds an action. A retry from a node queries a worker for the values.
	actTimeout = 60 * time.Second
)

// operations are all operations of the API.
var operations = []func(*service){
	listFlows, getFlow, applyFlow, validateFlow, enableVersion, disableFlow, pauseFlow, resumeFlow, deleteFlow,
	exportFlow, listVersions, diffVersions, getCounters, labelFlow, rotateToken, parseSample, listKinds,
	callFlow, cancelFlow,
	getDraft, checkDraft, putDraft, editDraft, completeDraft, listNames,
	undoDraft, redoDraft, discardDraft, publishDraft,
	startRun, getAnswer, listRuns, getRun, listSteps, cancelRun, retryRun, deleteRun, eraseRuns, startJob, getJob,
	watchEvents,
	listTokens, createToken, revokeToken, listPeople, invitePerson, inviteAgain, changePerson, removePerson,
	listSessions, endSession,
	listDeliveries, getDelivery, replayDelivery, replayDeliveries, eraseDeliveries, sampleFlow,
	listInbox, getWaiting, retryDelivery, dropDelivery, listAudit,
}

// service is the API of one server.
type service struct {
	Options
	mux *http.ServeMux
	api huma.API
}

// New returns the handler of /api/. It expects the actor of a request in its context, see access.With.
func New(o Options) http.Handler { return newService(o).mux }

func newService(o Options) *service {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &service{Options: o, mux: http.NewServeMux()}
	useProblems()
	s.api = humago.New(s.mux, configuration())
	s.api.UseMiddleware(s.permit, s.readBody, s.repeatable)
	for _, add := range operations {
		add(s)
	}
	openAnswers(s.api.OpenAPI())
	s.serveDocument()
	s.mux.HandleFunc("/api/", s.unknown)
	return s
}

// methods are those that operations have.
var methods = []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete}

// unknown answers requests of paths and methods without an operation.
func (s *service) unknown(w http.ResponseWriter, r *http.Request) {
	if allowed := s.allowed(r); len(allowed) > 0 {
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		write(w, fail(badMethod, r.Method+" is not served here; use "+strings.Join(allowed, " or ")))
		return
	}
	write(w, fail(notFound, "nothing is here; see "+DocumentPath))
}

// allowed returns the methods of a path, for the header Allow.
func (s *service) allowed(r *http.Request) []string {
	other := r.Clone(r.Context())
	var allowed []string
	for _, other.Method = range methods {
		if _, pattern := s.mux.Handler(other); pattern != "/api/" {
			allowed = append(allowed, other.Method)
		}
	}
	if slices.Contains(allowed, http.MethodGet) {
		allowed = slices.Insert(allowed, 1, http.MethodHead)
	}
	return allowed
}
