package integration

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// startWith starts a run whose loops are handed over above the budget.
func startWith(t *testing.T, f flow, budget workflows.Budget, body any) everhook.RunID {
	t.Helper()
	body, err := everhook.Canonical(body)
	require.NoError(t, err)
	route, ok := f.product.Catalog().Route(f.token)
	require.True(t, ok)
	d := everhook.Delivery{
		ID: string(everhook.NewRunID()), RunID: everhook.NewRunID(), ReceivedAt: time.Now().UTC(),
		Trigger: everhook.Mapping{"headers": map[string]any{}, "query": map[string]any{}, "body": body, "id": "x",
			"receivedAt": "x"},
	}
	starter := runs.NewStarter(f.product.Temporal(), compile.NewVersions(nodes.Standard()),
		runs.StarterOptions{Attributes: true,
			Budget: budget, Resume: f.product.Catalog().ResumeBase})
	_, err = starter.Start(t.Context(), route.Version, d)
	require.NoError(t, err)
	return d.RunID
}

// stepTexts returns the steps without their times, in an order that does not depend on times.
func stepTexts(steps []everhook.Step) []string {
	texts := make([]string, len(steps))
	for i, step := range steps {
		texts[i] = fmt.Sprintf("%s %s %s", step.Node, step.Iteration, step.Status)
		if step.Result != nil {
			texts[i] += fmt.Sprint(" = ", step.Result.V)
		}
		if step.Error != nil {
			texts[i] += ": " + step.Error.Message
		}
	}
	slices.Sort(texts)
	return texts
}

func TestTheStepsOfALoopThatWasHandedOverReadAsOne(t *testing.T) {
	t.Parallel()
	f := shared.async(t, "handed-over", `nodes:
  - { key: log, type: variable, config: { value: [] } }
  - key: outer
    type: loop
    config: { over: 3, collect: nodes.inner.items }
    branches:
      do:
        - key: inner
          type: loop
          config: { over: 4, collect: '[loops.outer.index, loop.index, trigger.body.x, uuid() != ""]' }
          branches:
            do:
              - { key: note, type: variable, config: { target: log, value: '{{ concat(nodes.log, [loops.outer.index * 10 + loop.index]) }}' } }
              - { key: pause, type: delay, config: { duration: 1ms } }
  - { key: out, type: output, config: { value: '{{ [nodes.log, nodes.outer] }}' } }
`)
	operator := runs.NewOperator(shared.Temporal(), nodes.Standard(), true)
	whole := startWith(t, f, workflows.Budget{}, map[string]any{"x": 1})
	want := f.ended(t, whole)
	require.Equal(t, everhook.Resolved, want.Status)
	wantSteps := f.show(t, whole)
	require.Len(t, wantSteps.Steps, 1+1+3+2*12+1)
	for _, steps := range []int{1, 4, 9} {
		run := startWith(t, f, workflows.Budget{Steps: steps}, map[string]any{"x": 1})
		require.Equal(t, want, f.ended(t, run))
		got := f.show(t, run)
		require.Empty(t, got.Note)
		require.Equal(t, stepTextsWithoutTimes(wantSteps.Steps), stepTextsWithoutTimes(got.Steps))
		require.Equal(t, wantSteps.Total, got.Total)
		for i, step := range got.Steps {
			require.Equal(t, i+1, step.Number)
		}
		if steps == 4 {
			record(t, f, run, "handed-over")
			recordLoops(t, f, run, "handed-over-loop")
		}
	}
	listed, _, err := operator.List(t.Context(), runs.Filter{Flow: f.key})
	require.NoError(t, err)
	require.LessOrEqual(t, len(listed), 4, "executions of loops are no runs")
}

