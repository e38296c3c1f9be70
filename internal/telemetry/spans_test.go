package telemetry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracecollector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

func TestTheEnvironmentDecidesWhetherSpansAreExported(t *testing.T) {
	t.Parallel()
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for name, c := range map[string]struct {
		environ map[string]string
		exports bool
	}{
		"not without an endpoint":  {nil, false},
		"over HTTP to an endpoint": {map[string]string{endpoint: "http://127.0.0.1:4318"}, true},
		"to an endpoint for traces alone": {map[string]string{
			"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, true},
		"over gRPC": {map[string]string{endpoint: "http://127.0.0.1:4317",
			"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, true},
		"not when OpenTelemetry is off": {map[string]string{endpoint: "http://127.0.0.1:4318",
			"OTEL_SDK_DISABLED": "TRUE"}, false},
		"not when no traces are asked for": {map[string]string{endpoint: "http://127.0.0.1:4318",
			"OTEL_TRACES_EXPORTER": "none"}, false},
		"the protocol for traces goes first": {map[string]string{endpoint: "http://127.0.0.1:4317",
			"OTEL_EXPORTER_OTLP_PROTOCOL": "x", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "grpc"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			exporter, err := exporterOf(t.Context(), func(name string) string { return c.environ[name] })
			require.NoError(t, err)
			require.Equal(t, c.exports, exporter != nil)
			if exporter != nil {
				require.NoError(t, exporter.Shutdown(t.Context()))
			}
		})
	}
}

func TestAProtocolThatIsNotKnownIsRefused(t *testing.T) {
	t.Parallel()
	environ := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
		"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}
	_, err := exporterOf(t.Context(), func(name string) string { return environ[name] })
	require.EqualError(t, err, `OTEL_EXPORTER_OTLP_PROTOCOL is "http/json"; set it to http/protobuf or grpc`)
}

// TestSpansReachACollector sets variables of the process, so it is not parallel.
func TestSpansReachACollector(t *testing.T) {
	got := make(chan *tracecollector.ExportTraceServiceRequest, 1)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		request := &tracecollector.ExportTraceServiceRequest{}
		if r.URL.Path == "/v1/traces" && r.Header.Get("X-Key") == "sesame" && proto.Unmarshal(body, request) == nil {
			got <- request
		}
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=sesame")
	t.Setenv("OTEL_SERVICE_NAME", "hooks")
	watched, err := New(t.Context(), Options{Version: "1.2.3"})
	require.NoError(t, err)
	_, span := watched.Tracer().Start(t.Context(), "delivery")
	span.End()
	require.NoError(t, watched.Shutdown(t.Context()))
	exported := (<-got).GetResourceSpans()[0]
	require.Equal(t, "delivery", exported.GetScopeSpans()[0].GetSpans()[0].GetName())
	described := map[string]string{}
	for _, pair := range exported.GetResource().GetAttributes() {
		described[pair.GetKey()] = pair.GetValue().GetStringValue()
	}
	require.Equal(t, "hooks", described["service.name"])
	require.Equal(t, "1.2.3", described["service.version"])
}

func TestWithoutAnExporterSpansCostNothingAndTracesGoOn(t *testing.T) {
	t.Parallel()
	watched, err := New(t.Context(), Options{})
	require.NoError(t, err)
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2},
		Remote: true})
	_, span := watched.Tracer().Start(trace.ContextWithRemoteSpanContext(t.Context(), parent), "delivery")
	require.False(t, span.IsRecording())
	require.True(t, span.SpanContext().Equal(parent))
	_, span = watched.Tracer().Start(t.Context(), "delivery")
	require.False(t, span.SpanContext().IsValid())
	require.NoError(t, watched.Shutdown(t.Context()))
}

// away is an exporter without a collector.
type away struct{ sdktrace.SpanExporter }

func (away) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	return errors.New("no route")
}

func TestACollectorThatIsAwayIsLoggedOnceAMinute(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	exporter := &tolerant{SpanExporter: away{}, logger: slog.New(slog.NewTextHandler(&text, nil))}
	for range 3 {
		require.NoError(t, exporter.ExportSpans(t.Context(), make([]sdktrace.ReadOnlySpan, 2)))
	}
	require.Equal(t, 1, strings.Count(text.String(), "spans cannot be exported"))
	require.Contains(t, text.String(), "lost=2")
	exporter.told = exporter.told.Add(-tellEvery)
	require.NoError(t, exporter.ExportSpans(t.Context(), make([]sdktrace.ReadOnlySpan, 2)))
	require.Contains(t, text.String(), "lost=6")
}
