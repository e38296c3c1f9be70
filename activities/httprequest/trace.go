package httprequest

import (
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traced makes one round trip in a span of its own, and passes the trace on to the other side (W3C Trace Context),
// unless the flow sets that header itself.
func (e *exchange) traced(outgoing *http.Request) (*http.Response, error) {
	ctx, span := e.tracer.Start(outgoing.Context(), outgoing.Method, trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	if outgoing.Header.Get("Traceparent") == "" {
		propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(outgoing.Header))
	}
	response, err := e.transport.RoundTrip(outgoing.WithContext(ctx))
	if span.IsRecording() {
		e.describe(span, outgoing, response, err)
	}
	return response, err
}

// describe adds the request and its outcome to a span. Of the URL it adds only the host, redacted, and of an error one
// word: the rest may contain secrets.
func (e *exchange) describe(span trace.Span, outgoing *http.Request, response *http.Response, err error) {
	port, _ := strconv.Atoi(portOf(outgoing.URL))
	span.SetAttributes(attribute.String("http.request.method", outgoing.Method),
		attribute.String("url.scheme", outgoing.URL.Scheme),
		attribute.String("server.address", e.request.shown(outgoing.URL.Hostname())),
		attribute.Int("server.port", port))
	problem := ""
	switch {
	case err != nil && expired(outgoing.Context()):
		problem = "timeout"
	case err != nil && outgoing.Context().Err() != nil:
		problem = "cancelled"
	case err != nil:
		problem = "connection"
	default:
		span.SetAttributes(attribute.Int("http.response.status_code", response.StatusCode))
		if response.StatusCode >= http.StatusBadRequest {
			problem = strconv.Itoa(response.StatusCode)
		}
	}
	if problem != "" {
		span.SetAttributes(attribute.String("error.type", problem))
		span.SetStatus(codes.Error, "")
	}
}
