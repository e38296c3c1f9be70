package workflows

import (
	"context"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

// WorkerOption is an option of NewWorker.
type WorkerOption func(*workerSettings)

type workerSettings struct {
	maxResult int
	// cachedRuns is how many waiting runs are kept in memory; 0 for the SDK's number.
	cachedRuns int
	// effects is how many effects are under way at the same time.
	effects int
	// stopping ends when running effects are cut off.
	stopping context.Context
}

// CachedRuns bounds the runs that workers of this process keep in memory while they wait. Other runs are read from
// Temporal and replayed when they continue. The SDK has one cache for a process, which the first worker makes.
func CachedRuns(number int) WorkerOption {
	return func(s *workerSettings) { s.cachedRuns = number }
}

// Effects bounds the effects under way at the same time, of all flows together; 0: places.Default. One flow has at most
// four fifths of them.
func Effects(number int) WorkerOption {
	return func(s *workerSettings) {
		if number > 0 {
			s.effects = number
		}
	}
}

// LargePayloads sets the limit of results of effects, in bytes as JSON: MaxStoredPayload if the client keeps large
// payloads outside of histories; 0: Temporal's own limit.
func LargePayloads(bytes int) WorkerOption {
	return func(s *workerSettings) {
		if bytes > 0 {
			s.maxResult = bytes
		}
	}
}

// resultGuard turns a result that Temporal would refuse into an error of type limit, which is not retried, because the
// effect has happened. It also cuts errors that are too large. Without it an outside effect could fail in ways that no
// flow can catch: an activity is retried although it succeeded, and a local activity fails its workflow task for ever.
//
// It also keeps the pauses of nodes, see pacedEffects, and cancels effects when the worker stops, before the SDK does:
// the SDK would not report the results of those that ended in time.
type resultGuard struct {
	interceptor.WorkerInterceptorBase
	maxResult int
	stopping  context.Context
}

// InterceptWorkflow is called once for each run in the cache of a worker.
func (g *resultGuard) InterceptWorkflow(_ workflow.Context,
	next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &pacedWorkflow{interceptor.WorkflowInboundInterceptorBase{Next: next}}
}

// InterceptActivity is called once for each attempt.
func (g *resultGuard) InterceptActivity(_ context.Context,
	next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &guardedActivity{maxResult: g.maxResult, stopping: g.stopping}
	i.Next = next
	return i
}

type guardedActivity struct {
	interceptor.ActivityInboundInterceptorBase
	maxResult int
	stopping  context.Context
}

func (i *guardedActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	effect, cancel := context.WithCancelCause(withPauses(ctx))
	defer cancel(nil)
	defer context.AfterFunc(i.stopping, func() { cancel(context.Cause(i.stopping)) })()
	result, err := i.Next.ExecuteActivity(effect, in)
	if err != nil {
		return result, i.cut(ctx, err)
	}
	if size := i.size(result); size > i.maxResult {
		return nil, tooLarge("the result of", ctx, size, i.maxResult)
	}
	return result, nil
}

// cut replaces an error that is too large for Temporal.
func (i *guardedActivity) cut(ctx context.Context, err error) error {
	if size := temporal.GetDefaultFailureConverter().ErrorToFailure(err).Size(); size > i.maxResult {
		return tooLarge("the error of", ctx, size, i.maxResult)
	}
	return err
}

// size returns the size of a result as Temporal gets it, or as JSON if large ones are kept elsewhere.
func (i *guardedActivity) size(result any) int {
	if i.maxResult > maxResult {
		return encodedSize(result)
	}
	encoded, err := DataConverter().ToPayloads(result)
	if err != nil {
		return 0 // The SDK comes to the same error.
	}
	return encoded.Size()
}

func tooLarge(what string, ctx context.Context, size, limit int) error {
	return activities.Fail(everhook.Errorf(everhook.TypeLimit, "%s the effect %s has %d bytes, of %d; ask for less",
		what, activity.GetInfo(ctx).ActivityType.Name, size, limit), false, 0)
}
