package telemetry

import (
	"context"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

// headerKey is the key of traces in Temporal's headers, common to all SDKs: a mapping of traceparent and tracestate.
const headerKey = "_tracer-data"

// tracing propagates the trace of a delivery to its run, its activities and its children, and makes spans of runs and
// activities.
//
// Temporal's own interceptor ends the span of a run whenever the worker evicts it, also after a query, and gives the
// span another ID on every replay. Here the ID follows from the ID of the execution, and the span ends only when the
// execution closes, never on a replay. So a run has one span whatever happens to its workers. Nothing here affects a
// command, so a replay is the same with and without it.
type tracing struct {
	interceptor.InterceptorBase
	tracer trace.Tracer
	counts counts
}

// counts counts ends; *Telemetry implements it.
type counts interface {
	// RunEnded is called once for every run that closes on a worker of this process.
	RunEnded(flow string, status everhook.Status, took time.Duration)
	// AttemptEnded is called for every attempt of an effect that ends.
	AttemptEnded(effect string, status everhook.Status)
}

func newTracing(tracer trace.Tracer, c counts) interceptor.Interceptor {
	return &tracing{tracer: tracer, counts: c}
}

func (t *tracing) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	return &starts{interceptor.ClientOutboundInterceptorBase{Next: next}}
}

func (t *tracing) InterceptWorkflow(_ workflow.Context,
	next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &runs{interceptor.WorkflowInboundInterceptorBase{Next: next}, t}
}

func (t *tracing) InterceptActivity(_ context.Context,
	next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &effects{interceptor.ActivityInboundInterceptorBase{Next: next}, t}
}

// starts passes the trace of the starter to runs.
type starts struct {
	interceptor.ClientOutboundInterceptorBase
}

func (s *starts) ExecuteWorkflow(ctx context.Context,
	in *interceptor.ClientExecuteWorkflowInput) (client.WorkflowRun, error) {
	inject(interceptor.Header(ctx), trace.SpanContextFromContext(ctx))
	return s.Next.ExecuteWorkflow(ctx, in)
}

func (s *starts) UpdateWithStartWorkflow(ctx context.Context,
	in *interceptor.ClientUpdateWithStartWorkflowInput) (client.WorkflowUpdateHandle, error) {
	inject(interceptor.Header(ctx), trace.SpanContextFromContext(ctx))
	return s.Next.UpdateWithStartWorkflow(ctx, in)
}

// runs makes the span of a run, and passes it to everything that the run starts.
type runs struct {
	interceptor.WorkflowInboundInterceptorBase
	*tracing
}

func (r *runs) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	return r.Next.Init(&calls{interceptor.WorkflowOutboundInterceptorBase{Next: outbound}})
}

// runKey is the key of the traces in a workflow context.
type runKey struct{}

// traces are the trace of the starter, and that of the run.
type traces struct{ parent, run trace.SpanContext }

func (r *runs) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	info := workflow.GetInfo(ctx)
	parent := extract(interceptor.WorkflowHeader(ctx))
	flow, _, isRun := everhook.ParseWorkflowID(info.WorkflowExecution.ID)
	name := "run"
	if !isRun {
		name = "loop" // an execution that continues a loop of a run
	}
	_, span := r.tracer.Start(withFixedIDs(trace.ContextWithRemoteSpanContext(context.Background(), parent),
		idsOf(info.WorkflowExecution.RunID)),
		name, trace.WithSpanKind(trace.SpanKindInternal), trace.WithTimestamp(info.WorkflowStartTime))
	result, err := r.Next.ExecuteWorkflow(workflow.WithValue(ctx, runKey{}, traces{parent, span.SpanContext()}), in)
	// An evicted run does not get here.
	if workflow.IsReplaying(ctx) {
		return result, err
	}
	status, now := statusOf(err), workflow.Now(ctx)
	if isRun && status.Ended() {
		r.counts.RunEnded(flow, status, now.Sub(info.WorkflowStartTime))
	}
	if span.IsRecording() {
		describeRun(span, info.WorkflowExecution.ID, status)
		span.End(trace.WithTimestamp(now))
	}
	return result, err
}

// idsOf derives the IDs of a run's span from the execution's ID, which is random.
func idsOf(execution string) fixed {
	sum := sha256.Sum256([]byte(execution))
	return fixed{trace: trace.TraceID(sum[:16]), span: trace.SpanID(sum[16:24])}
}

