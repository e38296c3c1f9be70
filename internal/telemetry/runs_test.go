package telemetry

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// replayed replays a history on a worker that traces and must not count, and returns the spans that were begun and
// ended.
func replayed(t *testing.T, history []byte) *tracetest.SpanRecorder {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans), sdktrace.WithIDGenerator(ids{}))
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter: workflows.DataConverter(),
		Interceptors:  []interceptor.WorkerInterceptor{newTracing(provider.Tracer("test"), nil)},
	})
	require.NoError(t, err)
	workflows.NewInterpreter(compile.NewVersions(nodes.Standard())).Register(replayer)
	file := filepath.Join(t.TempDir(), "history.json")
	require.NoError(t, os.WriteFile(file, history, 0o600))
	require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(log.NewStructuredLogger(
		slog.New(slog.DiscardHandler)), file))
	return spans
}

// tracer matches the header that carries a trace, with the comma around it.
var tracer = regexp.MustCompile(`(?s)"header": \{\s*"fields": \{\s*"_tracer-data": \{.*?\}\s*,\s*"data": ` +
	`"[^"]*"\s*\}\s*\}\s*\}`)

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
			require.Equal(t, first.Started()[0].SpanContext().SpanID(), second.Started()[0].SpanContext().SpanID(),
				"the span of a run is the same on every replay")
			require.Empty(t, replayed(t, bare).Ended(), "without a trace")
		})
	}
	require.GreaterOrEqual(t, traced, 2)
}

func TestATraceSurvivesAHeader(t *testing.T) {
	t.Parallel()
	state, err := trace.ParseTraceState("a=1,b=2")
	require.NoError(t, err)
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2},
		TraceFlags: trace.FlagsSampled, TraceState: state})
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
		"another shape": []int{1}, "nothing in it": map[string]string{},
		"nonsense": map[string]string{"traceparent": "x"}, "another encoding": []byte{0xff},
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

func TestATraceGoesOnInChildrenAndInWhatContinuesARun(t *testing.T) {
	t.Parallel()
	parent := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2},
		TraceFlags: trace.FlagsSampled, Remote: true})
	header := map[string]*commonpb.Payload{}
	inject(header, parent)
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans), sdktrace.WithIDGenerator(ids{}))

	counted := &tally{}
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{
		newTracing(provider.Tracer("test"), counted)}})
	env.SetHeader(&commonpb.Header{Fields: header})
	child := func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		return workflow.ExecuteActivity(ctx, "effect").Get(ctx, nil)
	}
	root := func(ctx workflow.Context) error {
		if err := workflow.ExecuteChildWorkflow(ctx, "child").Get(ctx, nil); err != nil {
			return err
		}
		return workflow.NewContinueAsNewError(ctx, "root")
	}
	var seen trace.SpanContext
	env.RegisterWorkflowWithOptions(child, workflow.RegisterOptions{Name: "child"})
	env.RegisterWorkflowWithOptions(root, workflow.RegisterOptions{Name: "root"})
	env.RegisterActivityWithOptions(func(ctx context.Context) error {
		seen = trace.SpanContextFromContext(ctx)
		return nil
	}, activity.RegisterOptions{Name: "effect"})
	env.ExecuteWorkflow("root")

	var next *workflow.ContinueAsNewError
	require.ErrorAs(t, env.GetWorkflowError(), &next)
	require.True(t, extract(next.Header.GetFields()).Equal(parent), "what continues a run stands beside it")
	ended := spans.Ended()
	require.Len(t, ended, 3)
	effect, below, above := ended[0], ended[1], ended[2]
	require.Equal(t, "effect", effect.Name())
	require.Equal(t, seen, effect.SpanContext())
	require.Equal(t, below.SpanContext().SpanID(), effect.Parent().SpanID())
	require.Equal(t, above.SpanContext().SpanID(), below.Parent().SpanID())
	require.Equal(t, parent.SpanID(), above.Parent().SpanID())
	require.Equal(t, codes.Unset, above.Status().Code, "to go on is no failure")
	require.Equal(t, tally{"effect resolved"}, *counted, "neither of the two executions is a whole run")
}

// tally records what was counted.
type tally []string

func (c *tally) RunEnded(flow string, status everhook.Status, _ time.Duration) {
	*c = append(*c, flow+" "+string(status))
}

func (c *tally) AttemptEnded(effect string, status everhook.Status) {
	*c = append(*c, effect+" "+string(status))
}

func TestTheSpanOfARunTellsHowItEnded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status string
		code   codes.Code
	}{
		"resolved":                     {nil, "resolved", codes.Unset},
		"failed":                       {temporal.NewApplicationError("no", "failed"), "failed", codes.Error},
		"aborted":                      {temporal.NewApplicationError("late", "aborted"), "aborted", codes.Error},
		"a failure of the interpreter": {temporal.NewApplicationError("no", "panic"), "error", codes.Error},
		"rejected":                     {temporal.NewApplicationError("no", "rejected"), "rejected", codes.Unset},
		"cancelled":                    {temporal.NewCanceledError(), "cancelled", codes.Unset},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spans := tracetest.NewSpanRecorder()
			_, span := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test").Start(t.Context(),
				"run")
			describeRun(span, "shop/abcdefghijklmnopqrstuvwxyz", statusOf(c.err))
			span.End()
			require.Equal(t, c.code, spans.Ended()[0].Status().Code)
			require.Contains(t, spans.Ended()[0].Attributes(), attribute.String("everhook.status", c.status))
			require.Contains(t, spans.Ended()[0].Attributes(), attribute.String("everhook.flow", "shop"))
		})
	}
}
