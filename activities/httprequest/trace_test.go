package httprequest

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/everhook/everhook/activities"
)

// inTrace is a context within the trace of another system.
func inTrace(t *testing.T) (context.Context, trace.SpanContext) {
	t.Helper()
	state, err := trace.ParseTraceState("vendor=7")
	require.NoError(t, err)
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2},
		TraceFlags: trace.FlagsSampled, TraceState: state, Remote: true})
	return trace.ContextWithRemoteSpanContext(t.Context(), parent), parent
}

// recorded makes the effect record its spans.
func recorded(h *requests) *tracetest.SpanRecorder {
	spans := tracetest.NewSpanRecorder()
	h.Effect = New(Options{Tracer: sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test")})
	return spans
}

func attributes(span sdktrace.ReadOnlySpan) map[string]any {
	values := map[string]any{}
	for _, pair := range span.Attributes() {
		values[string(pair.Key)] = pair.Value.AsInterface()
	}
	return values
}

func TestATraceIsHandedOnWithoutAnExporter(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 1)
	base := serve(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header })
	ctx, parent := inTrace(t)
	_, err := run(t, ctx, local(t), activities.HTTPRequestInput{URL: plainValue(base)})
	require.NoError(t, err)
	header := <-got
	require.Equal(t, "00-"+parent.TraceID().String()+"-"+parent.SpanID().String()+"-01", header.Get("Traceparent"))
	require.Equal(t, "vendor=7", header.Get("Tracestate"))
}

func TestWithoutATraceNoHeaderIsAdded(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 1)
	base := serve(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header })
	succeed(t, local(t), activities.HTTPRequestInput{URL: plainValue(base)})
	require.Empty(t, (<-got).Get("Traceparent"))
}

func TestATraceThatTheFlowNamesItselfIsLeftAlone(t *testing.T) {
	t.Parallel()
	got := make(chan http.Header, 1)
	base := serve(t, func(_ http.ResponseWriter, r *http.Request) { got <- r.Header })
	ctx, _ := inTrace(t)
	const own = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-00"
	_, err := run(t, ctx, local(t), activities.HTTPRequestInput{URL: plainValue(base),
		Headers: plainValue(map[string]any{"traceparent": own})})
	require.NoError(t, err)
	require.Equal(t, []string{own}, (<-got).Values("Traceparent"))
}

func TestEveryRequestOfAnExchangeHasASpan(t *testing.T) {
	t.Parallel()
	got := make(chan string, 2)
	base := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header.Get("Traceparent")
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/next", http.StatusFound)
			return
		}
		w.WriteHeader(http.StatusTeapot)
	})
	h := local(t)
	spans := recorded(h)
	ctx, parent := inTrace(t)
	_, err := run(t, ctx, h, activities.HTTPRequestInput{URL: plainValue(base + "/"), Redirects: 1})
	require.Error(t, err)
	ended := spans.Ended()
	require.Len(t, ended, 2)
	for i, status := range []int64{http.StatusFound, http.StatusTeapot} {
		require.Equal(t, "GET", ended[i].Name())
		require.Equal(t, trace.SpanKindClient, ended[i].SpanKind())
		require.Equal(t, parent.SpanID(), ended[i].Parent().SpanID())
		require.Equal(t, "00-"+parent.TraceID().String()+"-"+ended[i].SpanContext().SpanID().String()+"-01", <-got)
		require.Equal(t, status, attributes(ended[i])["http.response.status_code"])
	}
	require.Equal(t, codes.Unset, ended[0].Status().Code)
	require.Equal(t, codes.Error, ended[1].Status().Code)
	require.Equal(t, "418", attributes(ended[1])["error.type"])
}

func TestASpanHoldsNoSecretAndNothingOfTheURLButItsHost(t *testing.T) {
	t.Parallel()
	base := serve(t, func(http.ResponseWriter, *http.Request) {})
	address, err := url.Parse(base)
	require.NoError(t, err)
	h := guarded(t, []string{"127.0.0.1", "localhost"}, "HOST=localhost")
	spans := recorded(h)
	run(t, t.Context(), h, activities.HTTPRequestInput{URL: sealed("http://", "$HOST", ":"+address.Port()+
		"/path?query=1")})
	require.Len(t, spans.Ended(), 1)
	span := spans.Ended()[0]
	for _, pair := range span.Attributes() {
		for _, hidden := range []string{"localhost", "path", "query"} {
			require.NotContains(t, pair.Value.String(), hidden, pair.Key)
		}
	}
	require.Equal(t, address.Port(), attribute.Int64Value(attributes(span)["server.port"].(int64)).String())
}

func TestASpanTellsWhyThereIsNoAnswer(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	slow := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(release) })
	gone := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	for name, c := range map[string]struct {
		url  string
		want string
	}{
		"it took too long":        {slow, "timeout"},
		"the connection was lost": {gone, "connection"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := local(t)
			spans := recorded(h)
			fail(t, h, activities.HTTPRequestInput{URL: plainValue(c.url), Method: "POST", Timeout: 1e8})
			require.Len(t, spans.Ended(), 1)
			require.Equal(t, c.want, attributes(spans.Ended()[0])["error.type"])
			require.Equal(t, codes.Error, spans.Ended()[0].Status().Code)
			require.Empty(t, spans.Ended()[0].Status().Description)
			require.False(t, strings.Contains(spans.Ended()[0].Name(), "127.0.0.1"))
		})
	}
}
