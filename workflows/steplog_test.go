package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

func TestTheStepLogKeepsTheFirstThousandAndTheLastOfEachNode(t *testing.T) {
	t.Parallel()
	try := try(t, `
- key: each
  type: loop
  config: { over: 2000 }
  branches:
    do:
      - { key: a, type: calculation, config: { expression: loop.item } }
      - { key: rare, type: condition, config: { expression: 'loop.item >= 1500' }, branches: { then: [ { key: late, type: calculation, config: { expression: loop.item } } ] } }
- { key: after, type: calculation, config: { expression: 1 } }
`, nil)
	require.Equal(t, everhook.Resolved, try.run(t).Status)
	steps := try.steps(t)
	require.Equal(t, 1+2000*2+500+1, try.page(t, 1).Total)
	require.Len(t, steps, everhook.MaxLoggedSteps+5, "the last of a, rare and late, the first of late and after")
	for i := 1; i < len(steps); i++ {
		require.Greater(t, steps[i].Number, steps[i-1].Number)
	}
	for i := range everhook.MaxLoggedSteps {
		require.Equal(t, i+1, steps[i].Number)
	}
	last := map[string]everhook.Step{}
	var late []everhook.Step
	for _, step := range steps {
		last[step.Node] = step
		if step.Node == "late" {
			late = append(late, step)
		}
	}
	require.Equal(t, "each[1999]", last["a"].Iteration)
	require.Equal(t, 1999, last["a"].Result.V)
	require.Equal(t, "each[1999]", last["rare"].Iteration)
	require.Equal(t, []string{"each[1500]", "each[1999]"}, []string{late[0].Iteration, late[1].Iteration})
	require.Equal(t, "after", steps[len(steps)-1].Node)
}

func TestTheStepLogBoundsOneValueAndTheRun(t *testing.T) {
	t.Parallel()
	try := try(t, `
- { key: large, type: calculation, config: { expression: 'repeat("x", 20000)' } }
- { key: fits, type: calculation, config: { expression: 'repeat("x", 16000)' } }
- key: each
  type: loop
  config: { over: 100 }
  branches: { do: [ { key: a, type: calculation, config: { expression: nodes.fits } } ] }
`, nil)
	require.Equal(t, everhook.Resolved, try.run(t).Status)
	size, dropped := 0, 0
	for _, step := range try.steps(t) {
		for _, v := range []any{step.Config["/expression"], resultOf(step)} {
			text, _ := v.(string)
			size += len(text)
			if strings.HasPrefix(text, "(not kept: the step log of this run is larger than 1MiB)") {
				dropped++
			}
		}
		if step.Node == "large" {
			require.Equal(t, "(text of more than 16KiB, not kept in the step log)", step.Result.V)
		}
	}
	require.Greater(t, dropped, 50)
	require.InDelta(t, everhook.MaxLoggedRun*3/4, size, 60_000, "the rest is for notes and later steps")
}

// chatty is a kind that writes many lines, and fails with a long message.
type chatty struct {
	Text expression.Template[string] `json:"text"`
}

func (*chatty) Spec() kind.Spec           { return kind.Spec{Kind: "chatty", Group: kind.Control} }
func (*chatty) Validate(*kind.Validation) {}
func (c *chatty) Execute(run kind.Run) (kind.Result, error) {
	text, err := c.Text.Eval(run.Scope())
	if err != nil {
		return kind.Result{}, err
	}
	for range 200 {
		run.Logf("%s", text)
	}
	return kind.Result{}, everhook.Failuref(everhook.TypeInput, "%s", text)
}

func TestTheStepLogCountsLinesErrorsAndTitles(t *testing.T) {
	t.Parallel()
	registry := nodes.Standard()
	kind.Add[chatty](registry)
	try := tryFlow(t, `
key: trial
mode: async
trigger: { type: webhook }
nodes:
- key: each
  type: loop
  config: { over: 1500 }
  branches:
    do:
      - { key: say, title: "`+strings.Repeat("title ", 300)+`", type: chatty, onError: continue, config: { text: '{{ repeat("x", 1900) }}' } }
      - { key: brief, title: "`+strings.Repeat("title ", 300)+`", type: chatty, onError: continue, config: { text: '{{ repeat("x", 10) }}' } }
- { key: last, type: end, config: { status: failed, message: the end } }
`, nil, registry)
	require.Equal(t, everhook.Failed, try.run(t).Status)
	steps := try.steps(t)
	require.Less(t, len(encoded(t, steps)), everhook.MaxLoggedRun)
	last := steps[len(steps)-1]
	require.Equal(t, "last", last.Node)
	require.Equal(t, "the end", last.Error.Message, "there is room for the step that ends a run")
	require.Contains(t, encoded(t, steps), "(not kept: the step log of this run is larger than 1MiB)")
}

