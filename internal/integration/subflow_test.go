package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// called applies a flow that other flows call.
func (p *product) called(t *testing.T, key, nodes string) flow {
	t.Helper()
	return p.apply(t, fmt.Sprintf("key: %s\nmode: async\ntrigger: { type: call }\n%s", key, nodes))
}

// calls returns the run that a step of a run called.
func (f flow) calls(t *testing.T, run everhook.RunID, node string) everhook.RunID {
	t.Helper()
	var called everhook.RunID
	require.Eventually(t, func() bool {
		for _, step := range f.show(t, run).Steps {
			if step.Node == node && step.Subflow != "" {
				_, called, _ = everhook.ParseWorkflowID(step.Subflow)
				return true
			}
		}
		return false
	}, patience, 20*time.Millisecond, "%s calls nothing", node)
	return called
}

func TestASubflowIsARunOfItsOwn(t *testing.T) {
	t.Parallel()
	p := start(t, config{environ: []string{"EVERHOOK_ENV_REGION=eu"}})
	stock := p.called(t, "stock", `title: Reserve stock
nodes: [ { key: out, type: output, config: { value: { left: '{{ 10 - trigger.input.quantity }}', region: '{{ env.REGION }}' } } } ]
`)
	f := p.sync(t, "selling", `nodes:
  - { key: stock, type: subflow, config: { flow: stock, input: { quantity: '{{ trigger.body.quantity }}' } } }
  - { key: answer, type: response, config: { body: '{{ nodes.stock }}' } }
`)
	got := f.post(t, `{"quantity":3}`)
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.JSONEq(t, `{"left":7,"region":"eu"}`, got.body)
	child := f.calls(t, got.run, "stock")
	require.Equal(t, everhook.Resolved, stock.ended(t, child).Status)
	shown := stock.show(t, child)
	require.Equal(t, "Reserve stock", shown.Title)
	require.Equal(t, 1, shown.Version)
	require.Equal(t, everhook.WorkflowID("selling", got.run), shown.Caller)
	require.Equal(t, []string{"out"}, keys(shown.Steps))
	var list api.RunList
	require.Eventually(t, func() bool {
		got := get(t, p.AdminURL()+"/api/v1/runs?flow=stock&status=resolved")
		return got.status == 200 && json.Unmarshal([]byte(got.body), &list) == nil && len(list.Runs) == 1
	}, patience, 50*time.Millisecond, "it is listed, and found by its flow")
	require.Equal(t, child, list.Runs[0].ID)
	n, err := p.count(t.Context(), "EverhookTrigger = 'call' AND EverhookRun = '"+string(child)+"'")
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
	page := get(t, p.AdminURL()+"/runs/"+string(got.run))
	require.Contains(t, page.body, "/runs/"+string(child)+"?flow=stock", "its caller's page leads to it")
	require.Contains(t, get(t, p.AdminURL()+"/runs/"+string(child)).body, "/runs/"+string(got.run)+"?flow=selling",
		"and back")
	events := types(f.events(t, got.run))
	require.Equal(t, 1, count(events, "MarkerRecorded"), events)
	require.Equal(t, 1, count(events, "StartChildWorkflowExecutionInitiated"), events)
	record(t, f, got.run, "subflow")
	record(t, stock, child, "subflow-called")
	require.NoError(t, p.replayAll(t.Context()))

	metrics := get(t, p.AdminURL()+"/metrics").body
	for _, flow := range []string{"selling", "stock"} {
		require.Contains(t, metrics, `everhook_runs_total{flow="`+flow+`",status="resolved"} 1`, "each is counted once")
	}
}

func TestASubflowThatDoesNotResolveGivesItsStatus(t *testing.T) {
	t.Parallel()
	ends := shared.called(t, "sub-ends", `options: { timeout: 30m }
nodes:
  - { key: broken, type: condition, config: { expression: trigger.input == "error" }, branches: { then: [ { key: sum, type: calculation, config: { expression: 1 + trigger.input } } ] } }
  - { key: fin, type: end, config: { status: '{{ trigger.input }}', message: sold out } }
`)
	f := shared.sync(t, "sub-fails", "nodes: [ { key: sub, type: subflow, config: { flow: sub-ends, input: '{{ "+
		"trigger.body }}' } } ]")
	for text, status := range map[string]int{"failed": 500, "error": 500, "rejected": 409} {
		got := f.post(t, `"`+text+`"`)
		require.Equal(t, status, got.status)
		child := f.calls(t, got.run, "sub")
		require.Equal(t, everhook.Status(text), ends.ended(t, child).Status)
		outcome := f.ended(t, got.run)
		require.Equal(t, everhook.Status(text), outcome.Status)
		require.Equal(t, "sub", outcome.Error.Node)
		require.Equal(t, everhook.TypeSubflow, outcome.Error.Type)
		require.Contains(t, outcome.Error.Message, string(child))
		replay(t, f, got.run)
		replay(t, ends, child)
	}
}

