//go:build !noembedded

package embedded

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
	"google.golang.org/grpc"
	grpccredentials "google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

const (
	clusterName = "active"
	loopback    = "127.0.0.1"

	// portAttempts bounds how often Start chooses other ports because another process has taken them.
	portAttempts = 5
	// probeInterval is the pause between two probes of the server.
	probeInterval = 5 * time.Millisecond
)

// Server is a running Temporal server. Stop ends it.
type Server struct {
	options   Options
	directory *directory
	history   *flusher
	listing   *flusher
	// checkpoints run while the server serves; nil: it never did.
	checkpoints *checkpointer
	logger      logger
	server      temporal.Server
	address     string
	access      *credentials
	services    []string
	// ports are those of the services, chosen at the start and kept by restarts.
	ports      map[primitives.ServiceName]int
	ui         http.Handler
	readOnlyUI http.Handler

	// engine is held while the server is restarted or shut down.
	engine   sync.Mutex
	restarts atomic.Int64
	stop     sync.Once
	stopped  chan struct{}
	stopErr  error
}

// Start runs a server on the data directory and returns when it serves clients. Its errors are for users: they say what
// is wrong with the directory, its databases or the options, and what to do. ctx bounds the start only.
func Start(ctx context.Context, o Options) (_ *Server, err error) {
	o, err = o.withDefaults()
	if err != nil {
		return nil, err
	}
	d, err := openDirectory(o.Directory, o.Logger)
	if err != nil {
		return nil, err
	}
	registerPlugin()
	s := &Server{
		options: o, directory: d,
		history: &flusher{}, listing: &flusher{},
		logger:  logger{out: o.Logger, serving: new(atomic.Bool)},
		stopped: make(chan struct{}),
	}
	if !o.Open {
		if s.access, err = newCredentials(); err != nil {
			d.close()
			return nil, fmt.Errorf("the credentials of the embedded Temporal server can't be made: %w", err)
		}
	}
	if err := s.build(ctx); err != nil {
		d.close()
		return nil, err
	}
	if err := s.serve(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("the embedded Temporal server did not start: %w", err), s.Stop(ctx))
	}
	return s, nil
}

// Address is the loopback host and port of the frontend (gRPC). It changes at every start.
func (s *Server) Address() string { return s.address }

// Services are the addresses of all services, host and port, the frontend's included.
func (s *Server) Services() []string { return s.services }

// ClientTLS is the TLS configuration for clients of the server, with the certificate that the server demands; nil if
// the server is open. It exists only in the memory of this process.
func (s *Server) ClientTLS() *tls.Config {
	if s.access == nil {
		return nil
	}
	return s.access.client()
}

// Namespace is the namespace that is ready for use.
func (s *Server) Namespace() string { return s.options.Namespace }

// UI serves the web UI below Options.UIPublicPath; nil if the UI is switched off. It neither authenticates nor
// authorizes: its clients can do everything that Temporal can.
func (s *Server) UI() http.Handler { return s.ui }

// ReadOnlyUI is the UI without its actions. It is nil unless Options.UI is set.
func (s *Server) ReadOnlyUI() http.Handler { return s.readOnlyUI }

// Stop stops the server and releases the data directory. It returns when that is done, or when ctx ends; then the
// server goes on stopping, and keeps the directory locked meanwhile. Later calls wait for the same end.
func (s *Server) Stop(ctx context.Context) error {
	s.stop.Do(func() { go s.shutDown() })
	select {
	case <-s.stopped:
		return s.stopErr
	case <-ctx.Done():
		return fmt.Errorf("the embedded Temporal server has not stopped yet: %w", context.Cause(ctx))
	}
}

func (s *Server) shutDown() {
	defer close(s.stopped)
	s.engine.Lock()
	defer s.engine.Unlock()
	s.logger.serving.Store(false)
	err := s.server.Stop()
	s.checkpoints.end()
	history, visibility := stores(s.directory)
	for _, store := range []store{history, visibility} {
		err = errors.Join(err, store.checkpoint(context.Background()))
	}
	s.stopErr = errors.Join(err, s.history.close(), s.listing.close())
	s.directory.close()
}

