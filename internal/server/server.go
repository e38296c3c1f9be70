package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/activities/httprequest"
	"github.com/everhook/everhook/activities/jsonquery"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/catalog"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/console"
	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/inbox"
	"github.com/everhook/everhook/internal/jobs"
	"github.com/everhook/everhook/internal/live"
	"github.com/everhook/everhook/internal/packed"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/secrets"
	"github.com/everhook/everhook/internal/sources"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/internal/telemetry"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/receiver"
	"github.com/everhook/everhook/workflows"
)

// selfSetting is the setting with the base of the server's own webhook URLs. Every server gives it to its flows.
const selfSetting = "EVERHOOK_URL"

// Server is one process.
type Server struct {
	options  *Options
	with     Surroundings
	logger   *slog.Logger
	secrets  *secrets.Provider
	stored   storedSecrets
	hooks    net.Listener
	admin    net.Listener
	watch    watch
	temporal *temporal
	store    *store.Store
	access   *access.Service
	versions *compile.Versions
	catalog  *catalog.Catalog
	// files gives the errors of the flow files that are not applied; nil without a directory of flows.
	files func() flowfile.Problems
	// outgoing is the HTTP client of effects.
	outgoing *http.Client
	worker   *workflows.Worker
	// values are heavy values of the worker's runs.
	values   *packed.Store
	receiver *receiver.Receiver
	// starts starts the runs of the receiver and of sources; nil without the role receiver.
	starts *runs.Starter
	// inbox keeps deliveries; nil without the role receiver, and while another process has it. InboxTaking waits for
	// it in that case, until endTaking is called.
	inbox       atomic.Pointer[inbox.Inbox]
	inboxTaking sync.WaitGroup
	endTaking   func()
	// log has a record of every delivery; nil without the roles receiver and admin.
	log     *deliverylog.Log
	health  *health
	sources *sources.Sources
	pages   *http.Server
	// live tells open pages of changes; nil without the role admin.
	live *live.Hub
	// telling says which flow is told of runs that did not resolve.
	telling telling
	// jobs act on many runs; nil without the role admin.
	jobs   *jobs.Jobs
	failed chan error
	// sweeps are the sweeps of large payloads; endSweeps ends them.
	sweeps    sync.WaitGroup
	endSweeps func()
	// endRetention ends counting and deleting; nil without the role worker.
	endRetention func()
}

// Surroundings are the arguments of Start that are not settings.
type Surroundings struct {
	// Registry has the kinds that flows can use.
	Registry *kind.Registry
	// Logger is the log.
	Logger *slog.Logger
	// Environ are variables in the form of os.Environ, for secrets and settings. The last of several equal names
	// counts.
	Environ []string
	// DotEnv is a .env file with more variables. It is read again when it changes. Empty means none.
	DotEnv string
	// MayOpen lets people and programs on this machine act without signing in, until there is something to sign in
	// with. It needs an admin address on this machine.
	MayOpen bool
	// SelfCalls allows flows to call the receiver's own address.
	SelfCalls bool
	// Version is the release, for the pages.
	Version string
	// Roles are the parts to run: receiver, worker, admin. Empty means all.
	Roles []string
	// Prepare applies flows. It is called when the store is open and the addresses are known, before anything is
	// served. Nil does nothing.
	Prepare func(ctx context.Context, s *Server) error
	// Spans exports the spans of traces. Nil means an OTLP exporter if the environment of the process names one, see
	// telemetry.Options.
	Spans sdktrace.SpanExporter
	// WallClock is the time of day by which the process notices that the machine's clock was set. Nil: the machine's.
	WallClock func() time.Time
	// DeleteAfter is how long runs are kept that options.deleteOn of their flow deletes. Zero: an hour.
	DeleteAfter time.Duration
	// StartBudget is how long recent starts may have taken before deliveries wait in the inbox, and sync flows are
	// answered early. Zero: inbox.DefaultBudget.
	StartBudget time.Duration
}

