package workflows_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/workflows"
)

const payment = `
key: payment
title: Payment *callback*
mode: sync
trigger: { type: webhook }
nodes:
  - key: paid
    type: condition
    config: { expression: 'trigger.body.order.status == "paid"' }
    branches:
      then: [ { key: ok, type: response, config: { status: 200, body: { ok: true, id: '{{ trigger.body.order.id }}' } } } ]
      else: [ { key: ko, type: response, config: { status: 422, body: { ok: false } } } ]
`

func TestTheCallerGetsTheAnswerAndTheCloseEventKeepsIt(t *testing.T) {
	t.Parallel()
	try := tryFlow(t, payment, map[string]any{"order": map[string]any{"id": 7, "status": "paid"}}, nodes.Standard())
	try.start.Delivery.Digest = "digest"
	var answers []everhook.Answer
	ask := func() {
		try.UpdateWorkflow(workflows.AnswerUpdate, workflows.AnswerUpdate, &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { t.Error(err) },
			OnComplete: func(v any, err error) {
				require.NoError(t, err)
				answers = append(answers, v.(everhook.Answer))
			},
		})
	}
	try.RegisterDelayedCallback(ask, 0)
	outcome := try.run(t)
	want := everhook.Answer{Status: 200, Body: everhook.Of(map[string]any{"ok": true, "id": 7}), Digest: "digest"}
	require.Equal(t, []everhook.Answer{want}, answers)
	require.Equal(t, &want, outcome.Answer, "the close event has it too")
	require.Equal(t, everhook.Resolved, outcome.Status)
	require.Equal(t, want, workflows.DerivedAnswer(outcome, runID))
}

func TestAWorkerThatCannotRunTheFlowFailsTheTaskNotTheRun(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*trial){
		"of a later level":              func(try *trial) { try.start.Level = workflows.Level + 1 },
		"from before the first release": func(try *trial) { try.start.Level = workflows.FirstLevel - 1 },
		"with an unknown kind": func(try *trial) {
			try.definition = []byte(`{"key":"a","mode":"async","trigger":{"type":"webhook"},"nodes":[{"key":"a",` +
				`"type":"future"}]}`)
		},
		"that cannot be read": func(try *trial) { try.definition = []byte(`{"key":1}`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			try := tryFlow(t, payment, nil, nodes.Standard())
			change(try)
			try.ExecuteWorkflow(workflows.RunWorkflow, json.RawMessage(try.definition), try.start)
			panicked, ok := errors.AsType[*temporal.PanicError](try.GetWorkflowError())
			require.True(t, ok, "%v", try.GetWorkflowError())
			require.NotEmpty(t, panicked.Error())
		})
	}
}

func TestTheStatusIsASearchAttributeUnlessTheRunResolved(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		nodes      string
		attributes bool
		want       string
	}{
		"failed":                     {`- { key: a, type: end, config: { status: failed } }`, true, "failed"},
		"resolved":                   {`- { key: a, type: end }`, true, ""},
		"failed, without permission": {`- { key: a, type: end, config: { status: failed } }`, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			try := try(t, "\n"+c.nodes, nil)
			try.start.Attributes = c.attributes
			set := ""
			try.OnUpsertTypedSearchAttributes(mock.Anything).Run(func(args mock.Arguments) {
				set, _ = args.Get(0).(temporal.SearchAttributes).GetKeyword(workflows.AttributeStatus)
			}).Return(nil).Maybe()
			try.run(t)
			require.Equal(t, c.want, set)
		})
	}
}

func TestADerivedAnswerTellsNothingButTheNode(t *testing.T) {
	t.Parallel()
	for status, want := range map[everhook.Status]everhook.Problem{
		everhook.Failed:    {Type: everhook.ProblemRunFailed, Title: "The run failed", Status: 500},
		everhook.Errored:   {Type: everhook.ProblemRunFailed, Title: "The run failed", Status: 500},
		everhook.Rejected:  {Type: everhook.ProblemRunRejected, Title: "The run was rejected", Status: 409},
		everhook.Aborted:   {Type: everhook.ProblemRunAborted, Title: "The run did not end in time", Status: 408},
		everhook.Cancelled: {Type: everhook.ProblemRunCancelled, Title: "The run was cancelled", Status: 503},
	} {
		want.RunID, want.Node = runID, "charge"
		answer := workflows.DerivedAnswer(everhook.Outcome{Status: status,
			Error: &everhook.Error{Status: status, Message: "hunter2", Node: "charge"}}, runID)
		require.Equal(t, everhook.Answer{Status: want.Status, Problem: &want, Ended: status}, answer)
	}
	require.Equal(t, 503, workflows.DerivedAnswer(everhook.Outcome{Status: everhook.Cancelled}, runID).Status)
	require.Equal(t, everhook.Answer{Status: 200}, workflows.DerivedAnswer(everhook.Outcome{Status: everhook.Resolved},
		runID))
	require.Equal(t, everhook.Of(nil),
		workflows.DerivedAnswer(everhook.Outcome{Status: everhook.Resolved, Output: everhook.Of(nil)}, runID).Body)
}