// build prepares the databases and constructs the server, which binds its ports. If another process takes a port before
// it is bound, build chooses other ports.
func (s *Server) build(ctx context.Context) error {
	history, visibility := stores(s.directory)
	for _, store := range []store{history, visibility} {
		if err := store.prepare(ctx); err != nil {
			return err
		}
	}
	if s.ports == nil && !s.options.Open {
		if err := history.forgetWorkers(ctx); err != nil {
			return err
		}
	}
	historySQL, visibilitySQL := sqlConfig(history.path), sqlConfig(visibility.path)
	columns, err := prepareNamespace(ctx, historySQL, s.options)
	if err != nil {
		return history.explain(err)
	}
	if err := visibility.trimIndexes(ctx, columns); err != nil {
		return err
	}
	if s.ports != nil { // a restart
		if err := s.construct(historySQL, visibilitySQL, s.ports); err != nil {
			return fmt.Errorf("the embedded Temporal server can't be set up again: %w", err)
		}
		return nil
	}
	for range portAttempts {
		var ports map[primitives.ServiceName]int
		if ports, err = freePorts(); err != nil {
			return fmt.Errorf("no free port on %s: %w", loopback, err)
		}
		if err = s.construct(historySQL, visibilitySQL, ports); err == nil {
			s.address, s.ports = hostPort(ports[primitives.FrontendService]), ports
			for _, port := range ports {
				s.services = append(s.services, hostPort(port))
			}
			return nil
		}
	}
	return fmt.Errorf("the embedded Temporal server can't be set up: %w", err)
}

// construct recovers the panics with which the server's own code would end the process, for example for a port in use.
func (s *Server) construct(history, visibility *config.SQL, ports map[primitives.ServiceName]int) (err error) {
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case fatal:
			err = errors.New(string(failure))
		default:
			panic(failure)
		}
	}()
	hosts := make(map[primitives.ServiceName]static.Hosts, len(ports))
	for service, port := range ports {
		hosts[service] = static.SingleLocalHost(hostPort(port))
	}
	options := []temporal.ServerOption{
		temporal.WithConfig(serverConfig(persistenceConfig(history, visibility), ports)),
		temporal.WithCustomVisibilityStoreFactory(visibilityFactory{visibility, s.listing}),
		temporal.WithChainedFrontendGrpcInterceptors(s.history.intercept),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts),
		temporal.WithDynamicConfigClient(tuning()),
		temporal.WithLogger(s.logger),
		temporal.WithNamespaceLogger(s.logger),
		// A client with a certificate of this process may do everything.
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(
			func(*config.Config) authorization.ClaimMapper { return authorization.NewNoopClaimMapper() }),
	}
	if s.access != nil {
		options = append(options, temporal.WithTLSConfigFactory(s.access))
	}
	s.server, err = temporal.NewServer(options...)
	return err
}

// serve returns when a client's first call would succeed.
func (s *Server) serve(ctx context.Context) (err error) {
	history, visibility := stores(s.directory)
	if s.checkpoints, err = startCheckpoints(history, visibility); err != nil {
		return err
	}
	if s.options.Synchronous == SynchronousFull {
		if err := errors.Join(s.history.open(history), s.listing.open(visibility)); err != nil {
			return err
		}
	}
	if err := s.server.Start(); err != nil {
		return err
	}
	if s.options.UI && s.ui == nil {
		if s.readOnlyUI, err = quietUI(s.address, s.access.forUI(), s.options, true); err != nil {
			return err
		}
		if s.ui, err = quietUI(s.address, s.access.forUI(), s.options, false); err != nil {
			return err
		}
	}
	if err := s.probe(ctx); err != nil {
		return err
	}
	s.logger.serving.Store(true)
	return nil
}

// probe describes a run that does not exist until the server answers so: then the frontend serves, it knows the
// namespace, and history has its shards.
func (s *Server) probe(ctx context.Context) error {
	transport := insecure.NewCredentials()
	if s.access != nil {
		transport = grpccredentials.NewTLS(s.ClientTLS())
	}
	conn, err := grpc.NewClient(s.address, grpc.WithTransportCredentials(transport))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	frontend := workflowservice.NewWorkflowServiceClient(conn)
	for {
		_, err := frontend.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
			Namespace: s.options.Namespace,
			Execution: &commonpb.WorkflowExecution{WorkflowId: rand.Text()},
		}, grpc.WaitForReady(true))
		if missing := new(serviceerror.NotFound); errors.As(serviceerror.FromStatus(status.Convert(err)), &missing) {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(probeInterval):
		}
	}
}