// Start starts all parts. When it returns, calls of enabled flows are served. Stop ends them.
func Start(ctx context.Context, o *Options, with Surroundings) (_ *Server, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	s := &Server{options: o, with: with, logger: with.Logger, versions: compile.NewVersions(with.Registry),
		failed: make(chan error, 4)}
	defer func() {
		if err != nil {
			s.Stop()
		}
	}()
	if s.secrets, err = secrets.New(secrets.Options{Dir: o.SecretsDir, Environ: with.Environ,
		DotEnv: with.DotEnv, Stored: s.stored.Values, Rules: o.Secrets, Logger: s.logger}); err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		return nil, err
	}
	if s.watch.Telemetry, err = telemetry.New(ctx, telemetry.Options{Version: with.Version, Spans: with.Spans,
		Logger: s.logger}); err != nil {
		return nil, err
	}
	if s.temporal, err = connectTemporal(ctx, o, s.watch.Telemetry, s.logger); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory: %w; choose another with --data", err)
	}
	if s.store, err = store.Open(ctx, o.storePlace()); err != nil {
		return nil, err
	}
	if err := s.openTelling(ctx); err != nil {
		return nil, err
	}
	if err := s.openSecrets(ctx); err != nil {
		return nil, err
	}
	if err := s.startAccess(ctx); err != nil {
		return nil, err
	}
	if err := s.temporal.keepPayloads(ctx, o, s.store); err != nil {
		return nil, err
	}
	s.catalog = catalog.New(catalog.Options{Store: s.store, Versions: s.versions, Secrets: s.secrets, Env: s.env,
		PublicURL: s.BaseURL, KnowsURL: o.PublicURL != "", Logger: s.logger, Changed: s.flowsChanged})
	if err := s.catalog.Refresh(ctx); err != nil {
		return nil, err
	}
	if with.Prepare != nil {
		if err := with.Prepare(ctx, s); err != nil {
			return nil, err
		}
	}
	if err := s.openLog(ctx); err != nil {
		return nil, err
	}
	if s.has(RoleReceiver) {
		s.starts = s.starter()
		if err := s.openInbox(ctx); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(s.startHealth(), s.startWatch()); err != nil {
		return nil, err
	}
	if s.has(RoleWorker) {
		s.warnOfStrandedRuns(ctx)
		if err := s.startWorker(); err != nil {
			return nil, err
		}
		s.startSweeps()
		s.startRetention()
	}
	if s.has(RoleReceiver) {
		if err := s.startReceiver(); err != nil {
			return nil, err
		}
	}
	if s.has(RoleAdmin) {
		if err := s.startAdmin(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Roles: parts that can run in processes of their own, with a separate Temporal server.
const (
	RoleReceiver = "receiver"
	RoleWorker   = "worker"
	RoleAdmin    = "admin"
)

func (s *Server) has(role string) bool {
	return len(s.with.Roles) == 0 || slices.Contains(s.with.Roles, role)
}

// listen opens all addresses before anything starts, so that an address in use is found first.
func (s *Server) listen() (err error) {
	certificate, err := newCertificate(s.options, s.logger)
	if err != nil {
		return err
	}
	for _, role := range []string{RoleReceiver, RoleWorker, RoleAdmin} {
		if !s.has(role) && s.options.TemporalAddress == "" {
			return fmt.Errorf("without the role %s the embedded Temporal server cannot be used; add "+
				"--temporal-address, or run all roles", role)
		}
	}
	if s.has(RoleReceiver) {
		if s.hooks, err = listen("listen", s.options.Listen); err != nil {
			return err
		}
		s.hooks = certificate.over(s.hooks)
		s.warnOfLocalURLs()
	}
	if s.has(RoleAdmin) {
		if s.admin, err = listenLimited("admin", s.options.Admin); err != nil {
			return err
		}
		s.admin = certificate.over(s.admin)
	}
	if s.options.Metrics != "" {
		s.watch.listener, err = listenLimited("metrics", s.options.Metrics)
	}
	return err
}

// warnOfLocalURLs logs a warning if the webhook URLs work only on this machine although it listens for others.
func (s *Server) warnOfLocalURLs() {
	base, err := url.Parse(s.BaseURL())
	address := s.hooks.Addr().(*net.TCPAddr)
	if err == nil && !address.IP.IsLoopback() && isLoopback(net.JoinHostPort(base.Hostname(), "0")) {
		s.logger.Warn("webhook URLs name this machine by a loopback address, so only this machine can call them; set "+
			"--public-url to the address that callers use", "listen", address.String(), "url", s.BaseURL())
	}
}

// ShowFiles makes the pages show the errors of flow files. It is called while the server is prepared.
func (s *Server) ShowFiles(broken func() flowfile.Problems) { s.files = broken }

// fileProblems are the errors of flow files as pages show them.
func (s *Server) fileProblems() []api.FileProblem {
	if s.files == nil {
		return nil
	}
	var problems []api.FileProblem
	for _, p := range s.files() {
		problems = append(problems, api.FileProblem{File: p.File, Line: p.Line, Column: p.Column, Node: p.Node,
			Message: p.Message, Fix: p.Fix})
	}
	return problems
}

// Catalog returns the served flows.
func (s *Server) Catalog() *catalog.Catalog { return s.catalog }

// Temporal returns the client of the Temporal server in use.
func (s *Server) Temporal() client.Client { return s.temporal.client }

// Payloads returns the storage of large payloads: a replayer of this server's histories needs it.
func (s *Server) Payloads() converter.ExternalStorage { return s.temporal.large.external }

// TemporalUI returns the URL of the Temporal UI; empty if it is not known.
func (s *Server) TemporalUI() string {
	if s.temporal.embedded != nil {
		return s.AdminURL() + admin.TemporalPath + "/"
	}
	return s.temporal.uiURL
}

// env returns the settings of flows, with the server's own address.
func (s *Server) env() map[string]string {
	settings := s.secrets.Env()
	if _, ok := settings[selfSetting]; !ok {
		settings[selfSetting] = s.BaseURL()
	}
	return settings
}

// BaseURL returns the base of webhook URLs.
func (s *Server) BaseURL() string {
	if s.options.PublicURL != "" {
		return s.options.PublicURL
	}
	if s.hooks == nil {
		return ""
	}
	return localURL(s.hooks)
}

// AdminURL returns the base of the admin address for clients on this machine.
func (s *Server) AdminURL() string {
	if s.admin == nil {
		return ""
	}
	return localURL(s.admin)
}

func (s *Server) startWorker() error {
	guard, proxy, err := s.egress()
	if err != nil {
		return err
	}
	requests := httprequest.New(httprequest.Options{Tracer: s.watch.Tracer(), MaxResult: s.temporal.large.maxPayload,
		MaxValues: s.options.MaxValues})
	dependencies := s.dependencies(guard, proxy)
	s.outgoing = dependencies.HTTP
	effects := s.with.Registry.Activities(dependencies)
	for _, own := range []activities.Effect{requests, jsonquery.New(), s.loader().Effect()} {
		effects[own.Name()] = own.Activity(dependencies)
	}
	memory := s.options.memoryLimit()
	if s.values, err = memory.keepValues(); err != nil {
		return err
	}
	s.worker = workflows.NewWorker(runs.Connect(s.temporal.client),
		workflows.NewInterpreter(s.versions).Keeping(s.values), effects,
		workflows.LargePayloads(s.temporal.large.maxPayload), workflows.CachedRuns(memory.cachedRuns()),
		workflows.Effects(s.options.MaxEffects))
	if err := s.worker.Start(); err != nil {
		return fmt.Errorf("start the worker: %w", err)
	}
	return nil
}

func (s *Server) startReceiver() error {
	fetch, err := s.fetch()
	if err != nil {
		return err
	}
	s.receiver = receiver.New(receiver.Options{
		TrustedProxies: s.trustedProxies(), PublicURL: s.BaseURL(), MaxHeld: s.options.MaxHeld,
		Logger: calm(s.logger, []string{"a delivery could not be made durable", "a run could not be looked up",
			"not ready"}),
		MaxConnections: s.options.MaxConnections, ClientConnections: s.options.ClientConnections,
		MaxValues: s.options.MaxValues, MaxBodyBytes: int64(s.options.MaxBodyBytes), ClientRate: s.options.ClientRate,
		Ready: func() error { return s.ready(context.Background()) }, Observe: s.watch.observe,
		Tracer: s.watch.Tracer(), Fetch: fetch, Journal: s.recordDelivery,
	}, s.catalog, s.acceptingStarter())
	go func() { s.failed <- s.receiver.Serve(s.hooks) }()
	s.startSources(s.starts)
	return errors.Join(s.watch.WatchCallers(s.receiver.Held, s.options.MaxHeld), s.watch.WatchStarts(s.starts.Load),
		s.watch.WatchDeliveryLog(s.showLog), s.watch.WatchInbox(s.showInbox))
}

func (s *Server) starter() *runs.Starter {
	return runs.NewStarter(s.temporal.client, s.versions, runs.StarterOptions{
		Env: s.env, Attributes: s.temporal.attributes, Eager: s.has(RoleWorker), Links: s.links,
		Resume: s.catalog.ResumeBase, MaxPayload: s.temporal.large.maxPayload, Resolve: s.temporal.large.resolve,
		MaxDescendants: s.options.MaxDescendants, InFlight: cmp.Or(s.options.MaxInFlight, defaultInFlight),
		Lag:   s.temporal.lag.Recent,
		Async: func(flow string) bool { return s.catalog.Mode(flow) == everhook.Async },
	})
}

// links returns the page of a run for links in the Temporal UI, if this process serves pages.
func (s *Server) links(_ string, run everhook.RunID) string {
	if s.admin == nil {
		return ""
	}
	return fmt.Sprintf("\n[Run %s in Everhook](%s/runs/%s)", run, s.PeopleURL(), run)
}

func (s *Server) startAdmin() error {
	codec, err := s.temporal.large.codec()
	if err != nil {
		return err
	}
	operator, limits := s.operator(), s.limits()
	s.live = live.New(live.Options{Changes: operator, Flows: s.catalog.Refreshed, Logger: s.logger})
	options := admin.Options{
		Runs:    limits.Runs(s.waitingRuns()),
		Actions: limits.Actions(actions{operator, s.starter(), s.store, s.inboxed}),
		Flows:   limits.Flows(shownFlows{s}), Store: s.store, Deployment: s.catalog, Registry: s.with.Registry,
		Calls:  s.newCalls(),
		Events: s.live, Erasing: erasing{s.newEraser(), s.store, s.log}, Ready: s.ready, Trouble: s.trouble,
		Problems: s.fileProblems,
		UI:       s.temporal.ui(), ReadOnlyUI: s.temporal.readOnlyUI(), TemporalUIURL: s.temporal.uiURL,
		Namespace: s.temporal.namespace,
		Codec:     codec, Access: s.access, Local: isLoopback(s.options.Admin), TrustedProxies: s.trustedProxies(),
		Logger: s.logger, Version: s.with.Version, Metrics: s.watch.Handler(), HookURL: s.HookURL,
		Settings: func() []string { return everhook.SortedKeys(s.env()) }, Secrets: s.secrets.Names,
	}
	options.Deliveries = limits.Deliveries(s.onRecord())
	if s.has(RoleReceiver) {
		options.Inbox = inboxOfProcess{s}
	}
	if s.hooks != nil {
		options.CallHook = s.callHook
	}
	s.jobs = s.newJobs(options)
	options.Jobs = s.jobs
	options.Console = console.New(options)
	s.pages = admin.Server(admin.New(options))
	go func() { s.failed <- s.pages.Serve(s.admin) }()
	return nil
}

// Bounds of the search for stranded runs: it must not delay the start.
const (
	strandedTimeout = 5 * time.Second
	shownStranded   = 20
)

// warnOfStrandedRuns logs open runs that no worker of this release executes.
func (s *Server) warnOfStrandedRuns(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, strandedTimeout)
	defer cancel()
	found, total, err := runs.NewOperator(s.temporal.client, s.with.Registry, s.temporal.attributes).Stranded(ctx,
		shownStranded)
	switch {
	case err != nil:
		s.logger.Warn("open runs of builds before the first release cannot be looked for", "error", err)
	case total > 0:
		ids := make([]string, len(found))
		for i, run := range found {
			ids[i] = everhook.WorkflowID(run.Flow, run.ID)
		}
		s.logger.Warn("open runs were started by a build from before the first release and cannot go on; cancel each "+
			"with `everhook run cancel ID`, and repeat it with `everhook run retry ID`", "count", total, "runs", ids)
	}
}

// readyTimeout bounds how long a probe waits for Temporal.
const readyTimeout = 2 * time.Second

// ready reports whether deliveries should be sent to this process. Without Temporal, sync flows are not served, but
// deliveries to async flows are accepted: a process that has such flows is ready then, because the deliveries would be
// lost elsewhere.
func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if _, err := s.store.Revision(ctx); err != nil {
		return fmt.Errorf("the store does not answer: %w", err)
	}
	if s.inbox.Load() != nil && s.catalog.Accepts() {
		return s.machineTrouble()
	}
	if _, err := s.temporal.client.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("Temporal does not answer: %w", err)
	}
	return s.trouble()
}