// statusOf returns the status of a run from its final error; a run that continues in another execution is pending.
func statusOf(err error) everhook.Status {
	failure, failed := errors.AsType[*temporal.ApplicationError](err)
	switch {
	case err == nil:
		return everhook.Resolved
	case workflow.IsContinueAsNewError(err):
		return everhook.Pending
	case failed:
		if status, err := everhook.ParseStatus(failure.Type()); err == nil {
			return status
		}
		return everhook.Errored
	default:
		return everhook.Cancelled
	}
}

func describeRun(span trace.Span, workflowID string, status everhook.Status) {
	switch status {
	case everhook.Failed, everhook.Errored, everhook.Aborted:
		span.SetStatus(codes.Error, "")
	default:
	}
	span.SetAttributes(attribute.String("everhook.status", string(status)))
	span.SetAttributes(identify(workflowID)...)
}

// identify returns the flow and the run of an execution: of the run itself, or of one that continues a loop of it.
func identify(workflowID string) []attribute.KeyValue {
	if parts := strings.SplitN(workflowID, "/", 3); len(parts) == 3 {
		workflowID = parts[0] + "/" + parts[1]
	}
	flow, run, _ := everhook.ParseWorkflowID(workflowID)
	return []attribute.KeyValue{attribute.String("everhook.flow", flow), attribute.String("everhook.run", string(run))}
}

// calls passes the trace of the run to activities and children.
type calls struct {
	interceptor.WorkflowOutboundInterceptorBase
}

func tracesOf(ctx workflow.Context) traces {
	t, _ := ctx.Value(runKey{}).(traces)
	return t
}

func (c *calls) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	inject(interceptor.WorkflowHeader(ctx), tracesOf(ctx).run)
	return c.Next.ExecuteActivity(ctx, activityType, args...)
}

func (c *calls) ExecuteChildWorkflow(ctx workflow.Context, childType string, args ...any) workflow.ChildWorkflowFuture {
	inject(interceptor.WorkflowHeader(ctx), tracesOf(ctx).run)
	return c.Next.ExecuteChildWorkflow(ctx, childType, args...)
}

// NewContinueAsNewError makes the next execution's span a sibling of this one.
func (c *calls) NewContinueAsNewError(ctx workflow.Context, next any, args ...any) error {
	inject(interceptor.WorkflowHeader(ctx), tracesOf(ctx).parent)
	return c.Next.NewContinueAsNewError(ctx, next, args...)
}

// effects makes a span of every attempt of an activity.
type effects struct {
	interceptor.ActivityInboundInterceptorBase
	*tracing
}

func (e *effects) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	ctx, span := e.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, extract(interceptor.Header(ctx))),
		info.ActivityType.Name)
	defer span.End()
	result, err := e.Next.ExecuteActivity(ctx, in)
	if errors.Is(err, activity.ErrResultPending) {
		return result, err
	}
	status := everhook.Resolved
	failure := activities.FromError(err)
	if failure != nil {
		status = failure.Status
	}
	e.counts.AttemptEnded(info.ActivityType.Name, status)
	if span.IsRecording() {
		span.SetAttributes(attribute.Int("everhook.attempt", int(info.Attempt)),
			attribute.String("everhook.status", string(status)))
		span.SetAttributes(identify(info.WorkflowExecution.ID)...)
		if failure != nil {
			// Only the type: a message may contain values.
			span.SetAttributes(attribute.String("error.type", failure.Type))
			span.SetStatus(codes.Error, "")
		}
	}
	return result, err
}

// inject writes a trace into a header; without a trace the header is unchanged.
func inject(header map[string]*commonpb.Payload, span trace.SpanContext) {
	if !span.IsValid() {
		return
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(trace.ContextWithSpanContext(context.Background(), span), carrier)
	if payload, err := converter.GetDefaultDataConverter().ToPayload(map[string]string(carrier)); err == nil {
		header[headerKey] = payload
	}
}

// extract reads a trace from a header. An invalid trace is ignored, because it must not stop a run.
func extract(header map[string]*commonpb.Payload) trace.SpanContext {
	payload, ok := header[headerKey]
	if !ok {
		return trace.SpanContext{}
	}
	carrier := propagation.MapCarrier{}
	if converter.GetDefaultDataConverter().FromPayload(payload, (*map[string]string)(&carrier)) != nil {
		return trace.SpanContext{}
	}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
}
