package receiver

import (
	"bytes"
	"context"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/everhook/everhook"
)

// Routes for the names of spans. They do not contain the token, because it is confidential.
const (
	triggerRoute = triggerPath + ":token"
	resumeRoute  = everhook.ResumePath + ":token/:run/:node"
)

// spanRoute is that of the call's URL.
func (c *call) spanRoute() string {
	if c.wait != nil {
		return resumeRoute
	}
	return triggerRoute
}

// propagator reads the headers traceparent and tracestate (W3C Trace Context).
var propagator propagation.TraceContext

// carrier gives a propagator access to the headers of a request. Repeated headers are joined: two traceparents are
// invalid then, and two tracestates become one list.
type carrier struct{ header *fasthttp.RequestHeader }

func (c carrier) Get(name string) string {
	return string(bytes.Join(c.header.PeekAll(name), []byte(",")))
}

// Set and Keys are not used: a carrier is only read.
func (c carrier) Set(string, string) {}
func (c carrier) Keys() []string     { return nil }

// trace begins the span of a delivery, in the caller's trace if it names one. It is called after the caller is
// admitted, so strangers leave no spans.
func (r *Receiver) trace(c *call) {
	ctx := propagator.Extract(context.Background(), carrier{c.header})
	_, c.span = r.options.Tracer.Start(ctx, c.method()+" "+c.spanRoute(),
		trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(c.began))
}

// within gives a context in which the run is started: its trace goes on below the delivery's span.
func (c *call) within(ctx context.Context) context.Context { return trace.ContextWithSpan(ctx, c.span) }

// endTrace ends the span of a delivery with how the call ended.
func (c *call) endTrace(record Record) {
	if c.span == nil {
		return
	}
	if c.span.IsRecording() {
		c.span.SetAttributes(
			attribute.String("http.request.method", c.method()), attribute.String("http.route", c.spanRoute()),
			attribute.Int("http.response.status_code", record.Status),
			attribute.Int("http.request.body.size", record.Bytes),
			attribute.String("everhook.flow", record.Flow), attribute.String("everhook.run", string(record.Run)),
			attribute.String("everhook.outcome", string(record.Reason)),
		)
		if record.Status >= fiber.StatusInternalServerError {
			c.span.SetStatus(codes.Error, "")
		}
	}
	c.span.End()
}

// traceID names the trace that the call belongs to, its caller's or its own; empty when there is none.
func (c *call) traceID() string {
	var span trace.SpanContext
	if c.span != nil {
		span = c.span.SpanContext()
	} else {
		span = trace.SpanContextFromContext(propagator.Extract(context.Background(), carrier{c.header}))
	}
	if !span.HasTraceID() {
		return ""
	}
	return span.TraceID().String()
}
