package workflows_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// loads replaces every called flow by one with the given nodes, after some failed attempts.
func (try *trial) loads(t *testing.T, list string, failing int) *int {
	called := tryFlow(t, "key: called\nmode: async\ntrigger: { type: call }\nnodes:\n"+list, nil, nodes.Standard())
	attempts := 0
	// The test environment compares deadlines of local activities with the real time.
	try.SetStartTime(time.Now())
	try.RegisterActivityWithOptions(func(context.Context, activities.LoadSubflowInput) (activities.LoadedSubflow,
		error) {
		if attempts++; attempts <= failing {
			return activities.LoadedSubflow{},
				activities.Fail(everhook.Errorf(everhook.TypeUnavailable, "the store is away"), true, 0)
		}
		return activities.LoadedSubflow{Definition: json.RawMessage(called.definition), Version: 2, Title: "called",
			Trigger: "call"}, nil
	}, activity.RegisterOptions{Name: activities.LoadSubflow})
	return &attempts
}

// called makes every called flow one that gives its input as output, loaded as given, and watches the calls.
func (try *trial) called(t *testing.T, of activities.LoadedSubflow) *witness {
	called := tryFlow(t, "key: called\nmode: async\ntrigger: { type: call }\nnodes: [ { key: a, type: output, "+
		"config: { value: '{{ trigger.input }}' } } ]", nil, nodes.Standard())
	of.Definition, of.Version, of.Title, of.Trigger = json.RawMessage(called.definition), 2, "Called", "call"
	try.SetStartTime(time.Now())
	try.RegisterActivityWithOptions(func(context.Context, activities.LoadSubflowInput) (activities.LoadedSubflow,
		error) {
		return of, nil
	}, activity.RegisterOptions{Name: activities.LoadSubflow})
	return try.watched()
}

// TestWhatACalledRunGets checks the start of a child, and what Temporal is asked for.
func TestWhatACalledRunGets(t *testing.T) {
	t.Parallel()
	const together = `
  - key: each
    type: loop
    config: { over: 2, concurrency: 2 }
    branches: { do: [ { key: call, type: subflow, config: { flow: called, input: 1 } } ] }
`
	without := strings.Replace(callNode, "input: 1", "input: 1, wait: false", 1)
	derived := func(of everhook.RunID) everhook.RunID { return everhook.DerivedRunID([]byte(of), "call/") }
	for name, test := range map[string]struct {
		nodes  string
		change func(*workflows.Start)
		loaded activities.LoadedSubflow
		check  func(*testing.T, calledRun)
	}{
		"a plain call": {callNode, func(s *workflows.Start) { s.Budget.Steps, s.MaxPayload = 99, 5<<20 },
			activities.LoadedSubflow{Env: map[string]string{"A": "b"}}, func(t *testing.T, c calledRun) {
				require.Equal(t, 2, c.start.Version)
				require.Equal(t, workflows.Level, c.start.Level)
				require.Equal(t, 1, c.start.Depth)
				require.Equal(t, 99, c.start.Budget.Steps)
				require.Equal(t, 5<<20, c.start.MaxPayload)
				require.Equal(t, map[string]string{"A": "b"}, c.start.Env)
				require.Equal(t, 0, *c.start.Descendants, "the flow calls no other")
				require.Zero(t, c.start.InFlight, "the caller has the engine's number, and so has the run")
				require.Empty(t, c.start.Origin)
				require.Equal(t, derived(runID), c.start.Delivery.RunID)
				require.Equal(t, 1, c.start.Delivery.Trigger["input"])
				require.Equal(t, enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL, c.options.ParentClosePolicy)
				require.Equal(t, everhook.WorkflowID("called", derived(runID)), c.options.WorkflowID)
				require.Equal(t, workflows.TaskQueue(workflows.Level), c.options.TaskQueue)
				require.Equal(t, "Called v2", c.options.StaticSummary)
				require.Equal(t, "called", c.options.Priority.FairnessKey)
				require.True(t, c.options.WaitForCancellation)
				require.Equal(t, map[string]any{workflows.MemoFlow: "called", workflows.MemoVersion: 2,
					workflows.MemoTitle: "Called", workflows.MemoCaller: everhook.WorkflowID("trial", runID)},
					c.options.Memo)
				require.Zero(t, c.options.TypedSearchAttributes.Size())
			}},
		"a flow that calls others": {callNode, func(*workflows.Start) {}, activities.LoadedSubflow{Calls: true},
			func(t *testing.T, c calledRun) { require.Equal(t, 99_999/16, *c.start.Descendants) }},
		"of few that are left": {callNode, func(s *workflows.Start) { s.Descendants = new(10) },
			activities.LoadedSubflow{Calls: true}, func(t *testing.T, c calledRun) {
				require.Equal(t, 9, *c.start.Descendants)
			}},
		"by a retry": {callNode, func(s *workflows.Start) { s.Origin = "originoriginoriginorigino" },
			activities.LoadedSubflow{}, func(t *testing.T, c calledRun) {
				require.Equal(t, derived(runID), c.start.Delivery.RunID)
				require.Equal(t, derived("originoriginoriginorigino"), c.start.Origin)
			}},
		"alone": {callNode, func(s *workflows.Start) { s.InFlight = 50 }, activities.LoadedSubflow{},
			func(t *testing.T, c calledRun) { require.Equal(t, 50, c.start.InFlight) }},
		"at the same time as others": {together, func(s *workflows.Start) { s.InFlight = 50 },
			activities.LoadedSubflow{}, func(t *testing.T, c calledRun) { require.Equal(t, 10, c.start.InFlight) }},
		"at the same time, with few slots": {together, func(s *workflows.Start) { s.InFlight = 3 },
			activities.LoadedSubflow{}, func(t *testing.T, c calledRun) { require.Equal(t, 1, c.start.InFlight) }},
		"without waiting": {without, func(s *workflows.Start) { s.InFlight = 50 }, activities.LoadedSubflow{},
			func(t *testing.T, c calledRun) {
				require.Equal(t, 50, c.start.InFlight)
				require.Equal(t, enumspb.PARENT_CLOSE_POLICY_ABANDON, c.options.ParentClosePolicy)
			}},
		"with search attributes": {callNode, func(s *workflows.Start) { s.Attributes = true },
			activities.LoadedSubflow{}, func(t *testing.T, c calledRun) {
				require.True(t, c.start.Attributes)
				flow, _ := c.options.TypedSearchAttributes.GetKeyword(workflows.AttributeFlow)
				version, _ := c.options.TypedSearchAttributes.GetKeyword(workflows.AttributeVersion)
				require.Equal(t, []string{"called", "2"}, []string{flow, version})
			}},
		"as deep as can be": {callNode, func(s *workflows.Start) { s.Depth = 15 }, activities.LoadedSubflow{},
			func(t *testing.T, c calledRun) { require.Equal(t, 16, c.start.Depth) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			try := try(t, test.nodes, nil)
			test.change(&try.start)
			w := try.called(t, test.loaded)
			outcome := try.run(t)
			require.Equal(t, everhook.Resolved, outcome.Status, "%v", outcome.Error)
			require.NotEmpty(t, w.called)
			test.check(t, w.called[0])
		})
	}
}

