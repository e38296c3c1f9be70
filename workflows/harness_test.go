package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/packed"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/workflows"
)

var received = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

const runID = everhook.RunID("abcdefghijklmnopqrstuvwxyz")

// trial is one run of a flow in Temporal's test environment.
type trial struct {
	*testsuite.TestWorkflowEnvironment
	definition []byte
	start      workflows.Start
	// yields counts the breaks of the workflow task, effects the performed effects.
	yields, effects atomic.Int32
	// effect performs every effect; nil answers with status 200.
	effect func(activities.HTTPRequestInput) (activities.HTTPRequestResult, error)
}

// try prepares a run of an async flow with these nodes.
func try(t *testing.T, list string, body any) *trial {
	return tryFlow(t, "key: trial\ntitle: A trial\nmode: async\ntrigger: { type: webhook }\nnodes:\n"+list, body,
		nodes.Standard())
}

func tryFlow(t *testing.T, text string, body any, registry *kind.Registry) *trial {
	flow, problems := flowfile.Load("trial.yaml", []byte(text), registry)
	require.Empty(t, problems.Errors())
	return tryDefinition(t, flow.Definition, body, registry)
}

func tryDefinition(t *testing.T, of *everhook.Definition, body any, registry *kind.Registry) *trial {
	definition, err := everhook.EncodeJSON(of)
	require.NoError(t, err)
	body, err = everhook.Canonical(body)
	require.NoError(t, err)

	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	try := &trial{TestWorkflowEnvironment: suite.NewTestWorkflowEnvironment(), definition: definition,
		start: workflows.Start{
			Level: workflows.Level, Version: 3,
			Delivery: everhook.Delivery{RunID: runID, ReceivedAt: received,
				Trigger: everhook.Mapping{"headers": map[string]any{}, "query": map[string]any{}, "body": body}},
		}}
	try.SetDataConverter(workflows.DataConverter())
	try.SetStartTime(received)
	try.SetTestTimeout(time.Minute)
	try.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute})
	workflows.NewInterpreter(compile.NewVersions(registry)).Keeping(alwaysPacking()).Register(try)
	try.RegisterActivityWithOptions(func(context.Context) error { try.yields.Add(1); return nil },
		activity.RegisterOptions{Name: activities.Yield})
	try.RegisterActivityWithOptions(func(_ context.Context,
		input activities.HTTPRequestInput) (activities.HTTPRequestResult, error) {
		try.effects.Add(1)
		if try.effect == nil {
			return activities.HTTPRequestResult{Status: 200, Attempts: 1}, nil
		}
		return try.effect(input)
	}, activity.RegisterOptions{Name: activities.HTTPRequest})
	return try
}

// alwaysPacking is a store that packs every value as soon as it can, so that runs and replays use packed values all the
// time.
var alwaysPacking = sync.OnceValue(func() *packed.Store {
	store, err := packed.NewStore(packed.Options{Idle: time.Millisecond, Above: 1})
	if err != nil {
		panic(err)
	}
	return store
})

// run runs the flow to its end.
func (try *trial) run(t *testing.T) everhook.Outcome {
	try.ExecuteWorkflow(workflows.RunWorkflow, json.RawMessage(try.definition), try.start)
	require.True(t, try.IsWorkflowCompleted())
	var outcome everhook.Outcome
	err := try.GetWorkflowError()
	if err == nil {
		require.NoError(t, try.GetWorkflowResult(&outcome))
		return outcome
	}
	if cancelled, ok := errors.AsType[*temporal.CanceledError](err); ok {
		require.NoError(t, cancelled.Details(&outcome))
		return outcome
	}
	failure, ok := errors.AsType[*temporal.ApplicationError](err)
	require.True(t, ok, "%v", err)
	require.NoError(t, failure.Details(&outcome), "%v", err)
	require.Equal(t, string(outcome.Status), failure.Type())
	require.True(t, failure.NonRetryable())
	return outcome
}

// page queries a part of the step log.
func (try *trial) page(t *testing.T, from int) everhook.StepPage {
	encoded, err := try.QueryWorkflow(workflows.StepsQuery, from)
	require.NoError(t, err)
	var page everhook.StepPage
	require.NoError(t, encoded.Get(&page))
	return page
}

// steps returns the whole step log.
func (try *trial) steps(t *testing.T) []everhook.Step {
	var steps []everhook.Step
	for from := 1; from != 0; {
		page := try.page(t, from)
		steps, from = append(steps, page.Steps...), page.Next
	}
	return steps
}
