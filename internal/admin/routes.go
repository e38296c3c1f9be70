package admin

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/clients"
	"github.com/everhook/everhook/internal/jobs"
)

// New returns the handler of the admin address.
func New(o Options) http.Handler { return newSite(o).serve() }

// Routes returns all routes of the admin address but those of the API, for tests.
func Routes(o Options) []Route {
	s := newSite(o)
	s.serve()
	return s.routes.all
}

func newSite(o Options) *site {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &site{Options: o, guesses: clients.NewGuesses(clients.GuessesAtOnce),
		accounts: clients.NewGuesses(accountGuesses)}
	s.routes = &routes{site: s, mux: http.NewServeMux()}
	return s
}

// site is the admin address of one process.
type site struct {
	Options
	routes *routes
	// guesses slows the guessing of tokens and passwords by one client, accounts that of one person's password by all.
	guesses, accounts *clients.Guesses
}

// api are the options of the API.
func (o Options) api() api.Options {
	return api.Options{Flows: o.Flows, Runs: o.Runs, Actions: o.Actions,
		Requests: o.Store, Store: o.Store, Deployment: o.Deployment, Registry: o.Registry,
		Events: o.Events, Alive: alive, Erasing: o.Erasing, Access: o.Access,
		HookURL: o.HookURL, CallHook: o.CallHook, Settings: o.Settings, Secrets: o.Secrets,
		Inbox: o.Inbox, Deliveries: o.Deliveries, Calls: o.Calls,
		Jobs:     o.Jobs,
		Problems: o.FileProblems, TemporalURL: o.TemporalURL, Logger: o.Logger}
}

// JobWorks is what jobs of the API do. It does not need Options.Jobs.
func JobWorks(o Options) map[jobs.Action]jobs.Work { return api.JobWorks(o.api()) }

// accountGuesses is how many wrong passwords of one person are checked at once, from all clients together.
const accountGuesses = 50

func (s *site) serve() http.Handler {
	r := s.routes
	r.public("GET /healthz", s.health)
	r.public("GET /readyz", s.ready)
	r.known("/api/", api.New(s.api()))
	if s.Console != nil {
		for _, path := range publicPages {
			r.public("GET "+path, s.Console.ServeHTTP)
		}
		s.signIn(r)
		for _, path := range adminPages {
			r.needs(path, access.Admin, true, s.Console)
		}
		for _, path := range ownPages {
			r.needs(path, access.Viewer, false, s.Console)
		}
		r.needs("/", access.Viewer, false, s.Console)
		r.needs("POST /deliveries/{id}/replay", access.Operator, false, s.Console)
		r.needs("POST /inbox/{id}/retry", access.Operator, true, s.Console)
		r.needs("POST /inbox/{id}/drop", access.Operator, true, s.Console)
	} else {
		r.known("GET /{$}", http.HandlerFunc(s.unknown))
	}
	if s.Metrics != nil {
		r.needs("GET "+MetricsPath, access.Viewer, true, s.Metrics)
	}
	if s.UI != nil {
		r.needs(TemporalPath+"/", access.Operator, true, http.HandlerFunc(s.temporal))
	}
	if s.Codec != nil {
		r.needs(CodecPath+"/", access.Operator, true, s.Codec)
	}
	return s.guard(r.mux)
}

// publicPages are the pages and files that a browser needs before it has signed in.
var publicPages = []string{loginPath, invitationPath, "/console.css", "/console.js", "/signin.js"}

// adminPages are the pages and forms that only admins of the whole server use.
var adminPages = []string{"GET /people", "POST /people", "POST /people/{id}", "GET /tokens", "POST /tokens",
	"POST /tokens/{id}"}

// ownPages are forms with which people change how and where they are signed in.
var ownPages = []string{"POST /account/sessions/{id}", "POST /account/passkeys/{name}"}

// temporal serves Temporal's UI: admins can act in it, operators only read.
func (s *site) temporal(w http.ResponseWriter, r *http.Request) {
	switch actor := access.From(r.Context()); {
	case actor.MayEverywhere(access.Admin):
		s.UI.ServeHTTP(w, r)
	case s.ReadOnlyUI != nil:
		s.ReadOnlyUI.ServeHTTP(w, r)
	default:
		refuse(w, denied, (&access.Denied{Actor: actor, Needed: access.Admin}).Error())
	}
}

// NewMetrics returns the handler of an address that serves only metrics and probes. It uses the options Metrics, Ready,
// Access and Local. An address that only this machine can reach needs no token, as long as no proxy calls it.
func NewMetrics(o Options) http.Handler {
	s := newSite(o)
	r := s.routes
	r.public("GET /healthz", s.health)
	r.public("GET /readyz", s.ready)
	if s.Local {
		r.public("GET "+MetricsPath, func(w http.ResponseWriter, r *http.Request) {
			if reason := s.notLocal(r); reason != "" {
				refuse(w, forbidden, reason)
				return
			}
			s.Metrics.ServeHTTP(w, r)
		})
	} else {
		r.needs("GET "+MetricsPath, access.Viewer, true, s.Metrics)
	}
	r.public("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, notFound, "nothing is here but "+MetricsPath)
	})
	return s.guard(r.mux)
}

func (s *site) health(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, status{"ok"})
}

func (s *site) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := s.Ready(ctx); err != nil {
		refuse(w, unavailable, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, status{"ready"})
}

type status struct {
	Status string `json:"status"`
}

func (s *site) unknown(w http.ResponseWriter, _ *http.Request) {
	refuse(w, notFound, "nothing is here; the API is described at "+api.DocumentPath)
}