// outsider is a kind of another module.
type outsider struct {
	Mode string `json:"mode"`
}

func (*outsider) Spec() kind.Spec           { return kind.Spec{Kind: "outsider", Group: kind.Control} }
func (*outsider) Validate(*kind.Validation) {}

func (o *outsider) Execute(run kind.Run) (kind.Result, error) {
	switch o.Mode {
	case "struct":
		return kind.Result{Value: struct {
			At    time.Time `json:"at"`
			Count int64     `json:"count"`
		}{received, 3}}, nil
	case "nan":
		return kind.Result{Value: math.NaN()}, nil
	case "error":
		return kind.Result{}, errors.New("out of order")
	case "failure":
		return kind.Result{}, &everhook.Error{Status: everhook.Rejected, Type: "own", Message: "no"}
	}
	for range 200 {
		run.Logf("line of %s", run.Node().Key)
	}
	return kind.Result{Value: string(run.ID())}, nil
}

func TestKindsOfOtherModules(t *testing.T) {
	t.Parallel()
	registry := nodes.Standard()
	kind.Add[outsider](registry)
	try := tryFlow(t, `
key: trial
mode: async
trigger: { type: webhook }
nodes:
  - { key: struct_, type: outsider, config: { mode: struct } }
  - { key: nan, type: outsider, onError: continue, config: { mode: nan } }
  - { key: error_, type: outsider, onError: continue, config: { mode: error } }
  - { key: failure_, type: outsider, onError: continue, config: { mode: failure } }
  - { key: lines, type: outsider }
  - { key: out, type: output, config: { value: '{{ [nodes.struct_, errors.nan.message, errors.error_, errors.failure_.status, nodes.lines] }}' } }
`, nil, registry)
	outcome := try.run(t)
	require.Equal(t, []any{
		map[string]any{"at": "2026-02-03T04:05:06Z", "count": 3},
		"the result is not data: NaN is not a number that JSON has",
		map[string]any{"status": "error", "type": "internal", "message": "out of order", "attempts": 0,
			"response": nil},
		"rejected", string(runID),
	}, outcome.Output.V)
	require.Len(t, try.steps(t)[4].Lines, everhook.MaxLoggedLines)
}

func TestARejectionIsCaughtAndACancellationIsNot(t *testing.T) {
	t.Parallel()
	registry := nodes.Standard()
	kind.Add[outsider](registry)
	try := tryFlow(t, `
key: trial
mode: async
trigger: { type: webhook }
nodes:
  - key: no
    type: outsider
    onError: branch
    config: { mode: failure }
    branches: { error: [ { key: wait, type: delay, onError: continue, config: { duration: 1h } } ] }
  - { key: never, type: calculation, config: { expression: 1 } }
`, nil, registry)
	try.RegisterDelayedCallback(try.CancelWorkflow, time.Minute)
	outcome := try.run(t)
	require.Equal(t, everhook.Cancelled, outcome.Status)
	require.True(t, temporal.IsCanceledError(try.GetWorkflowError()), "Temporal shows the run as canceled")
	require.Len(t, try.steps(t), 2)
}

func TestTheTemporalUIShowsTheStepsAsText(t *testing.T) {
	t.Parallel()
	try := try(t, `
- { key: a_b, type: calculation, title: 'A <b> | [x](y)', config: { expression: 1 } }
- { key: bad, type: calculation, onError: continue, config: { expression: 'trigger.body["<script>|"] + 1' } }
- { key: each, type: loop, config: { over: 60 }, branches: { do: [ { key: a, type: calculation, config: { expression: 1 } } ] } }
- { key: wait, type: delay, config: { duration: 1m } }
`, map[string]any{})
	try.run(t)
	details := try.currentDetails(t)
	require.Contains(t, details, "**resolved**, 64 steps\n\n| # | Step | Status | Took | |\n")
	require.Contains(t, details, "| 64 | wait | resolved | 1m0s |  |\n")
	require.Contains(t, details, "| 63 | a (each\\[59\\]) | resolved | 0s |  |\n")
	require.NotContains(t, details, "<b>")
	require.NotContains(t, details, "a\\_b", "only the last fifty steps")
}

// currentDetails returns the state of the run as the Temporal UI shows it.
func (try *trial) currentDetails(t *testing.T) string {
	t.Helper()
	encoded, err := try.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(t, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(t, encoded.Get(&metadata))
	return metadata.GetCurrentDetails()
}