func TestWhoEndsAWaitingCallerEndsTheSubflow(t *testing.T) {
	t.Parallel()
	slow := shared.called(t, "sub-slow", "nodes: ["+longWait+"]")
	middle := shared.called(t, "sub-middle", "nodes: [ { key: sub, type: subflow, config: { flow: sub-slow } } ]")
	for name, test := range map[string]struct {
		options string
		cancel  bool
		want    everhook.Status
	}{
		"cancelled by an operator": {"", true, everhook.Cancelled},
		"aborted by its timeout":   {"options: { timeout: 2s }\n", false, everhook.Aborted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := shared.async(t, "sub-"+string(test.want), test.options+
				"nodes: [ { key: sub, type: subflow, onError: continue, config: { flow: sub-middle } } ]")
			run := f.post(t, "").run
			between := f.calls(t, run, "sub")
			below := middle.calls(t, between, "sub")
			if test.cancel {
				slow.running(t, below, "long")
				require.NoError(t, runs.NewOperator(shared.Temporal(), nodes.Standard(), true).Cancel(t.Context(),
					f.key, run))
			}
			require.Equal(t, test.want, f.ended(t, run).Status)
			require.Equal(t, test.want, middle.ended(t, between).Status)
			outcome := slow.ended(t, below)
			require.Equal(t, test.want, outcome.Status)
			if !test.cancel {
				require.Contains(t, outcome.Error.Message, "the run that called it was aborted while it waited")
			}
			replay(t, f, run)
			replay(t, middle, between)
			replay(t, slow, below)
			record(t, f, run, "subflow-"+string(test.want))
			record(t, middle, between, "subflow-middle-"+string(test.want))
			record(t, slow, below, "subflow-below-"+string(test.want))
		})
	}
}

func TestAnOperatorNeedNotWaitForTheOnFailureOfASubflow(t *testing.T) {
	t.Parallel()
	slow := shared.called(t, "sub-slow-failure", "nodes: [ { key: first, type: delay, config: { duration: 1h } } "+
		"]\nonFailure: ["+longWait+"]")
	f := shared.async(t, "sub-impatient", `options: { timeout: 3s }
nodes:
  - key: many
    type: loop
    config: { over: 2, when: 'loop.index == 1', onFalse: skip }
    branches: { do: [ { key: sub, type: subflow, config: { flow: sub-slow-failure } } ] }
`)
	for name, budget := range map[string]workflows.Budget{"of the run": {},
		"of a loop that was handed over": {Steps: 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run := startWith(t, f, budget, nil)
			below := f.calls(t, run, "sub")
			slow.running(t, below, "long")
			require.NoError(t, runs.NewOperator(shared.Temporal(), nodes.Standard(), true).Cancel(t.Context(), f.key,
				run))
			require.Equal(t, everhook.Aborted, slow.ended(t, below).Status,
				"cancelling its onFailure does not change how it ended")
			require.Equal(t, everhook.Aborted, f.ended(t, run).Status)
			replay(t, f, run)
			replay(t, slow, below)
		})
	}
}

func TestACancelledSubflowCancelsItsCaller(t *testing.T) {
	t.Parallel()
	slow := shared.called(t, "sub-cancelled-alone", "nodes: ["+longWait+"]")
	f := shared.async(t, "sub-cancels", "nodes: [ { key: sub, type: subflow, onError: continue, config: { flow: "+
		"sub-cancelled-alone } } ]")
	run := f.post(t, "").run
	child := f.calls(t, run, "sub")
	slow.running(t, child, "long")
	require.NoError(t, runs.NewOperator(shared.Temporal(), nodes.Standard(), true).Cancel(t.Context(), slow.key, child))
	outcome := f.ended(t, run)
	require.Equal(t, everhook.Cancelled, outcome.Status)
	require.Contains(t, outcome.Error.Message, string(child)+" of flow sub-cancelled-alone ended cancelled")
	replay(t, f, run)
}

func TestASubflowThatIsNotWaitedForOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	slow := shared.called(t, "sub-later", "nodes: ["+longWait+"]")
	f := shared.sync(t, "sub-leaves", `nodes:
  - { key: later, type: subflow, config: { flow: sub-later, wait: false } }
  - { key: pause, type: delay, config: { duration: 200ms } }
  - { key: answer, type: response, config: { body: '{{ nodes.later.runId }}' } }
`)
	got := f.post(t, "")
	require.Equal(t, http.StatusOK, got.status, got.body)
	child, ok := everhook.ParseRunID(strings.Trim(got.body, `"`))
	require.True(t, ok, got.body)
	require.Equal(t, everhook.Resolved, f.ended(t, got.run).Status)
	slow.running(t, child, "long")
	require.Equal(t, everhook.Pending, slow.show(t, child).Status)
	replay(t, f, got.run)
	record(t, f, got.run, "subflow-without-wait")
	require.NoError(t, runs.NewOperator(shared.Temporal(), nodes.Standard(), true).Cancel(t.Context(), slow.key, child))
	require.Equal(t, everhook.Cancelled, slow.ended(t, child).Status)
}