func resultOf(step everhook.Step) any {
	if step.Result == nil {
		return nil
	}
	return step.Result.V
}

func TestWhatTheStepLogForgetsMakesRoom(t *testing.T) {
	t.Parallel()
	try := try(t, `
- { key: fits, type: calculation, config: { expression: 'repeat("x", 150)' } }
- key: each
  type: loop
  config: { over: 5000, collect: nodes.a.n }
  branches: { do: [ { key: a, type: calculation, config: { expression: '{n: loop.item, text: nodes.fits}' } } ] }
- { key: after, type: calculation, config: { expression: 'nodes.fits' } }
`, nil)
	require.Equal(t, everhook.Resolved, try.run(t).Status)
	steps := try.steps(t)
	after := steps[len(steps)-1]
	require.Equal(t, "after", after.Node)
	require.Equal(t, strings.Repeat("x", 150), after.Result.V, "the log is not full, though far more than 1 MiB went "+
		"through it")
}

func TestStepPagesAreSmallAndMeet(t *testing.T) {
	t.Parallel()
	try := try(t, `
- key: each
  type: loop
  config: { over: 100 }
  branches: { do: [ { key: a, type: calculation, config: { expression: 'repeat("x", 4500)' } } ] }
`, nil)
	require.Equal(t, everhook.Resolved, try.run(t).Status)
	var numbers []int
	pages := 0
	for from := 1; from != 0; pages++ {
		page := try.page(t, from)
		require.Equal(t, 101, page.Total)
		text, err := everhook.EncodeJSON(page)
		require.NoError(t, err)
		require.Less(t, len(text), 600<<10)
		for _, step := range page.Steps {
			numbers = append(numbers, step.Number)
		}
		from = page.Next
	}
	require.Equal(t, 2, pages)
	require.Len(t, numbers, 101)
	require.Equal(t, 101, numbers[100])
	require.Empty(t, try.page(t, 500).Steps)
}

func TestStepsShowTheirConfigWithoutSecrets(t *testing.T) {
	t.Parallel()
	try := try(t, `
- key: call
  type: http-request
  title: Ask
  config: { method: POST, url: 'https://example.com/{{ trigger.body.id }}', headers: { Authorization: 'Bearer {{ secret.TOKEN }}' }, auth: { bearer: '{{ secret.TOKEN }}' }, body: { id: '{{ trigger.body.id }}' } }
- { key: each, type: loop, config: { over: trigger.body.list, collect: loop.item }, branches: { do: [ { key: a, type: calculation, config: { expression: loop.item } } ] } }
`, map[string]any{"id": 7, "list": []any{1, 2}})
	require.Equal(t, everhook.Resolved, try.run(t).Status)
	steps := try.steps(t)
	require.Equal(t, everhook.Mapping{
		"/method": "POST", "/url": "https://example.com/7",
		"/headers":     map[string]any{"Authorization": "Bearer {{ secret.TOKEN }}"},
		"/auth/bearer": "{{ secret.TOKEN }}", "/body": map[string]any{"id": 7},
	}, steps[0].Config)
	require.Equal(t, "Ask", steps[0].Title)
	require.Equal(t, "http-request", steps[0].Kind)
	require.Equal(t, 1, steps[0].Attempts)
	require.Equal(t, everhook.Mapping{"/over": []any{1, 2}, "/collect": 2}, steps[1].Config)
}

func TestStepsAreReadWhileTheRunGoesOn(t *testing.T) {
	t.Parallel()
	try := try(t, `
- { key: a, type: calculation, config: { expression: 1 } }
- { key: wait, type: delay, config: { duration: 1h } }
`, nil)
	var during everhook.StepPage
	var outcome everhook.Outcome
	try.RegisterDelayedCallback(func() {
		during = try.page(t, 1)
		encoded, err := try.QueryWorkflow("everhook.outcome")
		require.NoError(t, err)
		require.NoError(t, encoded.Get(&outcome))
	}, time.Minute)
	require.Equal(t, everhook.Resolved, try.run(t).Status)
	require.Equal(t, everhook.Pending, outcome.Status)
	require.Len(t, during.Steps, 2)
	require.Equal(t, everhook.Pending, during.Steps[1].Status)
	require.Nil(t, during.Steps[1].Ended)
	require.Equal(t, received, during.Steps[1].Started)
	require.Equal(t, fmt.Sprint(received.Add(3600e9)), fmt.Sprint(*try.steps(t)[1].Ended))
}
