package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	sdk "go.temporal.io/sdk/temporal"
	"google.golang.org/grpc"

	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/embedded"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/internal/telemetry"
	"github.com/everhook/everhook/workflows"
)

// temporal is a connection to Temporal, with the embedded server if that is in use.
type temporal struct {
	client     client.Client
	namespace  string
	attributes bool
	embedded   *embedded.Server
	uiURL      string
	large      *large
	// lag is the delay of Temporal and the workers of this process.
	lag *runs.Lag
	// options are the options of the client.
	options client.Options
}

// Timeouts.
const (
	dialTimeout = 10 * time.Second
	stopTimeout = 10 * time.Second
)

// connectTemporal starts the embedded server, or connects to the one of --temporal-address.
func connectTemporal(ctx context.Context, o *Options, watch *telemetry.Telemetry,
	logger *slog.Logger) (_ *temporal, err error) {
	nameBuild()
	t := &temporal{namespace: o.TemporalNamespace, uiURL: o.TemporalUI, lag: runs.NewLag()}
	options := client.Options{
		HostPort: o.TemporalAddress, Namespace: o.TemporalNamespace,
		Logger:         log.NewStructuredLogger(calm(quiet(logger), nil)),
		DataConverter:  workflows.DataConverter(),
		MetricsHandler: t.lag.Metrics(watch.TemporalMetrics()),
		Interceptors:   []interceptor.ClientInterceptor{watch.TemporalInterceptor()},
	}
	if o.TemporalAddress == "" {
		t.embedded, err = embedded.Start(ctx, embedded.Options{
			Directory: o.Data, Synchronous: o.Synchronous, Retention: o.Retention.Std(), Namespace: o.TemporalNamespace,
			SearchAttributes: runs.IndexedTypes(), UI: true, UIPublicPath: admin.TemporalPath,
			UICodec: admin.CodecPath, Logger: calm(patient(logger.With("part", "temporal")), nil),
		})
		if err != nil {
			return nil, err
		}
		options.HostPort, t.attributes = t.embedded.Address(), true
		options.ConnectionOptions.TLS = t.embedded.ClientTLS()
		options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions,
			grpc.WithChainUnaryInterceptor(takeTurns(responsesAtOnce)))
	} else if err := remote(&options, o); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			t.stop()
		}
	}()
	dialing, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if t.client, err = client.DialContext(dialing, options); err != nil {
		return nil, fmt.Errorf("no Temporal server answers at %s: %w; check --temporal-address, its TLS flags and "+
			"the network", options.HostPort, err)
	}
	if t.embedded == nil {
		if err := t.register(dialing, logger); err != nil {
			return nil, err
		}
	}
	t.options = options
	return t, nil
}

// keepPayloads replaces the client by one that keeps large payloads outside of histories. The place depends on the ID
// of the namespace.
func (t *temporal) keepPayloads(ctx context.Context, o *Options, s *store.Store) (err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if t.large, err = openPayloads(ctx, o, t.client, s); err != nil {
		return err
	}
	options := t.options
	options.ExternalStorage = t.large.external
	options.FailureConverter = failures{sdk.NewDefaultFailureConverter(
		sdk.DefaultFailureConverterOptions{DataConverter: options.DataConverter})}
	first := t.client
	if t.client, err = client.NewClientFromExistingWithContext(ctx, first, options); err != nil {
		t.client = first
		return err
	}
	// Both clients share the connection; it ends with the last of them.
	first.Close()
	return nil
}

func remote(options *client.Options, o *Options) error {
	config, err := o.temporalTLS()
	if err != nil {
		return err
	}
	options.ConnectionOptions.TLS = config
	if o.TemporalAPIKey != "" {
		options.Credentials = client.NewAPIKeyStaticCredentials(o.TemporalAPIKey)
	}
	return nil
}

// register adds the search attributes to a namespace that lacks them. Without the permission, runs are started without
// them.
func (t *temporal) register(ctx context.Context, logger *slog.Logger) error {
	if _, err := t.client.WorkflowService().DescribeNamespace(ctx, describeNamespace(t.namespace)); err != nil {
		return fmt.Errorf("the Temporal namespace %q: %w; create it, or choose another with --temporal-namespace",
			t.namespace, err)
	}
	if err := runs.RegisterSearchAttributes(ctx, t.client, t.namespace); err != nil {
		logger.Warn("runs are started without search attributes; they are then found by workflow ID and memo only",
			"error", err)
		return nil
	}
	t.attributes = true
	return nil
}

// ui returns the handler of the Temporal UI; nil if this process has none.
func (t *temporal) ui() http.Handler {
	if t.embedded == nil {
		return nil
	}
	return t.embedded.UI()
}

// readOnlyUI is ui without its actions.
func (t *temporal) readOnlyUI() http.Handler {
	if t.embedded == nil {
		return nil
	}
	return t.embedded.ReadOnlyUI()
}

func (t *temporal) stop() {
	if t.client != nil {
		t.client.Close()
	}
	if t.embedded != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		_ = t.embedded.Stop(ctx)
	}
}
