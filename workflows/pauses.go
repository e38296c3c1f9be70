package workflows

import (
	"context"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook/activities"
)

type pacedWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
}

func (w *pacedWorkflow) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	return w.Next.Init(&pacedEffects{interceptor.WorkflowOutboundInterceptorBase{Next: outbound}})
}

// pacedEffects removes the pauses of a node from Temporal's retry policy, see activities.Pauses. A replay does not
// compare options of activities.
type pacedEffects struct {
	interceptor.WorkflowOutboundInterceptorBase
}

func (e *pacedEffects) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	options := workflow.GetActivityOptions(ctx)
	if _, effect := EffectOf(ctx); !effect || options.RetryPolicy == nil {
		return e.Next.ExecuteActivity(ctx, name, args...)
	}
	policy := *options.RetryPolicy
	header, err := converter.GetDefaultDataConverter().ToPayload(activities.Pauses{Initial: policy.InitialInterval,
		Backoff: policy.BackoffCoefficient, Max: policy.MaximumInterval})
	if err != nil {
		return e.Next.ExecuteActivity(ctx, name, args...) // numbers are sure to encode
	}
	interceptor.WorkflowHeader(ctx)[activities.PausesHeader] = header
	policy.InitialInterval, policy.BackoffCoefficient = activities.LostPause, 1
	// Temporal refuses a maximum below the first pause: the workflow task would fail for ever.
	policy.MaximumInterval = max(policy.MaximumInterval, activities.LostPause)
	options.RetryPolicy = &policy
	return e.Next.ExecuteActivity(workflow.WithActivityOptions(ctx, options), name, args...)
}

// withPauses passes the pauses of an activity's header to the frame of effects.
func withPauses(ctx context.Context) context.Context {
	header, ok := interceptor.Header(ctx)[activities.PausesHeader]
	if !ok {
		return ctx
	}
	var pauses activities.Pauses
	if converter.GetDefaultDataConverter().FromPayload(header, &pauses) != nil {
		return ctx
	}
	return activities.WithPauses(ctx, pauses)
}
