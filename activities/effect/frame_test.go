package effect_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/activities/effect"
)

// inWorkflow calls a function from a workflow, with the options that the engine gives to a node with that timeout.
func inWorkflow(t *testing.T, timeout time.Duration, function effect.Function[input, string], beat func()) error {
	t.Helper()
	made := effect.New(effect.Spec[input, string]{Name: "acme.try",
		Build: func(activities.Dependencies) effect.Function[input, string] { return function }})
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivityWithOptions(made.Activity(activities.Dependencies{}),
		activity.RegisterOptions{Name: made.Name()})
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var reported activities.Heartbeat
		if details.Get(&reported) == nil && reported.Attempt == 1 {
			beat()
		}
	})
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		options := workflow.ActivityOptions{StartToCloseTimeout: timeout + activities.Grace,
			HeartbeatTimeout: activities.HeartbeatTimeout, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}}
		return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), made.Name(), input{}).Get(ctx, nil)
	})
	return env.GetWorkflowError()
}

func TestAnAttemptEndsWithTheTimeoutOfItsNode(t *testing.T) {
	t.Parallel()
	began := time.Now()
	err := inWorkflow(t, 20*time.Millisecond, func(ctx context.Context, _ input) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}, func() {})
	require.Less(t, time.Since(began), activities.Grace, "it reports before the server notices")
	told := activities.FromError(err)
	require.NotNil(t, told)
	require.Equal(t, everhook.TypeTimeout, told.Type)
	require.Contains(t, told.Message, "raise the node's timeout")
}

func TestALongAttemptReportsWhileItWorks(t *testing.T) {
	t.Parallel()
	reported := make(chan struct{}, 10)
	require.NoError(t, inWorkflow(t, time.Minute, func(ctx context.Context, _ input) (string, error) {
		select {
		case <-reported:
			return "", nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}, func() { reported <- struct{}{} }))
}