func TestACallThatMayNotBeMadeSaysWhy(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*workflows.Start){
		"16 flows call each other to here, and one more is over the limit; does called call itself?": func(
			s *workflows.Start) {
			s.Depth = 16
		},
		"the run, and the flows that it calls, have started as many runs as they may; start fewer, or does a flow " +
			"call itself?": func(s *workflows.Start) { s.Descendants = new(0) },
	} {
		try := try(t, callNode, nil)
		change(&try.start)
		w := try.called(t, activities.LoadedSubflow{})
		outcome := try.run(t)
		require.Equal(t, everhook.TypeLimit, outcome.Error.Type)
		require.Equal(t, want, outcome.Error.Message)
		require.Empty(t, w.called)
	}
}

func TestTheFirstRunOfRetries(t *testing.T) {
	t.Parallel()
	start := workflows.Start{Delivery: everhook.Delivery{RunID: runID}}
	require.Equal(t, runID, start.First())
	start.Origin = "origin"
	require.Equal(t, everhook.RunID("origin"), start.First())
}

const callNode = "  - { key: call, type: subflow, config: { flow: called, input: 1 } }\n"

func TestAStoreThatIsAwayForAMomentIsAskedAgain(t *testing.T) {
	t.Parallel()
	trial := try(t, callNode, nil)
	attempts := trial.loads(t, "  - { key: out, type: output, config: { value: '{{ trigger.input }}' } }\n",
		activities.LoadAttempts-1)
	w := trial.watched()
	require.Equal(t, everhook.Resolved, trial.run(t).Status)
	require.Equal(t, []workflow.LocalActivityOptions{{StartToCloseTimeout: activities.LoadTimeout,
		ScheduleToCloseTimeout: activities.LoadWithin, Summary: "call", RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 200 * time.Millisecond, BackoffCoefficient: 3, MaximumInterval: 5 * time.Second,
			MaximumAttempts: activities.LoadAttempts}}}, w.local)
	require.Equal(t, 1, trial.steps(t)[0].Result.V)
	require.Equal(t, activities.LoadAttempts, *attempts)
}

func TestAStoreThatStaysAwayIsAnErrorOfTheStep(t *testing.T) {
	t.Parallel()
	trial := try(t, callNode, nil)
	attempts := trial.loads(t, "  []\n", 1000)
	outcome := trial.run(t)
	require.Equal(t, everhook.Errored, outcome.Status)
	require.Equal(t, everhook.TypeUnavailable, outcome.Error.Type)
	require.Equal(t, "the store is away", outcome.Error.Message)
	require.Equal(t, activities.LoadAttempts, *attempts)
}

func TestASignalToAbortReachesSubflowsAlone(t *testing.T) {
	t.Parallel()
	for depth, want := range map[int]everhook.Status{0: everhook.Resolved, 1: everhook.Aborted} {
		trial := try(t, "  - { key: pause, type: delay, config: { duration: 1h } }\n", nil)
		trial.start.Depth = depth
		trial.RegisterDelayedCallback(func() { trial.SignalWorkflow(workflows.AbortSignal, nil) }, time.Minute)
		require.Equal(t, want, trial.run(t).Status)
	}
}
