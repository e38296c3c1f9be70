package integration

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/everhook/everhook"
)

// collector keeps the spans that a product exports.
type collector struct {
	mutex sync.Mutex
	spans []sdktrace.ReadOnlySpan
	// stopped is set when the product exports no more spans.
	stopped bool
}

func (c *collector) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.spans = append(c.spans, spans...)
	return nil
}

func (c *collector) Shutdown(context.Context) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.stopped = true
	return nil
}

// named returns the spans with a name, of a stopped product.
func (c *collector) named(t *testing.T, name string) []sdktrace.ReadOnlySpan {
	t.Helper()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	require.True(t, c.stopped, "the last spans are exported by the stop")
	var found []sdktrace.ReadOnlySpan
	for _, span := range c.spans {
		if span.Name() == name {
			found = append(found, span)
		}
	}
	return found
}

// only returns the only span with a name.
func (c *collector) only(t *testing.T, name string) sdktrace.ReadOnlySpan {
	t.Helper()
	found := c.named(t, name)
	require.Len(t, found, 1, name)
	return found[0]
}

func attribute(span sdktrace.ReadOnlySpan, key string) any {
	for _, pair := range span.Attributes() {
		if string(pair.Key) == key {
			return pair.Value.AsInterface()
		}
	}
	return nil
}

// tracedPartner is a system that answers 200 and records the received headers.
func tracedPartner(t *testing.T) (url string, sent <-chan http.Header) {
	t.Helper()
	headers := make(chan http.Header, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { headers <- r.Header }))
	t.Cleanup(server.Close)
	return server.URL, headers
}

// callsPartner is a flow that sends the trigger to a partner.
func callsPartner(url string) string {
	return fmt.Sprintf(`nodes:
  - { key: partner, type: http-request, config: { method: POST, url: %s, body: { n: '{{ trigger.body.n }}' } } }
  - { key: seen, type: response, config: { body: '{{ trigger }}' } }
`, url)
}

const (
	callersTrace = "0af7651916cd43dd8448eb211c80319c"
	callersSpan  = "b7ad6b7169203331"
	traceparent  = "00-" + callersTrace + "-" + callersSpan + "-01"
)

func TestATraceGoesFromTheCallThroughTheRunToThePartner(t *testing.T) {
	t.Parallel()
	spans := &collector{}
	p := start(t, config{spans: spans})
	url, sent := tracedPartner(t)
	f := p.sync(t, "traced", callsPartner(url))
	got := f.post(t, `{"n":1}`, header("traceparent", traceparent), header("tracestate", "vendor=7"))
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.NotContains(t, got.body, callersTrace, "a flow sees nothing of a trace")
	f.ended(t, got.run)
	require.Len(t, f.show(t, got.run).Steps, 2, "a query replays the run, and must make no second span of it")
	replay(t, f, got.run)
	p.Stop()

	delivery, run := spans.only(t, "POST /api/webhook:trigger/:token"), spans.only(t, "run")
	effect, request := spans.only(t, "everhook.http-request"), spans.only(t, "POST")
	parent := callersSpan
	for _, span := range []sdktrace.ReadOnlySpan{delivery, run, effect, request} {
		require.Equal(t, callersTrace, span.SpanContext().TraceID().String(), span.Name())
		require.Equal(t, parent, span.Parent().SpanID().String(), span.Name())
		require.Equal(t, "vendor=7", span.SpanContext().TraceState().String(), span.Name())
		require.False(t, span.EndTime().Before(span.StartTime()), span.Name())
		for _, pair := range span.Attributes() {
			require.NotContains(t, pair.Value.String(), f.token, "%s %s", span.Name(), pair.Key)
		}
		parent = span.SpanContext().SpanID().String()
	}
	require.Equal(t, trace.SpanKindServer, delivery.SpanKind())
	require.Equal(t, "traced", attribute(delivery, "everhook.flow"))
	require.Equal(t, string(got.run), attribute(delivery, "everhook.run"))
	require.Equal(t, string(got.run), attribute(run, "everhook.run"))
	require.Equal(t, string(everhook.Resolved), attribute(run, "everhook.status"))
	require.Equal(t, "127.0.0.1", attribute(request, "server.address"))

	out := <-sent
	require.Equal(t, "00-"+callersTrace+"-"+request.SpanContext().SpanID().String()+"-01", out.Get("Traceparent"))
	require.Equal(t, "vendor=7", out.Get("Tracestate"))
	require.Contains(t, p.logs.String(), `"trace":"`+callersTrace+`"`, "the log line of the delivery")
}

