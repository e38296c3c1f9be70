package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/workflows"
)

// witness records for which step each activity is called, the engine's own as "-", and its retry policy.
type witness struct {
	interceptor.WorkerInterceptorBase
	calls    []string
	policies []*temporal.RetryPolicy
	// effects are the options of activities, called the runs that were called.
	effects []workflow.ActivityOptions
	called  []calledRun
	// local are the options of local activities.
	local []workflow.LocalActivityOptions
	// onActivity is called in workflow code, before an activity; nil for nothing.
	onActivity func(name string)
}

// calledRun is a child workflow as Temporal is asked for it.
type calledRun struct {
	options workflow.ChildWorkflowOptions
	start   workflows.Start
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
	options := workflow.GetActivityOptions(ctx)
	o.witness.policies = append(o.witness.policies, options.RetryPolicy)
	o.witness.effects = append(o.witness.effects, options)
	if o.witness.onActivity != nil {
		o.witness.onActivity(name)
	}
	return o.Next.ExecuteActivity(ctx, name, args...)
}

func (o *witnessOutbound) ExecuteChildWorkflow(ctx workflow.Context, name string,
	args ...any) workflow.ChildWorkflowFuture {
	if start, ok := args[1].(workflows.Start); ok && name == workflows.RunWorkflow {
		o.witness.called = append(o.witness.called, calledRun{workflow.GetChildWorkflowOptions(ctx), start})
	}
	return o.Next.ExecuteChildWorkflow(ctx, name, args...)
}

func (o *witnessOutbound) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	o.witness.local = append(o.witness.local, workflow.GetLocalActivityOptions(ctx))
	return o.Next.ExecuteLocalActivity(ctx, name, args...)
}

// watched adds a witness to the trial.
func (try *trial) watched() *witness {
	w := &witness{}
	try.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute,
		Interceptors: []interceptor.WorkerInterceptor{w}})
	return w
}

func TestAnEffectGetsTheTimesOfItsNode(t *testing.T) {
	t.Parallel()
	second := func(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
	for fields, want := range map[string]struct {
		timeout time.Duration
		policy  temporal.RetryPolicy
	}{
		"": {30 * time.Second, temporal.RetryPolicy{InitialInterval: second(1), BackoffCoefficient: 2,
			MaximumInterval: time.Minute, MaximumAttempts: 3}},
		"timeout: 7s,": {7 * time.Second, temporal.RetryPolicy{InitialInterval: second(1), BackoffCoefficient: 2,
			MaximumInterval: time.Minute, MaximumAttempts: 3}},
		"retry: { maxAttempts: 1 },": {30 * time.Second, temporal.RetryPolicy{InitialInterval: second(1),
			BackoffCoefficient: 2, MaximumInterval: time.Minute, MaximumAttempts: 1}},
		"retry: { maxAttempts: 5, initialInterval: 3s, backoff: 1, maxInterval: 4s },": {30 * time.Second,
			temporal.RetryPolicy{InitialInterval: second(3), BackoffCoefficient: 1, MaximumInterval: second(4),
				MaximumAttempts: 5}},
		"retry: { initialInterval: 2m },": {30 * time.Second, temporal.RetryPolicy{InitialInterval: second(120),
			BackoffCoefficient: 2, MaximumInterval: second(120), MaximumAttempts: 3}},
	} {
		try := try(t, "  - { key: ask, title: Ask them, type: http-request, "+fields+
			" config: { url: 'https://a.example' } }\n", nil)
		w := try.watched()
		require.Equal(t, everhook.Resolved, try.run(t).Status)
		require.Len(t, w.effects, 1, fields)
		got := w.effects[0]
		require.Equal(t, want.timeout+activities.Grace, got.StartToCloseTimeout, fields)
		require.Equal(t, activities.HeartbeatTimeout, got.HeartbeatTimeout, fields)
		require.Equal(t, "Ask them", got.Summary)
		require.Equal(t, "step-1.1", got.ActivityID)
		want.policy.MaximumAttempts += activities.SpareAttempts
		want.policy.NonRetryableErrorTypes = []string{"PanicError"}
		require.Equal(t, &want.policy, got.RetryPolicy, fields)
	}
}

func TestAnEffectIsFoundByItsActivityID(t *testing.T) {
	t.Parallel()
	require.Equal(t, "step-12.3", workflows.EffectID(12, 3))
	for id, want := range map[string]int{"step-12.3": 12, "step-7": 7, "12.3": -1, "step-.1": -1, "step-x.1": -1, "": -1,
		"other-1.1": -1} {
		step, ok := workflows.ParseEffectID(id)
		require.Equal(t, want >= 0, ok, id)
		if ok {
			require.Equal(t, want, step, id)
		}
	}
}

// TestLargeValuesAreSpreadOverWorkflowTasks hands five values of 1 MB over at the same time: two fit into one task.
func TestLargeValuesAreSpreadOverWorkflowTasks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		size, breaks int
		stored       int
	}{
		"two fit":                     {1_000_000, 2, 0},
		"all fit":                     {500_000, 0, 0},
		"one fits":                    {1_400_000, 4, 0},
		"kept outside, but for a MiB": {1_400_000, 2, workflows.MaxStoredPayload},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			try := try(t, `
  - key: each
    type: loop
    config: { over: 5, concurrency: 5 }
    branches:
      do: [ { key: send, type: http-request, config: { method: POST, url: 'https://a.example', body: '{{ trigger.body }}' } } ]
`, strings.Repeat("x", test.size))
			try.start.MaxPayload = test.stored
			w, length, tasks := try.watched(), 3, []int{0}
			w.onActivity = func(name string) {
				if name != activities.Yield {
					tasks[len(tasks)-1]++
					return
				}
				length += 6
				try.SetCurrentHistoryLength(length)
				tasks = append(tasks, 0)
			}
			outcome := try.run(t)
			require.Equal(t, everhook.Resolved, outcome.Status, "%v", outcome.Error)
			require.Len(t, tasks, test.breaks+1)
			for _, effects := range tasks {
				require.LessOrEqual(t, effects, 5/len(tasks)+1, tasks)
			}
		})
	}
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
		require.InDelta(t, 1, w.policies[0].BackoffCoefficient, 0, retry)
	}
}
