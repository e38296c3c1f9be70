package admin

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/clients"
	"github.com/everhook/everhook/internal/runs"
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
	mux.HandleFunc("GET /api/v1/flows", s.flows)
	mux.HandleFunc("GET /api/v1/runs", s.runs)
	mux.HandleFunc("GET /api/v1/runs/{id}", s.run)
	if o.Actions != nil {
		mux.HandleFunc("POST /api/v1/runs/{id}/cancel", s.cancel)
		mux.HandleFunc("POST /api/v1/runs/{id}/retry", s.retry)
		mux.HandleFunc("POST /api/v1/flows/{key}/cancel", s.cancelFlow)
	}
	mux.HandleFunc("/api/", s.unknown)
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

// FlowList is the answer of GET /api/v1/flows.
type FlowList struct {
	Flows []Flow `json:"flows"`
	// Problems are the errors of flow files that are not applied as they are.
	Problems []FileProblem `json:"problems,omitempty"`
}

func (s *site) flows(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), ReadTimeout)
	defer cancel()
	flows, err := s.Flows.Flows(ctx)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	if flows == nil {
		flows = []Flow{}
	}
	writeJSON(w, http.StatusOK, FlowList{flows, s.FileProblems()})
}

// RunList is the answer of GET /api/v1/runs.
type RunList struct {
	Runs []RunSummary `json:"runs"`
	// Next is the parameter "page" of the next page; empty on the last one.
	Next string `json:"next,omitempty"`
}

// RunSummary is one run in a list.
type RunSummary struct {
	runs.Summary
	// TemporalURL is the run's page in Temporal's UI: an address, or a path on the admin address. Empty without that
	// UI.
	TemporalURL string `json:"temporalUrl,omitempty"`
}

// RunDetail is the answer of GET /api/v1/runs/{id}.
type RunDetail struct {
	runs.Detail
	// TemporalURL: see RunSummary.
	TemporalURL string `json:"temporalUrl,omitempty"`
}

func (s *site) runs(w http.ResponseWriter, r *http.Request) {
	filter, err := ParseFilter(r.URL.Query())
	if err == nil {
		err = onlyKnown(r.URL.Query())
	}
	if err != nil {
		refuse(w, malformed, err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), ReadTimeout)
	defer cancel()
	runs, next, err := s.Runs.List(ctx, filter)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	list := RunList{Runs: make([]RunSummary, len(runs)), Next: PageText(next)}
	for i, run := range runs {
		list.Runs[i] = RunSummary{run, s.TemporalURL(run)}
	}
	writeJSON(w, http.StatusOK, list)
}

func (s *site) run(w http.ResponseWriter, r *http.Request) {
	flow, id, ok := namedRun(w, r)
	if !ok {
		return
	}
	execution, ok := ParseExecution(r.URL.Query())
	if !ok {
		refuse(w, malformed, "an execution is a UUID, as lists of runs show it")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), ShowTimeout)
	defer cancel()
	detail, err := s.Run(ctx, flow, id, execution)
	if err != nil {
		s.failed(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, RunDetail{*detail, s.TemporalURL(detail.Summary)})
}

// namedRun reads the run that a request names. The flow is empty if the request does not have it. A malformed run ID is
// refused.
func namedRun(w http.ResponseWriter, r *http.Request) (flow string, id everhook.RunID, ok bool) {
	id, ok = everhook.ParseRunID(r.PathValue("id"))
	if !ok {
		refuse(w, malformed, "a run ID is 26 characters of a-z and 2-7")
		return "", "", false
	}
	flow = r.URL.Query().Get("flow")
	if flow != "" && !everhook.IsFlowKey(flow) {
		refuse(w, malformed, notFlowKey(flow).Error())
		return "", "", false
	}
	return flow, id, true
}

func (s *site) unknown(w http.ResponseWriter, _ *http.Request) {
	refuse(w, notFound, "nothing is here; the API has /api/v1/flows, /api/v1/runs and /api/v1/runs/{id}, which can "+
		"be sent POST /cancel and POST /retry")
}

// failed answers a request whose reading or action failed.
func (s *site) failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, everhook.ErrNoRun) {
		refuse(w, notFound, "no such run, or it has expired")
		return
	}
	if errors.Is(err, runs.ErrPage) {
		refuse(w, malformed, err.Error())
		return
	}
	if refusal, ok := errors.AsType[*runs.Refusal](err); ok {
		refuse(w, conflict, refusal.Error())
		return
	}
	s.Logger.WarnContext(r.Context(), "an admin request could not be answered", "path", r.URL.Path, "error", err)
	w.Header().Set("Retry-After", "5")
	refuse(w, unavailable, err.Error())
}