func TestWhatIsNotToldInTimeIsSaid(t *testing.T) {
	t.Parallel()
	f := shared.async(t, "told-late", `nodes:
  - { key: each, type: loop, config: { over: 4 }, branches: { do: [ { key: pause, type: delay, config: { duration: 1ms } } ] } }
  - { key: out, type: output, config: { value: '{{ nodes.each }}' } }
`)
	run := startWith(t, f, workflows.Budget{Steps: 2}, nil)
	require.Equal(t, everhook.Resolved, f.ended(t, run).Status)
	for name, test := range map[string]struct {
		late func(workflowID string) bool
		note string
		told bool
	}{
		"executions of a loop": {func(id string) bool { return id != everhook.WorkflowID(f.key, run) },
			"did not come in time: look again", true},
		"the run itself": {func(string) bool { return true }, "the steps could not be read in time; look again",
			false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shown, err := runs.NewOperator(lateClient{shared.Temporal(), test.late}, nodes.Standard(), true).Show(
				t.Context(), f.key,
				run, "")
			require.NoError(t, err)
			require.Contains(t, shown.Note, test.note)
			require.Equal(t, everhook.Resolved, shown.Status)
			require.Equal(t, test.told, shown.Outcome != nil)
			require.Equal(t, test.told, len(shown.Steps) > 0)
		})
	}
}

// lateClient is a client whose queries of some executions time out.
type lateClient struct {
	client.Client
	late func(workflowID string) bool
}

func (c lateClient) QueryWorkflow(ctx context.Context, workflowID, runID, query string,
	args ...any) (converter.EncodedValue, error) {
	if c.late(workflowID) {
		return nil, serviceerror.NewDeadlineExceeded("context deadline exceeded")
	}
	return c.Client.QueryWorkflow(ctx, workflowID, runID, query, args...)
}

// stepTextsWithoutTimes omits results of delays, which are times.
func stepTextsWithoutTimes(steps []everhook.Step) []string {
	kept := slices.Clone(steps)
	for i := range kept {
		if kept[i].Kind == "delay" {
			kept[i].Result = nil
		}
	}
	return stepTexts(kept)
}

// recordLoops records executions that continued the loops of a run.
func recordLoops(t *testing.T, f flow, run everhook.RunID, name string) {
	t.Helper()
	if !*update {
		return
	}
	for _, loop := range f.loopExecutions(t, run)[:3] {
		recordExecution(t, f.product, loop, name)
	}
}

// loopExecutions returns the executions that continued the loops of a run, once they are listed.
func (f flow) loopExecutions(t *testing.T, run everhook.RunID) (loops []everhook.Execution) {
	t.Helper()
	require.Eventually(t, func() bool {
		listed, err := f.product.listed(t.Context())
		require.NoError(t, err)
		before := len(loops)
		loops = nil
		for _, info := range listed {
			if strings.HasPrefix(info.GetExecution().GetWorkflowId(), everhook.WorkflowID(f.key, run)+"/") {
				loops = append(loops, everhook.Execution{WorkflowID: info.GetExecution().GetWorkflowId(),
					RunID: info.GetExecution().GetRunId()})
			}
		}
		return len(loops) > 0 && len(loops) == before
	}, patience, 500*time.Millisecond)
	return loops
}

func TestALongLoopKeepsEveryHistoryShort(t *testing.T) {
	t.Parallel()
	f := shared.async(t, "long-and-pure", `nodes:
  - { key: sum, type: variable, config: { value: 0 } }
  - key: each
    type: loop
    config: { over: 100000 }
    branches: { do: [ { key: add, type: variable, config: { target: sum, value: '{{ nodes.sum + loop.item }}' } } ] }
  - { key: out, type: output, config: { value: '{{ nodes.sum }}' } }
`)
	run := startWith(t, f, workflows.Budget{}, nil)
	require.Equal(t, 4999950000, f.ended(t, run).Output.V)
	shown := f.show(t, run)
	require.Equal(t, 100_003, shown.Total)
	require.Greater(t, len(shown.Steps), 1000)
	executions := append(f.loopExecutions(t, run), everhook.Execution{WorkflowID: everhook.WorkflowID(f.key, run)})
	require.GreaterOrEqual(t, len(executions), 3)
	for _, execution := range executions {
		history, err := f.product.history(t.Context(), execution.WorkflowID, execution.RunID)
		require.NoError(t, err)
		require.Less(t, len(history.GetEvents()), 4500)
		began := time.Now()
		require.NoError(t, f.product.replayHistory(history))
		require.Less(t, time.Since(began), 3*time.Second*slack, "a cold replay")
	}
}

// slack allows for other load of the machine.
const slack = 3

