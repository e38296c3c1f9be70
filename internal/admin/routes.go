package admin

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/clients"
	"github.com/everhook/everhook/receiver"
)

// New returns the handler of the admin address.
func New(o Options) http.Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := newSite(o)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("/api/", api.New(api.Options{Flows: o.Flows, Runs: o.Runs, Actions: o.Actions,
		Requests: o.Store, Store: o.Store, Deployment: o.Deployment, Registry: o.Registry,
		Paths: receiver.SamplePaths, Events: o.Events, Erasing: o.Erasing, Problems: o.FileProblems,
		TemporalURL: o.TemporalURL,
		Logger:      o.Logger}))
	if o.Console != nil {
		mux.HandleFunc("POST /login", s.login)
		mux.HandleFunc("POST /logout", s.logout)
		mux.Handle("/", o.Console)
	} else {
		mux.HandleFunc("/{$}", s.unknown)
	}
	if o.Metrics != nil {
		mux.Handle("GET "+MetricsPath, o.Metrics)
	}
	if o.UI != nil {
		mux.Handle(TemporalPath+"/", o.UI)
	}
	if o.Codec != nil {
		mux.Handle(CodecPath+"/", o.Codec)
	}
	return s.guard(mux)
}

// NewMetrics returns the handler of an address that serves only metrics and probes, with the same guard. It uses the
// options Metrics and Ready, and Token unless Loopback is set.
func NewMetrics(o Options) http.Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := newSite(o)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.Handle("GET "+MetricsPath, o.Metrics)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, notFound, "nothing is here but "+
			MetricsPath)
	})
	return s.guard(mux)
}

type site struct {
	Options
	// guesses slows the guessing of the token.
	guesses *clients.Guesses
}

func newSite(o Options) *site { return &site{o, clients.NewGuesses(clients.GuessesAtOnce)} }

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