// maxListed bounds one page of runs.
const maxListed = 1000

// Unresolved is the value of "status" that stands for all runs that ended otherwise than resolved.
const Unresolved = "unresolved"

// ParseFilter parses the query of a list of runs: "flow", "run" (the ID or its beginning), "status" (also Unresolved),
// "after" and "before" (times of the start, see parseTime), "limit" (1 to 1,000, default 20) and "page".
func ParseFilter(query url.Values) (runs.Filter, error) {
	filter := runs.Filter{Flow: query.Get("flow"), Limit: 20}
	if filter.Flow != "" && !everhook.IsFlowKey(filter.Flow) {
		return filter, notFlowKey(filter.Flow)
	}
	filter.Run = strings.TrimSpace(query.Get("run"))
	if filter.Run != "" && !runs.IsRunPrefix(filter.Run) {
		return filter, fmt.Errorf("%q is not a run ID, nor the first four or more characters of one",
			everhook.Shorten(filter.Run, 60))
	}
	switch text := query.Get("status"); text {
	case "":
	case Unresolved:
		filter.Unresolved = true
	default:
		status, err := everhook.ParseStatus(text)
		if err != nil || status == everhook.Queued {
			return filter, fmt.Errorf("%q is not a status that runs can be listed by; use one of %v or %s",
				everhook.Shorten(text, 40), Listable, Unresolved)
		}
		filter.Status = status
	}
	now := time.Now()
	for name, bound := range map[string]*time.Time{"after": &filter.After, "before": &filter.Before} {
		var err error
		if *bound, err = parseTime(query.Get(name), now); err != nil {
			return filter, fmt.Errorf("%s: %w", name, err)
		}
	}
	if text := query.Get("limit"); text != "" {
		limit, err := strconv.Atoi(text)
		if err != nil || limit < 1 || limit > maxListed {
			return filter, fmt.Errorf("%q is not a limit; use 1 to %d", everhook.Shorten(text, 40), maxListed)
		}
		filter.Limit = limit
	}
	if text := query.Get("page"); text != "" {
		page, err := base64.RawURLEncoding.DecodeString(text)
		if err != nil {
			return filter, runs.ErrPage
		}
		filter.Page = page
	}
	return filter, nil
}

// filterNames are the parameters that ParseFilter reads.
var filterNames = []string{"flow", "run", "status", "after", "before", "limit", "page"}

// onlyKnown refuses parameters that are no filter: a list without the filter that was meant would mislead.
func onlyKnown(query url.Values) error {
	for _, name := range everhook.SortedKeys(query) {
		if !slices.Contains(filterNames, name) {
			return fmt.Errorf("%q is not a parameter of this list; use %s", everhook.Shorten(name, 40),
				strings.Join(filterNames, ", "))
		}
	}
	return nil
}

// parseTime parses a time: RFC 3339; the same without a zone, which is that of the server, as forms of browsers send
// it; or how long ago it was, such as 90m or 7d. Empty: the zero time.
func parseTime(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	if ago, err := everhook.ParseDuration(text); err == nil {
		return now.Add(-ago.Std()), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a time; write for example 2026-07-30T12:00:00Z, or 2h for two hours ago",
		everhook.Shorten(text, 40))
}

// ParseExecution parses the parameter "execution": Temporal's run ID of one execution of a run; empty for the latest.
// It returns false if the parameter is malformed.
func ParseExecution(query url.Values) (execution string, ok bool) {
	execution = query.Get("execution")
	return execution, execution == "" || executionExp.MatchString(execution)
}

var executionExp = regexp.MustCompile(`^[0-9a-fA-F-]{36}$`)

// PageText returns the parameter "page" for a page token; empty for none.
func PageText(page []byte) string { return base64.RawURLEncoding.EncodeToString(page) }

// Listable are the statuses by which runs can be filtered. A queued run is listed as pending.
var Listable = everhook.Statuses[1:]

func notFlowKey(text string) error {
	return fmt.Errorf("%q is not a flow key; use a-z, 0-9 and -", everhook.Shorten(text, 80))
}
