package workflows_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowgen"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// early answers the run of a trial without Temporal, and sets the trial up to run with that answer.
func (try *trial) early(t *testing.T, definition *everhook.Definition, at time.Time) (*everhook.Answer, bool) {
	t.Helper()
	flow, err := compile.ForRun(definition, nodes.Standard())
	require.NoError(t, err)
	encoded := encodedDefinition(t, try.definition)
	arguments, err := workflows.StartArguments(encoded, try.start)
	require.NoError(t, err)
	arguments, answer, ok := workflows.AnswerEarly(flow, encoded, arguments, func() time.Time { return at })
	if !ok {
		return nil, false
	}
	payload := arguments[1].(converter.RawValue).Payload()
	try.start = workflows.Start{}
	require.NoError(t, workflows.DataConverter().FromPayload(payload, &try.start))
	return answer, true
}

// answered runs a trial that was answered early, and returns what its caller would get by the update.
func (try *trial) answered(t *testing.T) (everhook.Outcome, everhook.Answer) {
	t.Helper()
	var got everhook.Answer
	try.RegisterDelayedCallback(func() {
		try.UpdateWorkflow(workflows.AnswerUpdate, workflows.AnswerUpdate, &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(err error) { t.Error(err) },
			OnComplete: func(result any, err error) {
				if answer, ok := result.(everhook.Answer); ok && err == nil {
					got = answer
				} else {
					t.Error(result, err)
				}
			}})
	}, 0)
	return try.run(t), got
}

// TestEarlyAnswersAreThoseOfTheRuns, whatever the flow does after the answer and whenever it is run.
func TestEarlyAnswersAreThoseOfTheRuns(t *testing.T) {
	t.Parallel()
	early := 0
	for n, seed := range seeds(4 * *randomFlows) {
		options := flowgen.Options{Pure: true}
		if n%2 == 0 {
			options = flowgen.Options{Partner: "http://partner.example"}
		}
		flow := flowgen.Generate(seed, options)
		flow.Definition.Mode = everhook.Sync
		try := tryRandom(t, flow)
		answer, ok := try.early(t, flow.Definition, randomStart.Add(time.Minute))
		if !ok {
			continue
		}
		early++
		try.SetStartTime(randomStart.Add(72 * time.Hour))
		outcome, got := try.answered(t)
		require.False(t, outcome.AnswerDiffers, "%s", flow)
		require.JSONEq(t, encoded(t, answer), encoded(t, got), "%s", flow)
	}
	t.Logf("%d flows were answered early", early)
	if *randomSeed == 0 {
		require.Greater(t, early, *randomFlows/4)
	}
}

// earlyFlow answers with the time, and goes on.
const earlyFlow = `
  - { key: a, type: response, config: { status: 201, body: '{{ now() }}', continue: true } }
  - { key: before, type: variable, config: { value: '{{ now() }}' } }
  - { key: wait, type: delay, config: { duration: 1h } }
  - { key: done, type: output, config: { value: ['{{ nodes.before }}', '{{ now() }}'] } }
`

// trySync prepares a run of a sync flow with these nodes.
func trySync(t *testing.T, list string) (*trial, *everhook.Definition) {
	t.Helper()
	try := tryFlow(t, "key: trial\nmode: sync\ntrigger: { type: webhook }\nnodes:\n"+list, nil, nodes.Standard())
	definition := &everhook.Definition{}
	require.NoError(t, json.Unmarshal(try.definition, definition))
	return try, definition
}

func tryEarly(t *testing.T) (*trial, *everhook.Answer) {
	t.Helper()
	try, definition := trySync(t, earlyFlow)
	answer, ok := try.early(t, definition, randomStart)
	require.True(t, ok)
	try.SetStartTime(randomStart.Add(10 * time.Hour))
	return try, answer
}

func TestTheClockStandsUntilTheRunWaits(t *testing.T) {
	t.Parallel()
	try, answer := tryEarly(t)
	outcome, got := try.answered(t)
	require.Equal(t, everhook.FormatTime(randomStart), got.Body.V)
	require.Equal(t, *answer, got)
	require.Equal(t, []any{everhook.FormatTime(randomStart), everhook.FormatTime(randomStart.Add(11 * time.Hour))},
		outcome.Output.V)
	require.False(t, outcome.AnswerDiffers)
}

// TestADifferenceIsShownAndTheCallersAnswerStays: it would be a defect.
func TestADifferenceIsShownAndTheCallersAnswerStays(t *testing.T) {
	t.Parallel()
	try, _ := tryEarly(t)
	try.start.Early.Answer.Status = 418
	outcome, got := try.answered(t)
	require.Equal(t, 418, got.Status)
	require.True(t, outcome.AnswerDiffers)
	require.Equal(t, 418, outcome.Answer.Status)
}

func TestWhatIsNotAnsweredEarly(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]string{
		"a wait first":     "  - { key: w, type: delay, config: { duration: 1s } }\n  - { key: a, type: response }\n",
		"a run that fails": "  - { key: f, type: condition, config: { expression: 'false', rejectOnFalse: true } }\n",
		"things at once":   "  - { key: p, type: parallel, branches: { x: [], y: [] } }\n",
		"a wait in a loop": "  - { key: l, type: loop, config: { over: 2 }, branches: { do: [ { key: w, type: delay, " +
			"config: { duration: 1s } } ] } }\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			try, definition := trySync(t, list)
			_, ok := try.early(t, definition, randomStart)
			require.False(t, ok)
		})
	}
}
