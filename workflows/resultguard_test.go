package workflows_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/workflows"
)

func TestAResultThatTemporalWouldRefuseIsAFinalError(t *testing.T) {
	noise := func(bytes int) string {
		var text strings.Builder
		for text.Len() < bytes {
			text.WriteString(string(everhook.NewRunID()))
		}
		return text.String()
	}
	for name, test := range map[string]struct {
		option workflows.WorkerOption
		result any
		err    error
		// want is a part of the message; empty if the result is kept.
		want string
	}{
		"a small result":                   {workflows.LargePayloads(0), "small", nil, ""},
		"no result":                        {workflows.LargePayloads(0), nil, nil, ""},
		"a large one that compresses well": {workflows.LargePayloads(0), strings.Repeat("a", 8<<20), nil, ""},
		"a large one that does not": {workflows.LargePayloads(0), noise(4 << 20), nil,
			"the result of the effect ours has"},
		"the same where large ones are kept": {workflows.LargePayloads(workflows.MaxStoredPayload), noise(4 << 20),
			nil, ""},
		"larger than is kept, however it packs": {workflows.LargePayloads(workflows.MaxStoredPayload),
			strings.Repeat("a", 17<<20), nil, "of 16777216; ask for less"},
		"an error": {workflows.LargePayloads(0), nil, errors.New("odd"), "odd"},
		"an error that is larger than is kept": {workflows.LargePayloads(0), nil, errors.New(noise(3 << 20)),
			"the error of the effect ours has"},
		"an error whose details are too large": {workflows.LargePayloads(0), nil,
			temporal.NewApplicationError("odd", "odd", noise(3<<20)), "the error of the effect ours has"},
		"an error with details that can be kept": {workflows.LargePayloads(0), nil,
			temporal.NewApplicationError("odd", "odd", noise(1<<20)), "odd"},
	} {
		t.Run(name, func(t *testing.T) {
			var suite testsuite.WorkflowTestSuite
			env := suite.NewTestActivityEnvironment()
			env.SetDataConverter(workflows.DataConverter())
			env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{
				workflows.ResultGuard(test.option)}})
			env.RegisterActivityWithOptions(func(context.Context) (any, error) { return test.result, test.err },
				activity.RegisterOptions{Name: "ours"})
			_, err := env.ExecuteActivity("ours")
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
			if strings.Contains(test.want, "effect") {
				require.Equal(t, everhook.TypeLimit, activities.FromError(err).Type)
				application, ok := errors.AsType[*temporal.ApplicationError](err)
				require.True(t, ok)
				require.True(t, application.NonRetryable())
			}
		})
	}
}