func TestWhatHappensInALoopThatWasHandedOverReachesTheRunAtOnce(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "handed-over-answer", `nodes:
  - key: both
    type: parallel
    config: { mode: race }
    branches:
      quick:
        - key: outer
          type: loop
          config: { over: 2 }
          branches:
            do:
              - key: each
                type: loop
                config: { over: 4, concurrency: 2 }
                branches:
                  do:
                    - { key: pause, type: delay, config: { duration: 1ms } }
                    - key: now
                      type: condition
                      config: { expression: 'loops.outer.index == 1 && loop.index == 2' }
                      branches: { then: [ { key: tell, type: response, config: { body: '{{ loop.index }}', continue: true } } ] }
        - { key: rest, type: delay, config: { duration: '{{ trigger.body.rest }}' } }
      slow:
        - key: waits
          type: loop
          config: { over: 9 }
          branches: { do: [ { key: wait, type: delay, config: { duration: '{{ loop.index < 3 ? "1ms" : "1h" }}' } } ] }
`)
	t.Run("an answer", func(t *testing.T) {
		t.Parallel()
		run := startWith(t, f, workflows.Budget{Steps: 1}, map[string]any{"rest": "2s"})
		starter := runs.NewStarter(shared.Temporal(), compile.NewVersions(nodes.Standard()), runs.StarterOptions{})
		outcome, err := starter.Outcome(t.Context(), f.key, run, patience)
		require.NoError(t, err)
		require.NotNil(t, outcome.Answer)
		require.Equal(t, 2, outcome.Answer.Body.V)
		require.False(t, outcome.Status.Ended())
		require.Equal(t, everhook.Resolved, f.ended(t, run).Status, "the losing branch, in an execution of its own, "+
			"was cancelled")
		require.Eventually(t, func() bool {
			open, err := shared.count(t.Context(), "ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH '"+
				everhook.WorkflowID(f.key, run)+"'")
			return err == nil && open == 0
		}, patience, 50*time.Millisecond)
		record(t, f, run, "handed-over-answer")
	})
	t.Run("a cancel", func(t *testing.T) {
		t.Parallel()
		run := startWith(t, f, workflows.Budget{Steps: 1}, map[string]any{"rest": "1h"})
		f.running(t, run, "rest")
		require.Eventually(t, func() bool {
			shown := f.show(t, run)
			return shown.Note == "" &&
				slices.ContainsFunc(shown.Steps, func(step everhook.Step) bool {
					return step.Node == "wait" &&
						step.Iteration == "waits[3]"
				})
		}, patience, 50*time.Millisecond, "the steps of a loop that goes on elsewhere are shown")
		require.NoError(t, runs.NewOperator(shared.Temporal(), nodes.Standard(), true).Cancel(t.Context(), f.key, run))
		require.Equal(t, everhook.Cancelled, f.ended(t, run).Status)
		require.Eventually(t, func() bool {
			open, err := shared.count(t.Context(), "ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH '"+
				everhook.WorkflowID(f.key, run)+"'")
			return err == nil && open == 0
		}, patience, 50*time.Millisecond)
	})
	t.Run("a termination", func(t *testing.T) {
		t.Parallel()
		run := startWith(t, f, workflows.Budget{Steps: 1}, map[string]any{"rest": "1h"})
		f.running(t, run, "rest")
		require.NoError(t, shared.Temporal().TerminateWorkflow(t.Context(), everhook.WorkflowID(f.key, run), "",
			"test"))
		require.Eventually(t, func() bool {
			open, err := shared.count(t.Context(), "ExecutionStatus = 'Running' AND WorkflowId STARTS_WITH '"+
				everhook.WorkflowID(f.key, run)+"'")
			return err == nil && open == 0
		}, patience, 50*time.Millisecond, "executions of loops are not left behind")
	})
}

func TestATimeoutReachesALoopBetweenItsExecutions(t *testing.T) {
	t.Parallel()
	f := shared.apply(t, `key: handed-over-timeout
mode: async
trigger: { type: webhook }
options: { timeout: 700ms }
nodes:
  - key: each
    type: loop
    config: { over: 100000 }
    branches: { do: [ { key: pause, type: delay, config: { duration: 1ms } } ] }
`)
	var runs []everhook.RunID
	for range 6 {
		runs = append(runs, startWith(t, f, workflows.Budget{Steps: 1}, nil))
	}
	for _, run := range runs {
		outcome := f.ended(t, run)
		require.Equal(t, everhook.Aborted, outcome.Status)
		require.Equal(t, "the run did not end within its timeout of PT0.7S", outcome.Error.Message)
	}
}
