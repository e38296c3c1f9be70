package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/workflows"
)

// callIn sends a call to a wait after some time, and records its result.
func (try *trial) callIn(after time.Duration, node, iteration string, body any, got *[]string) {
	try.RegisterDelayedCallback(func() {
		// The test environment keeps the outcome of a refused update, which the server does not.
		try.UpdateWorkflow(workflows.ResumeUpdate, fmt.Sprint("resume/", node, "/", iteration, after),
			&testsuite.TestUpdateCallback{
				OnAccept: func() {},
				OnReject: func(err error) { *got = append(*got, err.Error()) },
				OnComplete: func(v any, err error) {
					if err != nil {
						panic(err)
					}
					*got = append(*got, fmt.Sprint(v.(everhook.Answer).Status))
				},
			}, &everhook.ResumeCall{ID: "a call", Node: node, Iteration: iteration,
				Data:   everhook.Mapping{"body": body},
				Answer: everhook.Answer{Status: 200}})
	}, after)
}

// waitsLater reaches its waits after an hour.
const waitsLater = `
  - { key: pause, type: delay, config: { duration: 1h } }
  - key: each
    type: loop
    config: { over: 101, collect: 'nodes.one.body != nil' }
    branches: { do: [ { key: one, type: wait-for-call, config: { deadline: 1s, onDeadline: continue } } ] }
  - { key: last, type: wait-for-call, config: { deadline: 0 } }
  - { key: out, type: output, config: { value: 'count(nodes.each.items, #)' } }
`

func TestEarlyCallsAreBoundedInNumber(t *testing.T) {
	t.Parallel()
	try := try(t, strings.Replace(waitsLater, "'count(nodes.each.items, #)'", "'{{ count(nodes.each.items, #) }}'", 1),
		nil)
	var got, full, later []string
	for i := range 100 {
		try.callIn(time.Minute, "one", fmt.Sprintf("each[%d]", i), i, &got)
	}
	try.callIn(2*time.Minute, "one", "each[100]", 100, &full)
	try.callIn(2*time.Hour, "last", "", "now", &later)
	outcome := try.run(t)
	require.Len(t, got, 100)
	require.NotContains(t, strings.Join(got, ""), "full")
	require.Len(t, full, 1)
	require.Contains(t, full[0], "the run keeps 100 calls that came early")
	require.Contains(t, full[0], "everhook.full")
	require.Equal(t, []string{"200"}, later, "a call that is waited for is not early")
	require.Equal(t, 100, outcome.Output.V)
}

func TestEarlyCallsAreBoundedInSizeUntilTheyAreTaken(t *testing.T) {
	t.Parallel()
	try := try(t, `
  - { key: pause, type: delay, config: { duration: 1h } }
  - { key: first, type: wait-for-call }
  - { key: again, type: delay, config: { duration: 1h } }
  - { key: second, type: wait-for-call }
`, nil)
	large := strings.Repeat("x", 600<<10)
	var got []string
	try.callIn(time.Minute, "first", "", large, &got)
	try.callIn(2*time.Minute, "second", "", large, &got)
	try.callIn(90*time.Minute, "second", "", large, &got)
	require.Equal(t, everhook.Resolved, try.run(t).Status)
	require.Len(t, got, 3)
	require.Equal(t, "200", got[0])
	require.Contains(t, got[1], "everhook.full")
	require.Equal(t, "200", got[2], "the first was taken, and made room")
}

func TestTheSearchAttributeTellsWhatARunWaitsFor(t *testing.T) {
	t.Parallel()
	try := try(t, `
  - key: both
    type: parallel
    branches:
      left: [ { key: l, type: wait-for-call } ]
      right: [ { key: r, type: wait-for-call } ]
`, nil)
	try.start.Attributes = true
	var shown []string
	try.OnUpsertTypedSearchAttributes(mock.Anything).Run(func(args mock.Arguments) {
		shown = append(shown,
			fmt.Sprint(args.Get(0)))
	}).Return(nil)
	var got []string
	try.callIn(time.Minute, "l", "", 1, &got)
	try.callIn(2*time.Minute, "r", "", 2, &got)
	require.Equal(t, everhook.Resolved, try.run(t).Status)
	require.Len(t, shown, 4, "%v", shown)
}

func TestARunWithoutAPublicURLGivesNone(t *testing.T) {
	t.Parallel()
	try := try(t, `
  - { key: url, type: calculation, config: { expression: 'resumeUrl("done")' } }
  - { key: done, type: wait-for-call }
`, nil)
	outcome := try.run(t)
	require.Equal(t, everhook.Errored, outcome.Status)
	require.Contains(t, outcome.Error.Message, "without a URL that could resume it")
}

// withCalls gives a run its calls.
type withCalls struct {
	interceptor.WorkerInterceptorBase
	calls func(workflows.Effect) workflows.CannedCall
}

func (w *withCalls) InterceptWorkflow(_ workflow.Context,
	next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &calledWorkflow{interceptor.WorkflowInboundInterceptorBase{Next: next}, w}
}

type calledWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
	with *withCalls
}

func (c *calledWorkflow) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	return c.Next.ExecuteWorkflow(workflows.WithCalls(ctx, c.with.calls), in)
}

func TestARunIsTriedWithoutCallers(t *testing.T) {
	t.Parallel()
	body := everhook.Mapping{"body": "yes"}
	for name, test := range map[string]struct {
		call   workflows.CannedCall
		config string
		want   any
		after  time.Duration
	}{
		"at once": {workflows.CannedCall{Call: body}, "deadline: 1h", "yes", 0},
		"later": {workflows.CannedCall{Call: body, After: time.Minute}, "deadline: 1h", "yes",
			time.Minute},
		"a nanosecond later": {workflows.CannedCall{Call: body, After: 1}, "deadline: 1h", "yes", 1},
		"in time": {workflows.CannedCall{Call: body, After: time.Hour - 1}, "deadline: 1h", "yes",
			time.Hour - 1},
		"too late":           {workflows.CannedCall{Call: body, After: time.Hour}, "deadline: 1h", "deadline", time.Hour},
		"without a call":     {workflows.CannedCall{}, "deadline: 1h", "deadline", time.Hour},
		"without a deadline": {workflows.CannedCall{Call: body, After: 9 * time.Hour}, "", "yes", 9 * time.Hour},
		"with an error, later": {workflows.CannedCall{Err: everhook.Failuref(everhook.TypeStatus, "no"),
			After: 2 * time.Hour}, "deadline: 1h", everhook.TypeStatus, 2 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			try := tryLoops(t, "async", `
- { key: confirm, type: wait-for-call, onError: continue, config: { `+test.config+` } }
- { key: out, type: output, config: { value: '{{ errors.confirm.type ?? nodes.confirm.body }}' } }
`)
			try.start.Resume = everhook.NewResume("https://hooks/t", []byte("secret"), runID)
			with := &withCalls{calls: func(effect workflows.Effect) workflows.CannedCall {
				require.Equal(t, "confirm", effect.Node.Key)
				return test.call
			}}
			try.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute,
				Interceptors: []interceptor.WorkerInterceptor{with}})
			require.Equal(t, test.want, try.run(t).Output.V)
			require.Equal(t, test.after, try.Now().Sub(received))
		})
	}
}