func TestEveryFailingAttemptHasASpanBelowThatOfTheRun(t *testing.T) {
	t.Parallel()
	spans := &collector{}
	p := start(t, config{spans: spans})
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		_ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(busy.Close)
	f := p.async(t, "attempts", fmt.Sprintf(`nodes:
  - { key: partner, type: http-request, retry: { maxAttempts: 3, initialInterval: 1ms }, config: { url: %s } }
`, busy.URL))
	got := f.post(t, `{}`)
	require.Equal(t, everhook.Failed, f.ended(t, got.run).Status)
	p.Stop()

	run := spans.only(t, "run")
	require.Equal(t, string(everhook.Failed), attribute(run, "everhook.status"))
	require.Equal(t, "Error", run.Status().Code.String())
	require.Equal(t, spans.only(t, "POST /api/webhook:trigger/:token").SpanContext().TraceID(),
		run.SpanContext().TraceID(), "without a caller's trace the delivery begins one")
	var attempts []int64
	for _, effect := range spans.named(t, "everhook.http-request") {
		require.Equal(t, run.SpanContext().SpanID(), effect.Parent().SpanID())
		attempts = append(attempts, attribute(effect, "everhook.attempt").(int64))
		require.NotEmpty(t, attribute(effect, "error.type"))
	}
	slices.Sort(attempts)
	require.Equal(t, []int64{1, 2, 3}, attempts)
}

func TestWithoutAnExporterACallersTraceStillReachesThePartner(t *testing.T) {
	t.Parallel()
	url, sent := tracedPartner(t)
	f := shared.sync(t, "passes-traces-on", callsPartner(url))
	got := f.post(t, `{"n":1}`, header("traceparent", traceparent), header("tracestate", "vendor=7"))
	require.Equal(t, http.StatusOK, got.status, got.body)
	out := <-sent
	require.Equal(t, traceparent, out.Get("Traceparent"))
	require.Equal(t, "vendor=7", out.Get("Tracestate"))
	f.ended(t, got.run)
	record(t, f, got.run, "http-request-traced")

	require.Equal(t, http.StatusOK, f.post(t, `{"n":2}`).status)
	require.Empty(t, (<-sent).Get("Traceparent"), "where there is no trace none begins")
	require.Equal(t, http.StatusOK, f.post(t, `{"n":3}`, header("traceparent", "00-nonsense")).status)
	require.Empty(t, (<-sent).Get("Traceparent"), "what is no trace is none")
}

func TestATraceCostsNoEvent(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "seven-events-in-a-trace", conditionAndResponse)
	got := f.post(t, `{"paid":true,"id":7}`, header("traceparent", traceparent))
	require.Equal(t, http.StatusOK, got.status)
	f.ended(t, got.run)
	events := f.events(t, got.run)
	require.Len(t, events, 7)
	require.Contains(t,
		string(
			events[0].GetWorkflowExecutionStartedEventAttributes().GetHeader().GetFields()["_tracer-data"].GetData()),
		callersTrace)
	record(t, f, got.run, "condition-response-traced")
}

func TestAStopLosesNoHeldCallerAndNoSpan(t *testing.T) {
	t.Parallel()
	spans := &collector{}
	p := start(t, config{spans: spans})
	reached, release := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(reached)
		<-release
	}))
	t.Cleanup(slow.Close)
	answered := p.sync(t, "answers-in-the-grace", callsPartner(slow.URL))
	sleeping := p.sync(t, "sleeps", "nodes:\n  - { key: nap, type: delay, config: { duration: 1h } }\n")
	soon, later := answered.postLater(t, `{"n":1}`), sleeping.postLater(t, `{}`)
	<-reached
	run := sleeping.started(t)
	sleeping.running(t, run, "nap")

	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		p.Stop()
	}()
	require.Eventually(t, func() bool {
		_, err := call(t.Context(), http.MethodGet, p.BaseURL()+"/healthz", nil)
		return err != nil
	}, patience, 20*time.Millisecond, "new connections are refused at once")
	close(release)
	first := received(t, soon)
	require.Equal(t, http.StatusOK, first.status, first.body)
	second := received(t, later)
	require.Equal(t, http.StatusAccepted, second.status, second.body)
	require.Equal(t, run, second.run)
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Fatal("the product does not stop")
	}
	require.Len(t, spans.named(t, "POST /api/webhook:trigger/:token"), 2)
	require.Equal(t, string(first.run), attribute(spans.only(t, "run"), "everhook.run"),
		"a run that goes on has not ended its span")
}
