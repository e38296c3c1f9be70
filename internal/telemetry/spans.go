package telemetry

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// exporterOf returns the exporter that OpenTelemetry's environment variables select; nil if they select none. The
// exporter reads its other settings (headers, certificates, timeouts) from the environment itself.
func exporterOf(ctx context.Context, getenv func(string) string) (sdktrace.SpanExporter, error) {
	endpoint := cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
	if endpoint == "" || strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") ||
		getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil
	}
	switch protocol := cmp.Or(getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), getenv("OTEL_EXPORTER_OTLP_PROTOCOL"),
		"http/protobuf"); protocol {
	case "http/protobuf":
		return otlptracehttp.New(ctx)
	case "grpc":
		return otlptracegrpc.New(ctx)
	default:
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q; set it to http/protobuf or grpc", protocol)
	}
}

func newTracer(o Options, described *resource.Resource) (*sdktrace.TracerProvider, trace.Tracer) {
	if o.Spans == nil {
		return nil, noop.Tracer{}
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(&tolerant{SpanExporter: o.Spans, logger: o.Logger}), sdktrace.WithResource(described),
		sdktrace.WithIDGenerator(ids{}),
	)
	return provider, provider.Tracer(scope, trace.WithInstrumentationVersion(o.Version))
}

// tolerant logs lost spans, at most once a minute: an unavailable collector must not disturb flows.
type tolerant struct {
	sdktrace.SpanExporter
	logger *slog.Logger

	mutex sync.Mutex
	told  time.Time
	lost  int
}

const tellEvery = time.Minute

func (e *tolerant) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.lost += len(spans)
	if now := time.Now(); now.Sub(e.told) >= tellEvery {
		e.logger.Warn("spans cannot be exported; check the collector and OTEL_EXPORTER_OTLP_ENDPOINT", "lost", e.lost,
			"error", err)
		e.told, e.lost = now, 0
	}
	return nil
}

// ids makes random IDs, except for spans whose context sets them.
type ids struct{}

// fixed are the IDs of the next span; trace is used only for a span without a parent.
type fixed struct {
	trace trace.TraceID
	span  trace.SpanID
}

type fixedKey struct{}

func withFixedIDs(ctx context.Context, f fixed) context.Context {
	return context.WithValue(ctx, fixedKey{}, f)
}

// NewIDs returns the IDs of a span that begins a trace.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if f, ok := ctx.Value(fixedKey{}).(fixed); ok {
		return f.trace, f.span
	}
	var f fixed
	_, _ = rand.Read(f.trace[:]) // never fails
	_, _ = rand.Read(f.span[:])
	return f.trace, f.span
}

// NewSpanID returns the ID of a span of an existing trace.
func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	if f, ok := ctx.Value(fixedKey{}).(fixed); ok {
		return f.span
	}
	var id trace.SpanID
	_, _ = rand.Read(id[:])
	return id
}
