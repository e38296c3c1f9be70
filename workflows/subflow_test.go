package workflows_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"

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

const callNode = "  - { key: call, type: subflow, config: { flow: called, input: 1 } }\n"

func TestAStoreThatIsAwayForAMomentIsAskedAgain(t *testing.T) {
	t.Parallel()
	trial := try(t, callNode, nil)
	attempts := trial.loads(t, "  - { key: out, type: output, config: { value: '{{ trigger.input }}' } }\n",
		activities.LoadAttempts-1)
	require.Equal(t, everhook.Resolved, trial.run(t).Status)
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