func TestFlowsCallEachOtherSixteenDeep(t *testing.T) {
	t.Parallel()
	shared.called(t, "sub-deep", `nodes:
  - { key: again, type: subflow, config: { flow: sub-deep, input: '{{ trigger.input + 1 }}' } }
`)
	f := shared.sync(t, "sub-dives", "nodes: [ { key: dive, type: subflow, config: { flow: sub-deep, input: 1 } } ]")
	got := f.post(t, "")
	outcome := f.ended(t, got.run)
	require.Equal(t, everhook.Errored, outcome.Status)
	require.Equal(t, 16, strings.Count(outcome.Error.Message, "of flow sub-deep ended error"))
	require.Contains(t, outcome.Error.Message, "one more is over the limit")
}

func TestACallerThatRunsAgainCallsTheSameRun(t *testing.T) {
	t.Parallel()
	flaky := shared.called(t, "sub-flaky", "nodes: [ { key: fin, type: end, config: { status: '{{ env.EVERHOOK_URL "+
		"== nil ? \"resolved\" : \"failed\" }}' } } ]")
	f := shared.apply(t, `key: sub-rerun
mode: async
trigger: { type: webhook, dedupe: { key: body.id } }
nodes: [ { key: sub, type: subflow, config: { flow: sub-flaky } } ]
`)
	first := f.post(t, `{"id":"a"}`)
	require.Equal(t, everhook.Failed, f.ended(t, first.run).Status)
	child := f.calls(t, first.run, "sub")
	before := execution(t, flaky, child)
	shared.called(t, "sub-flaky", "nodes: []")

	again := f.post(t, `{"id":"a"}`)
	require.Equal(t, first.run, again.run)
	require.Eventually(t, func() bool { return f.ended(t, first.run).Status == everhook.Resolved }, patience,
		50*time.Millisecond)
	require.Equal(t, child, f.calls(t, first.run, "sub"), "the same run of the subflow")
	require.NotEqual(t, before, execution(t, flaky, child), "has run again, on the version that is enabled now")
	require.Equal(t, 2, flaky.show(t, child).Version)
	replay(t, f, first.run)
}

func execution(t *testing.T, f flow, run everhook.RunID) string {
	t.Helper()
	described, err := f.product.Temporal().DescribeWorkflowExecution(t.Context(), everhook.WorkflowID(f.key, run), "")
	require.NoError(t, err)
	return described.GetWorkflowExecutionInfo().GetExecution().GetRunId()
}

func TestAPinnedVersionRunsWhateverIsEnabled(t *testing.T) {
	t.Parallel()
	shared.called(t, "sub-pinned", "nodes: [ { key: out, type: output, config: { value: first } } ]")
	shared.called(t, "sub-pinned", "nodes: [ { key: out, type: output, config: { value: second } } ]")
	f := shared.sync(t, "sub-pins", `nodes:
  - { key: old, type: subflow, config: { flow: 'sub-pinned@1' } }
  - { key: new, type: subflow, config: { flow: sub-pinned } }
  - { key: answer, type: response, config: { body: ['{{ nodes.old }}', '{{ nodes.new }}'] } }
`)
	require.JSONEq(t, `["first","second"]`, f.post(t, "").body)
	require.NoError(t, shared.Catalog().Disable(t.Context(), "sub-pinned"))
	got := f.post(t, "")
	require.Equal(t, http.StatusInternalServerError, got.status, "a disabled flow cannot be called")
	require.Equal(t, everhook.TypeNoFlow, f.ended(t, got.run).Error.Type)
	replay(t, f, got.run)
}

func TestAnAnswerLeavesBeforeASubflow(t *testing.T) {
	t.Parallel()
	shared.called(t, "sub-behind", "nodes: []")
	f := shared.sync(t, "sub-after-answer", `nodes:
  - { key: answer, type: response, config: { status: 202, continue: true } }
  - { key: sub, type: subflow, config: { flow: sub-behind } }
`)
	got := f.post(t, "")
	require.Equal(t, http.StatusAccepted, got.status)
	require.Equal(t, everhook.Resolved, f.ended(t, got.run).Status)
	events := types(f.events(t, got.run))
	require.Equal(t, 1, count(events, "ActivityTaskScheduled"), "the workflow task is broken first: %s", events)
}

func TestASubflowOfATerminatedCallerIsCancelled(t *testing.T) {
	t.Parallel()
	slow := shared.called(t, "sub-orphan", "nodes: ["+longWait+"]")
	f := shared.async(t, "sub-terminated", "nodes: [ { key: sub, type: subflow, config: { flow: sub-orphan } } ]")
	run := f.post(t, "").run
	child := f.calls(t, run, "sub")
	slow.running(t, child, "long")
	require.NoError(t, shared.Temporal().TerminateWorkflow(context.Background(), everhook.WorkflowID(f.key, run), "",
		"test"))
	require.Equal(t, everhook.Cancelled, slow.ended(t, child).Status)
	described, err := shared.Temporal().DescribeWorkflowExecution(t.Context(), everhook.WorkflowID(slow.key, child), "")
	require.NoError(t, err)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED, described.GetWorkflowExecutionInfo().GetStatus())
}
