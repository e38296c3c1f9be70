package receiver_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

const (
	callersTrace = "0af7651916cd43dd8448eb211c80319c"
	callersSpan  = "b7ad6b7169203331"
	traceparent  = "Traceparent: 00-" + callersTrace + "-" + callersSpan + "-01"
)

// traced is a service that records its spans, and the traces in which runs were started.
func traced(t *testing.T) (*service, *tracetest.SpanRecorder, chan trace.SpanContext) {
	t.Helper()
	started := make(chan trace.SpanContext, 1)
	spans := tracetest.NewSpanRecorder()
	s := serve(t, receiver.Options{Tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer(
		"test")}, someFlows(), tracingStarter(started))
	return s, spans, started
}

func tracingStarter(started chan trace.SpanContext) *starter {
	return &starter{
		start: func(ctx context.Context, _ everhook.Delivery) error {
			started <- trace.SpanContextFromContext(ctx)
			return nil
		},
		run: func(ctx context.Context, _ everhook.Delivery, _ time.Duration) (*everhook.Answer, error) {
			started <- trace.SpanContextFromContext(ctx)
			return &everhook.Answer{Status: 500}, nil
		},
	}
}

func TestARunIsStartedBelowTheSpanOfItsDelivery(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		token string
		code  codes.Code
	}{"async": {asyncToken, codes.Unset}, "sync, answered with 500": {syncToken, codes.Error}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, spans, started := traced(t)
			exchange(t, s, post(c.token, "{}", traceparent, "Tracestate: a=1", "Tracestate: b=2")+last)
			require.Eventually(t, func() bool { return len(spans.Ended()) == 1 }, time.Minute, time.Millisecond)
			span := spans.Ended()[0]
			require.Equal(t, "POST /api/webhook:trigger/:token", span.Name())
			require.Equal(t, callersTrace, span.SpanContext().TraceID().String())
			require.Equal(t, callersSpan, span.Parent().SpanID().String())
			require.Equal(t, "a=1,b=2", span.SpanContext().TraceState().String())
			require.Equal(t, c.code, span.Status().Code)
			require.Equal(t, span.SpanContext(), <-started)
			for _, pair := range span.Attributes() {
				require.NotContains(t, pair.Value.String(), c.token, pair.Key)
			}
			require.Contains(t, s.log.String(), "trace="+callersTrace)
		})
	}
}

func TestWithoutATracerTheCallersTraceGoesOn(t *testing.T) {
	t.Parallel()
	started := make(chan trace.SpanContext, 1)
	s := serve(t, receiver.Options{}, someFlows(), tracingStarter(started))
	exchange(t, s, post(asyncToken, "{}", traceparent)+last)
	got := <-started
	require.Equal(t, callersTrace, got.TraceID().String())
	require.Equal(t, callersSpan, got.SpanID().String())
	require.Contains(t, s.log.String(), "trace="+callersTrace)
}

func TestADeliveryWithoutATraceHasNoneInTheLog(t *testing.T) {
	t.Parallel()
	for name, headers := range map[string][]string{
		"none": nil, "nonsense": {"Traceparent: 00-x"}, "two of them": {traceparent, traceparent},
		"a tracestate alone": {"Tracestate: a=1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			started := make(chan trace.SpanContext, 1)
			s := serve(t, receiver.Options{}, someFlows(), tracingStarter(started))
			exchange(t, s, post(asyncToken, "{}", headers...)+last)
			require.False(t, (<-started).IsValid())
			require.Contains(t, s.log.String(), "msg=delivery")
			require.NotContains(t, s.log.String(), "trace=")
		})
	}
}

func TestWhoIsNotLetInLeavesNoSpan(t *testing.T) {
	t.Parallel()
	s, spans, _ := traced(t)
	exchange(t, s, post(unknownToken, "{}", traceparent)+post(disabledToken, "{}")+post(lockedToken, "{}")+last)
	require.Empty(t, spans.Started())
	require.Contains(t, s.log.String(), "trace="+callersTrace, "the log names it all the same")
}

func TestADeliveryThatIsRefusedForItsBodyHasASpan(t *testing.T) {
	t.Parallel()
	s, spans, _ := traced(t)
	exchange(t, s, post(asyncToken, "{", traceparent)+last)
	require.Eventually(t, func() bool { return len(spans.Ended()) == 1 }, time.Minute, time.Millisecond)
	require.Equal(t, codes.Unset, spans.Ended()[0].Status().Code, "the caller's mistake")
}

func TestACallForAnAnswerIsALookup(t *testing.T) {
	t.Parallel()
	records := make(chan receiver.Record, 3)
	s := serve(t, receiver.Options{Observe: func(r receiver.Record) { records <- r }}, someFlows(), &starter{})
	exchange(t, s, lines("GET /api/webhook:answer/"+asyncToken+"/"+string(someRun)+" HTTP/1.1",
		"Host: x")+post(asyncToken, "{}")+last)
	require.True(t, (<-records).Lookup)
	require.False(t, (<-records).Lookup)
}
