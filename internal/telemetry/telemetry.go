// Package telemetry provides metrics in the format of Prometheus, and traces by OTLP. It sets nothing global.
package telemetry

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
)

// scope is the name of the library in metrics and spans.
const scope = "github.com/everhook/everhook"

// Options select what is measured. The zero value of every field is its default.
type Options struct {
	// Version is this release, as service.version.
	Version string
	// Spans takes ended spans; it is shut down with the Telemetry. Default: an OTLP exporter if the environment names
	// an endpoint, as OTEL_EXPORTER_OTLP_ENDPOINT does, else none.
	Spans sdktrace.SpanExporter
	// Logger logs spans that cannot be exported, at most once a minute. Default: slog.Default().
	Logger *slog.Logger
}

// Telemetry collects metrics and spans. It is safe for concurrent use.
type Telemetry struct {
	registry   *prometheus.Registry
	meters     *sdkmetric.MeterProvider
	meter      metric.Meter
	deliveries *deliveries
	runs       *runMetrics
	// spans is nil without an exporter.
	spans  *sdktrace.TracerProvider
	tracer trace.Tracer
}

// New starts to collect. Its error names the environment variable that is not valid.
func New(ctx context.Context, o Options) (*Telemetry, error) {
	o.Logger = cmp.Or(o.Logger, slog.Default())
	described := describe(ctx, o)
	t := &Telemetry{registry: prometheus.NewRegistry()}
	t.registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var err error
	if t.meters, err = newMeters(t.registry, described); err != nil {
		return nil, err
	}
	t.meter = t.meters.Meter(scope)
	if t.deliveries, err = newDeliveries(t.meter); err != nil {
		return nil, err
	}
	if t.runs, err = newRunMetrics(t.meter); err != nil {
		return nil, err
	}
	if o.Spans == nil {
		if o.Spans, err = exporterOf(ctx, os.Getenv); err != nil {
			return nil, err
		}
	}
	t.spans, t.tracer = newTracer(o, described)
	return t, nil
}

// describe names this process. OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have precedence.
func describe(ctx context.Context, o Options) *resource.Resource {
	described, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "everhook"),
			attribute.String("service.version", o.Version)),
		resource.WithHost(), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		o.Logger.Warn("this process is described in part only; check OTEL_RESOURCE_ATTRIBUTES", "error", err)
	}
	return described
}

// Handler serves the metrics, in the text format of Prometheus or as OpenMetrics.
func (t *Telemetry) Handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{})
}

// Tracer makes spans. Without an exporter it makes none and costs nothing, but still propagates the trace of a context.
func (t *Telemetry) Tracer() trace.Tracer { return t.tracer }

// TemporalMetrics receives the metrics of the Temporal SDK, whose names begin with temporal_.
func (t *Telemetry) TemporalMetrics() client.MetricsHandler { return newSDKMetrics(t.meters) }

// TemporalInterceptor propagates traces to runs and activities, and counts the runs that close. Clients and workers
// need it.
func (t *Telemetry) TemporalInterceptor() interceptor.Interceptor {
	return newTracing(t.tracer, t)
}

// Shutdown exports the remaining spans, within ctx. Metrics can be read until the end.
func (t *Telemetry) Shutdown(ctx context.Context) error {
	if t.spans == nil {
		return nil
	}
	return errors.Join(t.spans.ForceFlush(ctx), t.spans.Shutdown(ctx))
}
