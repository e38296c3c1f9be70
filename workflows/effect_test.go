package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/workflows"
)

// witness records for which step each activity is called, the engine's own as "-", and its retry policy.
type witness struct {
	interceptor.WorkerInterceptorBase
	calls    []string
	policies []*temporal.RetryPolicy
}

func (w *witness) InterceptWorkflow(_ workflow.Context,
	next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &witnessInbound{interceptor.WorkflowInboundInterceptorBase{Next: next}, w}
}

type witnessInbound struct {
	interceptor.WorkflowInboundInterceptorBase
	witness *witness
}

func (i *witnessInbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&witnessOutbound{interceptor.WorkflowOutboundInterceptorBase{Next: next}, i.witness})
}

type witnessOutbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	witness *witness
}

func (o *witnessOutbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	called := "-"
	if effect, ok := workflows.EffectOf(ctx); ok {
		called = effect.Node.Key + " " + effect.Iteration
	}
	o.witness.calls = append(o.witness.calls, name+" "+called)
	o.witness.policies = append(o.witness.policies, workflow.GetActivityOptions(ctx).RetryPolicy)
	return o.Next.ExecuteActivity(ctx, name, args...)
}

func TestInterceptorsKnowForWhichStepAnActivityIsCalled(t *testing.T) {
	t.Parallel()
	try := try(t, `
  - key: lines
    type: loop
    config: { over: '2' }
    branches:
      do:
        - { key: ask, title: Another name, type: http-request, timeout: 5s, config: { url: 'https://a.example' } }
        - { key: work, type: calculation, config: { expression: 'count(1..100000, # > 0)' } }
`, nil)
	w := &witness{}
	try.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{w}})
	try.run(t)
	require.Contains(t, w.calls, activities.HTTPRequest+" ask lines[0]")
	require.Contains(t, w.calls, activities.HTTPRequest+" ask lines[1]")
	require.Contains(t, w.calls, activities.Yield+" -")
}

// Temporal refuses a policy whose longest pause is below the first one, and then the run never goes on.
func TestTemporalGetsPausesThatItTakes(t *testing.T) {
	t.Parallel()
	for retry, longest := range map[string]time.Duration{
		"{ maxAttempts: 3, initialInterval: 10ms, maxInterval: 1m }":   time.Minute,
		"{ maxAttempts: 3, initialInterval: 10ms, maxInterval: 20ms }": activities.LostPause,
		"{ maxAttempts: 3, initialInterval: 99ms, maxInterval: 99ms }": activities.LostPause,
		"{ maxAttempts: 3, initialInterval: 10ms, maxInterval: 1s }":   time.Second,
	} {
		try := try(t, "  - { key: ask, type: http-request, timeout: 5s, retry: "+retry+
			", config: { url: 'https://a.example' } }\n", nil)
		w := &witness{}
		try.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{w, workflows.ResultGuard()}})
		try.run(t)
		require.Len(t, w.policies, 1, retry)
		require.Equal(t, activities.LostPause, w.policies[0].InitialInterval, retry)
		require.Equal(t, longest, w.policies[0].MaximumInterval, retry)
	}
}
