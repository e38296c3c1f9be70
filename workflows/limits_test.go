package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

func TestALoopOverTwentyThousandItemsYieldsItsWorkflowTask(t *testing.T) {
	t.Parallel()
	try := try(t, `
- { key: sum, type: variable, config: { value: 0 } }
- key: each
  type: loop
  config: { over: 20000 }
  branches: { do: [ { key: add, type: variable, config: { target: sum, value: '{{ nodes.sum + loop.item }}' } } ] }
- { key: out, type: output, config: { value: '{{ [nodes.sum, nodes.each.done] }}' } }
`, nil)
	outcome := try.run(t)
	require.Equal(t, everhook.Resolved, outcome.Status)
	require.Equal(t, []any{199990000, 20000}, outcome.Output.V)
	require.Greater(t, try.yields.Load(), int32(2))
	require.Less(t, try.yields.Load(), int32(50), "each break costs events and a round trip")
}

func TestIterationsThatAreSkippedYieldToo(t *testing.T) {
	t.Parallel()
	try := try(t, `
- key: each
  type: loop
  config: { over: 100000, when: 'loop.item < 0', onFalse: skip }
  branches: { do: [ { key: never, type: calculation, config: { expression: 1 } } ] }
`, nil)
	require.Equal(t, everhook.Resolved, try.run(t).Status)
	require.Greater(t, try.yields.Load(), int32(5))
}

func TestNothingCatchesALimitOfTheExecution(t *testing.T) {
	t.Parallel()
	try := try(t, `
- key: try
  type: condition
  onError: continue
  config: { expression: true }
  branches:
    then:
      - key: each
        type: loop
        onError: branch
        config: { when: true, onFail: continue }
        branches:
          do:
            - { key: wait, type: delay, config: { duration: 1s } }
            - { key: a, type: calculation, onError: continue, config: { expression: 1 } }
          error: [ { key: caught, type: calculation, config: { expression: 1 } } ]
- { key: never, type: calculation, config: { expression: 1 } }
`, nil)
	try.RegisterDelayedCallback(func() { try.SetCurrentHistorySize(40<<20 + 1) }, 1500*time.Millisecond)
	outcome := try.run(t)
	require.Equal(t, everhook.Errored, outcome.Status)
	require.Equal(t, everhook.TypeLimit, outcome.Error.Type)
	for _, step := range try.steps(t) {
		require.NotContains(t, []string{"caught", "never"}, step.Node)
	}
}

func TestALimitInOneBranchEndsTheOthers(t *testing.T) {
	t.Parallel()
	try := try(t, `
- key: both
  type: parallel
  config: { mode: allSettled }
  branches:
    endless: [ { key: each, type: loop, config: { when: true }, branches: { do: [ { key: a, type: delay, config: { duration: 1s } }, { key: b, type: output, config: { value: 1 } } ] } } ]
    waiting: [ { key: wait, type: delay, config: { duration: 1h } } ]
`, nil)
	try.RegisterDelayedCallback(func() { try.SetCurrentHistorySize(40<<20 + 1) }, 1500*time.Millisecond)
	outcome := try.run(t)
	require.Equal(t, everhook.TypeLimit, outcome.Error.Type)
	require.Equal(t, received.Add(2*time.Second), try.Now().UTC(), "the long delay was cancelled")
}

func TestAnEffectWithTooMuchToSendIsNotStarted(t *testing.T) {
	t.Parallel()
	try := try(t, `
- { key: call, type: http-request, onError: continue, config: { method: POST, url: 'https://example.com/', body: '{{ repeat("x", 1600000) }}' } }
- { key: out, type: output, config: { value: '{{ errors.call.type }}' } }
`, nil)
	require.Equal(t, "limit", try.run(t).Output.V)
	require.Zero(t, try.effects.Load())
}

func TestAResultAsLargeAsTemporalTakesIsKept(t *testing.T) {
	t.Parallel()
	try := try(t, `
- { key: call, type: http-request, config: { url: 'https://example.com/', only: body } }
- { key: out, type: output, config: { value: '{{ len(nodes.call) }}' } }
`, nil)
	try.effect = func(activities.HTTPRequestInput) (activities.HTTPRequestResult, error) {
		return activities.HTTPRequestResult{Body: everhook.Value{V: strings.Repeat("<é>", 500_000)}}, nil
	}
	require.Equal(t, 1_500_000, try.run(t).Output.V)
}

func TestMessagesOfErrorsAreBounded(t *testing.T) {
	t.Parallel()
	try := try(t, `
- { key: stop, type: end, config: { status: failed, message: '{{ repeat("é", 100000) }}' } }
`, nil)
	outcome := try.run(t)
	require.Equal(t, everhook.Failed, outcome.Status)
	require.Less(t, len(outcome.Error.Message), 5000)
}

func TestVariablesThatGrowDoNotKeepTheirOldValues(t *testing.T) {
	t.Parallel()
	try := try(t, `
- { key: list, type: variable, config: { value: [] } }
- key: each
  type: loop
  config: { over: 3000 }
  branches: { do: [ { key: append, type: variable, config: { target: list, value: '{{ concat(nodes.list, [loop.item]) }}' } } ] }
- { key: out, type: output, config: { value: '{{ len(nodes.list) }}' } }
`, nil)
	require.Equal(t, 3000, try.run(t).Output.V)
}
