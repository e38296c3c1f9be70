package telemetry

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// replayed replays a history on a worker that traces, and gives the spans that were begun and ended.
func replayed(t *testing.T, history []byte) *tracetest.SpanRecorder {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans), sdktrace.WithIDGenerator(ids{}))
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter: workflows.DataConverter(), Interceptors: []interceptor.WorkerInterceptor{newTracing(provider.Tracer("test"))},
	})
	require.NoError(t, err)
	replayer.RegisterWorkflowWithOptions(workflows.NewInterpreter(nodes.Standard()).Run, workflow.RegisterOptions{Name: workflows.RunWorkflow})
	file := filepath.Join(t.TempDir(), "history.json")
	require.NoError(t, os.WriteFile(file, history, 0o600))
	require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), file))
	return spans
}

// tracer is the header that carries a trace, with the comma around it.
var tracer = regexp.MustCompile(`(?s)"header": \{\s*"fields": \{\s*"_tracer-data": \{.*?\}\s*,\s*"data": "[^"]*"\s*\}\s*\}\s*\}`)

func TestEveryRecordedHistoryReplaysOnAWorkerThatTraces(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../workflows/testdata/histories/*.json")
	require.NoError(t, err)
	traced := 0
	for _, file := range files {
		history, err := os.ReadFile(file)
		require.NoError(t, err)
		bare := tracer.ReplaceAll(history, []byte(`"header": {}`))
		require.True(t, json.Valid(bare), file)
		if string(bare) != string(history) {
			traced++
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			first, second := replayed(t, history), replayed(t, history)
			require.Empty(t, first.Ended(), "a replay is no run")
			require.Len(t, first.Started(), 1)
			require.Equal(t, first.Started()[0].SpanContext().SpanID(), second.Started()[0].SpanContext().SpanID(), "the span of a run is the same on every replay")
			require.Empty(t, replayed(t, bare).Ended(), "without a trace")
		})
	}
	require.GreaterOrEqual(t, traced, 2)
}

func TestATraceSurvivesAHeader(t *testing.T) {
	t.Parallel()
	state, err := trace.ParseTraceState("a=1,b=2")
	require.NoError(t, err)
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled, TraceState: state})
	header := map[string]*commonpb.Payload{}
	inject(header, span)
	require.True(t, extract(header).Equal(span.WithRemote(true)))
}

func TestNoTraceLeavesAHeaderAsItIs(t *testing.T) {
	t.Parallel()
	header := map[string]*commonpb.Payload{}
	inject(header, trace.SpanContext{})
	require.Empty(t, header)
}

func TestAHeaderThatIsNoTraceIsNone(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]any{
		"another shape": []int{1}, "nothing in it": map[string]string{}, "nonsense": map[string]string{"traceparent": "x"}, "another encoding": []byte{0xff},
	} {
		payload, err := converter.GetDefaultDataConverter().ToPayload(value)
		require.NoError(t, err)
		require.False(t, extract(map[string]*commonpb.Payload{headerKey: payload}).IsValid(), name)
	}
}

func TestTheIDsOfARunFollowFromItsExecution(t *testing.T) {
	t.Parallel()
	require.Equal(t, idsOf("0198-a"), idsOf("0198-a"))
	require.NotEqual(t, idsOf("0198-a").span, idsOf("0198-b").span)
	fixed := idsOf("0198-a")
	traceID, spanID := ids{}.NewIDs(withFixedIDs(t.Context(), fixed))
	require.Equal(t, fixed.trace, traceID)
	require.Equal(t, fixed.span, spanID)
	require.Equal(t, fixed.span, ids{}.NewSpanID(withFixedIDs(t.Context(), fixed), trace.TraceID{9}))
	someTrace, someSpan := ids{}.NewIDs(t.Context())
	require.True(t, someTrace.IsValid())
	require.NotEqual(t, someSpan, ids{}.NewSpanID(t.Context(), someTrace))
}