// Wait returns when ctx ends, or with an error when a part fails.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return fmt.Errorf("a part of the server failed: %w", err)
	}
}

// Timeouts of Stop: held callers get a 202 after five seconds at the latest.
const (
	drainTimeout = 10 * time.Second
	pagesTimeout = 2 * time.Second
)

// Stop drains: first no new events and calls, then answers for held callers, then it stops the worker, the pages,
// Temporal and the store, and exports the remaining traces.
func (s *Server) Stop() {
	s.stopHealth()
	s.stopSources()
	if s.receiver != nil {
		ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
		defer cancel()
		if err := s.receiver.Shutdown(ctx); err != nil {
			s.logger.Warn("not every caller had its answer", "error", err)
		}
	}
	if s.jobs != nil {
		s.jobs.Close()
	}
	if s.endRetention != nil {
		s.endRetention()
	}
	s.stopInbox()
	if s.endSweeps != nil {
		s.endSweeps()
	}
	if s.worker != nil {
		s.worker.Stop()
	}
	if s.values != nil {
		s.values.Close()
	}
	if s.outgoing != nil {
		s.outgoing.CloseIdleConnections()
	}
	if s.live != nil {
		s.live.Close()
	}
	if s.pages != nil {
		ctx, cancel := context.WithTimeout(context.Background(), pagesTimeout)
		defer cancel()
		if s.pages.Shutdown(ctx) != nil {
			_ = s.pages.Close()
		}
	}
	if s.temporal != nil {
		s.temporal.stop()
	}
	s.stopLog()
	if s.stored.stop != nil {
		s.stored.stop()
	}
	if s.store != nil {
		_ = s.store.Close()
	}
	s.stopWatch()
	for _, l := range []net.Listener{s.hooks, s.admin, s.watch.listener} {
		if l != nil {
			_ = l.Close()
		}
	}
}

func describeNamespace(name string) *workflowservice.DescribeNamespaceRequest {
	return &workflowservice.DescribeNamespaceRequest{Namespace: name}
}

// shownFlows implements api.Flows.
type shownFlows struct{ *Server }

// Flows returns all flows with their URLs.
func (s shownFlows) Flows(context.Context) ([]api.Flow, error) {
	var flows []api.Flow
	stored := s.catalog.Stored()
	for _, flow := range s.catalog.Flows() {
		shown := api.Flow{
			Key: flow.Key, Title: flow.Title, Mode: flow.Mode, Trigger: flow.Trigger, Version: flow.Version,
			Enabled: flow.Served, URL: s.HookURL(flow.Token), Note: flow.Note, Skipped: s.watch.skipped(flow.Key),
		}
		flows = append(flows, shown.With(stored[flow.Key]))
	}
	return flows, nil
}

// HookURL returns the URL of the webhook with a token; empty without a token.
func (s *Server) HookURL(token string) string {
	if token == "" {
		return ""
	}
	return s.BaseURL() + "/api/webhook:trigger/" + token
}
