package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/nodes"
)

const queryNode = "  - { key: found, type: json-query, config: { input: '{{ trigger.body }}', engine: jsonpath, " +
	"query: '$.a' } }\n"

// queries replaces the local activity of json-query.
func (try *trial) queries(do func(activities.JSONQueryInput) (everhook.Value, error)) {
	try.RegisterActivityWithOptions(func(_ context.Context, input activities.JSONQueryInput) (everhook.Value,
		error) {
		return do(input)
	},
		activity.RegisterOptions{Name: activities.JSONQuery})
}

func answering(t *testing.T, list string) *trial {
	return tryFlow(t, "key: trial\nmode: sync\ntrigger: { type: webhook }\nnodes:\n"+list, map[string]any{"a": 1},
		nodes.Standard())
}

func TestALocalActivityGetsItsInputAndGivesItsResult(t *testing.T) {
	t.Parallel()
	trial := try(t, queryNode, map[string]any{"a": 1})
	trial.queries(func(input activities.JSONQueryInput) (everhook.Value, error) {
		require.Equal(t, activities.JSONPath, input.Engine)
		require.Equal(t, map[string]any{"a": 1}, input.Input.V)
		return everhook.Value{V: []any{1}}, nil
	})
	require.Equal(t, everhook.Resolved, trial.run(t).Status)
	require.Equal(t, []any{1}, trial.steps(t)[0].Result.V)
	require.Zero(t, trial.yields.Load())
}

func TestALocalActivityWaitsUntilTheAnswerHasLeft(t *testing.T) {
	t.Parallel()
	trial := answering(t, "  - { key: answer, type: response, config: { continue: true } }\n"+queryNode)
	before := int32(-1)
	trial.queries(func(activities.JSONQueryInput) (everhook.Value, error) {
		before = trial.yields.Load()
		return everhook.Value{}, nil
	})
	require.Equal(t, everhook.Resolved, trial.run(t).Status)
	require.Equal(t, int32(1), before)
}

func TestALocalActivityThatFailsIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	trial := try(t, queryNode, nil)
	attempts := 0
	trial.queries(func(activities.JSONQueryInput) (everhook.Value, error) {
		attempts++
		return everhook.Value{}, activities.Fail(everhook.Errorf(everhook.TypeQuery, "it fails"), true, 0)
	})
	outcome := trial.run(t)
	require.Equal(t, everhook.Errored, outcome.Status)
	require.Equal(t, everhook.TypeQuery, outcome.Error.Type)
	require.Equal(t, "found", outcome.Error.Node)
	require.Equal(t, "it fails", outcome.Error.Message)
	require.Equal(t, 1, attempts)
}

func TestALocalActivityThatPanicsIsAnErrorOfItsStep(t *testing.T) {
	t.Parallel()
	trial := try(t, queryNode, nil)
	trial.queries(func(activities.JSONQueryInput) (everhook.Value, error) { panic("a defect") })
	outcome := trial.run(t)
	require.Equal(t, everhook.Errored, outcome.Status)
	require.Equal(t, everhook.TypeInternal, outcome.Error.Type)
	require.Contains(t, outcome.Error.Message, "a defect")
}

func TestACancelledRunStartsNoLocalActivity(t *testing.T) {
	t.Parallel()
	trial := try(t, "  - { key: pause, type: delay, onError: continue, config: { duration: 1h } }\n"+queryNode, nil)
	called := false
	trial.queries(func(activities.JSONQueryInput) (everhook.Value, error) {
		called = true
		return everhook.Value{},
			nil
	})
	trial.RegisterDelayedCallback(trial.CancelWorkflow, time.Minute)
	require.Equal(t, everhook.Cancelled, trial.run(t).Status)
	require.False(t, called)
}
