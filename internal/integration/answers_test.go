package integration

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes"
)

const conditionAndResponse = `nodes:
  - key: paid
    type: condition
    config: { expression: 'trigger.body.paid == true' }
    branches:
      then: [{ key: accept, type: response, config: { body: { ok: true, id: '{{ trigger.body.id }}' } } }]
      else: [{ key: refuse, type: response, config: { status: 422, body: { ok: false } } }]
`

func TestConditionAndResponseCostSevenEventsAndOneWorkflowTask(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "seven-events", conditionAndResponse)
	got := f.post(t, `{"paid":true,"id":7}`)
	require.Equal(t, 200, got.status)
	require.JSONEq(t, `{"ok":true,"id":7}`, got.body)
	f.ended(t, got.run)
	require.Equal(t, []string{
		"WorkflowExecutionStarted", "WorkflowTaskScheduled", "WorkflowTaskStarted", "WorkflowTaskCompleted",
		"WorkflowExecutionUpdateAccepted", "WorkflowExecutionUpdateCompleted", "WorkflowExecutionCompleted",
	}, types(f.events(t, got.run)))
	record(t, f, got.run, "condition-response")
}

func TestAnHTTPRequestCostsSixEvents(t *testing.T) {
	t.Parallel()
	partner := newPartner(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"a":1}`)) })
	f := shared.sync(t, "six-events", `nodes:
  - { key: ask, type: http-request, timeout: 5s, config: { url: '`+partner.URL+`' } }
  - { key: answer, type: response, config: { body: '{{ nodes.ask.body }}' } }
`)
	got := f.post(t, `{}`)
	require.Equal(t, 200, got.status)
	require.JSONEq(t, `{"a":1}`, got.body)
	f.ended(t, got.run)
	require.LessOrEqual(t, len(f.events(t, got.run)), 7+6)
	record(t, f, got.run, "http-request")
}

// longWait is a node whose end no test waits for.
const longWait = "{ key: long, type: delay, config: { duration: 1h } }"

func TestACallerIsAnsweredAsTheRunEnds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, key, flow string
		status          int
		// problem is the type of the problem; if it is empty, body and contentType are the wanted ones.
		problem           string
		body, contentType string
		ended             everhook.Status
	}{
		{
			name: "a response node with a text and headers", key: "response-text", status: 201, body: "7 < 8",
			contentType: "text/csv", ended: everhook.Resolved,
			flow: "nodes: [{ key: a, type: response, config: { status: 201, headers: { Content-Type: text/csv }, " +
				"body: '{{ trigger.body.id }} < 8' } }]",
		}, {
			name: "a response node with a mapping", key: "response-json", status: 200, body: `{"id":7,"list":[1,null]}`,
			contentType: "application/json", ended: everhook.Resolved,
			flow: "nodes: [{ key: a, type: response, config: { body: { id: '{{ trigger.body.id }}', list: [1, null] " +
				"} } }]",
		}, {
			name: "no response node and an output", key: "answer-output", status: 200, body: `{"id":7}`,
			contentType: "application/json", ended: everhook.Resolved,
			flow: "nodes: [{ key: a, type: output, config: { value: { id: '{{ trigger.body.id }}' } } }]",
		}, {
			name: "no response node and no output", key: "answer-empty", status: 200, ended: everhook.Resolved,
			flow: "nodes: [{ key: a, type: calculation, config: { expression: '1' } }]",
		}, {
			name: "no nodes at all", key: "answer-nothing", status: 200, ended: everhook.Resolved, flow: "nodes: []",
		}, {
			name: "a condition that rejects", key: "answer-failed", status: 500, problem: everhook.ProblemRunFailed,
			ended: everhook.Failed,
			flow: "nodes: [{ key: broken, type: condition, config: { expression: 'trigger.body.id == 8', " +
				"rejectOnFalse: true } }]",
		}, {
			name: "an expression that fails", key: "answer-error", status: 500, problem: everhook.ProblemRunFailed,
			ended: everhook.Errored,
			flow: "nodes: [{ key: broken, type: calculation, config: { expression: 'trigger.body.id + " +
				"trigger.body.text' } }]",
		}, {
			name: "an expression that fails in the answer's body", key: "answer-broken-body", status: 500,
			problem: everhook.ProblemRunFailed, ended: everhook.Errored,
			flow: "nodes: [{ key: broken, type: response, config: { body: { x: '{{ trigger.body.id + " +
				"trigger.body.text }}' } } }]",
		}, {
			name: "an end node that rejects", key: "answer-rejected", status: 409, problem: everhook.ProblemRunRejected,
			ended: everhook.Rejected,
			flow:  "nodes: [{ key: broken, type: end, config: { status: rejected, message: 'internal words' } }]",
		}, {
			name: "the run's timeout", key: "answer-timeout", status: 408, problem: everhook.ProblemRunAborted,
			ended: everhook.Aborted,
			flow:  "options: { timeout: 1s }\nnodes: [{ key: broken, type: delay, config: { duration: 1h } }]",
		}, {
			name: "the first of two responses", key: "answer-twice", status: 202, body: "first",
			contentType: "text/plain; charset=utf-8", ended: everhook.Resolved,
			flow: "nodes:\n  - { key: a, type: response, config: { status: 202, body: first, continue: true } }\n  - " +
				"{ key: b, type: response, config: { body: second } }\n",
		}, {
			name: "the first in time of responses in parallel branches", key: "answer-parallel", status: 200,
			body: "fast", contentType: "text/plain; charset=utf-8", ended: everhook.Resolved,
			flow: `nodes:
  - key: both
    type: parallel
    branches:
      slow: [` + longWait + `, { key: a, type: response, config: { body: slow } }]
      fast: [{ key: b, type: response, config: { body: fast } }]
`,
		}, {
			name: "a response after more than the time of a start", key: "answer-late", status: 200, body: "late",
			contentType: "text/plain; charset=utf-8", ended: everhook.Resolved,
			flow: "nodes:\n  - { key: pause, type: delay, config: { duration: 6s } }\n  - { key: a, type: response, " +
				"config: { body: late } }\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := shared.sync(t, test.key, test.flow)
			got := f.post(t, `{"id":7,"text":"stranger's words"}`)
			require.NotEmpty(t, got.run, got.body)
			outcome := f.ended(t, got.run)
			require.Equal(t, test.ended, outcome.Status, "%v", outcome.Error)
			if test.problem != "" {
				problem := got.problem(t, test.status, test.problem)
				require.Equal(t, string(got.run), problem["runId"])
				require.Equal(t, "broken", problem["node"])
				require.NotContains(t, got.body, "words")
			} else {
				require.Equal(t, test.status, got.status, got.body)
				require.Equal(t, test.contentType, got.header.Get("Content-Type"))
				require.Equal(t, test.body, got.body)
			}
			again := f.answer(t, got.run, "")
			require.Equal(t, got.status, again.status)
			require.Equal(t, got.body, again.body, "the answer endpoint repeats the answer")
			require.Equal(t, test.ended, f.show(t, got.run).Status)
			replay(t, f, got.run)
			record(t, f, got.run, test.key)
		})
	}
}

func TestASecondResponseIsAStepWithAWarning(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "second-response", "nodes:\n  - { key: a, type: response, config: { body: first, continue: "+
		"true } }\n  - { key: b, type: response, config: { body: second } }\n")
	got := f.post(t, "")
	require.Equal(t, "first", got.body)
	f.ended(t, got.run)
	steps := f.show(t, got.run).Steps
	require.Len(t, steps, 2)
	require.Equal(t, everhook.Resolved, steps[1].Status)
	require.NotEmpty(t, steps[1].Lines)
}

func TestAnAnswerLeavesBeforeTheRestOfTheRun(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "answer-then-work", "nodes:\n  - { key: a, type: response, config: { body: early, continue: "+
		"true } }\n  - "+longWait+"\n")
	got := f.post(t, "")
	require.Equal(t, "early", got.body)
	require.Less(t, got.took, 10*time.Second)
	f.running(t, got.run, "long")
	require.Equal(t, "early", f.answer(t, got.run, "").body)
	replay(t, f, got.run)
	require.NoError(t, runs.NewOperator(shared.Temporal(), nodes.Standard(), true).Cancel(t.Context(), f.key, got.run))
	require.Equal(t, everhook.Cancelled, f.ended(t, got.run).Status)
	require.Equal(t, "early", f.answer(t, got.run, "").body)
	replay(t, f, got.run)
	record(t, f, got.run, "cancelled-after-answer")
}

func TestAnOperatorWhoStopsARunAnswersItsCaller(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, key string
		stop      func(ctx context.Context, f flow, run everhook.RunID) error
	}{
		{"by cancelling it", "operator-cancels", func(ctx context.Context, f flow, run everhook.RunID) error {
			return runs.NewOperator(f.product.Temporal(), nodes.Standard(), true).Cancel(ctx, f.key, run)
		}},
		{"by terminating it", "operator-terminates", func(ctx context.Context, f flow, run everhook.RunID) error {
			return f.product.Temporal().TerminateWorkflow(ctx, everhook.WorkflowID(f.key, run), "", "internal reason")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := shared.sync(t, test.key, "nodes: ["+longWait+"]")
			caller := f.postLater(t, "")
			run := f.started(t)
			f.running(t, run, "long")
			require.NoError(t, test.stop(t.Context(), f, run))
			got := received(t, caller)
			require.Equal(t, run, got.run)
			problem := got.problem(t, http.StatusServiceUnavailable, everhook.ProblemRunCancelled)
			require.Equal(t, string(run), problem["runId"])
			require.NotContains(t, got.body, "internal reason")
			require.Equal(t, everhook.Cancelled, f.show(t, run).Status)
			require.Equal(t, got.body, f.answer(t, run, "").body)
			replay(t, f, run)
			record(t, f, run, test.key)
		})
	}
}

func TestACallerWhoWaitsTooLongIsToldWhereTheAnswerWillBe(t *testing.T) {
	t.Parallel()
	gate := newGate(t)
	f := shared.sync(t, "wait-passes", `options: { wait: 1s }
nodes:
  - { key: ask, type: http-request, timeout: 1m, config: { url: '`+gate.URL+`' } }
  - { key: a, type: response, config: { status: 201, body: { done: true } } }
`)
	got := f.post(t, "")
	require.Equal(t, http.StatusAccepted, got.status)
	require.GreaterOrEqual(t, got.took, time.Second)
	require.Less(t, got.took, 20*time.Second)
	location := strings.Replace(f.url, "webhook:trigger", "webhook:answer", 1) + "/" + string(got.run)
	require.Equal(t, location, got.header.Get("Location"))
	require.NotEmpty(t, got.header.Get("Retry-After"))
	require.Equal(t, map[string]any{"runId": string(got.run), "status": "pending", "location": location}, got.value(t))

	pending := f.answer(t, got.run, "")
	require.Equal(t, http.StatusAccepted, pending.status)
	require.Equal(t, got.value(t), pending.value(t))

	gate.open()
	later := f.answer(t, got.run, "1m")
	require.Equal(t, http.StatusCreated, later.status)
	require.JSONEq(t, `{"done":true}`, later.body)
	require.Equal(t, got.run, later.run)
	require.Less(t, later.took, 40*time.Second, "the answer is given when it is there")
	f.ended(t, got.run)
	replay(t, f, got.run)
	record(t, f, got.run, "wait-passes")
}

func TestARunGoesOnWithoutItsCaller(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "caller-hangs-up", "nodes:\n  - { key: pause, type: delay, config: { duration: 1s } }\n  - { "+
		"key: a, type: response, config: { body: nobody hears } }\n")
	ctx, hangUp := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := call(ctx, http.MethodPost, f.url, nil)
		gone <- err
	}()
	run := f.started(t)
	hangUp()
	require.ErrorIs(t, <-gone, context.Canceled)
	require.Equal(t, everhook.Resolved, f.ended(t, run).Status)
	require.Equal(t, "nobody hears", f.answer(t, run, "").body)
	replay(t, f, run)
}

func TestTheAnswerEndpointKnowsTheRunsOfItsFlowAlone(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "answers-of-one", conditionAndResponse)
	other := shared.sync(t, "answers-of-another", conditionAndResponse)
	got := f.post(t, `{"paid":true,"id":1}`)
	f.answer(t, everhook.NewRunID(), "").problem(t, http.StatusNotFound, everhook.ProblemNotFound)
	f.answer(t, "not-a-run", "").problem(t, http.StatusNotFound, everhook.ProblemNotFound)
	other.answer(t, got.run, "").problem(t, http.StatusNotFound, everhook.ProblemNotFound)
	began := time.Now()
	f.answer(t, everhook.NewRunID(), "20s").problem(t, http.StatusNotFound, everhook.ProblemNotFound)
	require.Less(t, time.Since(began), 10*time.Second, "nobody waits for a run that does not exist")
}

func TestADisabledFlowGivesAnswersAndStartsNothing(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "disabled", conditionAndResponse)
	got := f.post(t, `{"paid":true,"id":1}`)
	require.NoError(t, shared.Catalog().Disable(t.Context(), f.key))
	refused := f.post(t, `{"paid":true,"id":2}`)
	refused.problem(t, http.StatusNotFound, everhook.ProblemNotFound)
	require.Empty(t, refused.run)
	unknown, err := call(t.Context(), http.MethodPost, shared.HookURL("there-is-no-such-token"), []byte(`{}`))
	require.NoError(t, err)
	require.Equal(t, unknown.body, refused.body, "unknown and disabled look the same")
	require.Equal(t, got.body, f.answer(t, got.run, "").body)
}

func TestAnAsyncCallerIsAnsweredAsTheTriggerSays(t *testing.T) {
	t.Parallel()
	f := shared.async(t, "async-default", "nodes:\n  - { key: a, type: output, config: { value: 1 } }\n")
	got := f.post(t, "{}")
	require.Equal(t, 200, got.status)
	require.Equal(t, "ok", got.body)
	outcome := f.ended(t, got.run)
	require.Equal(t, everhook.Resolved, outcome.Status)
	require.Equal(t, map[string]any{"runId": string(got.run), "status": "resolved"}, f.answer(t, got.run, "").value(t))

	broken := shared.apply(t, `key: async-broken-answer
mode: async
trigger: { type: webhook, response: { status: 201, body: '{{ trigger.body.id + trigger.body.text }}' } }
nodes: [{ key: a, type: end, config: { status: failed } }]
`)
	got = broken.post(t, `{"id":1,"text":"x"}`)
	require.Equal(t, 200, got.status, "the run counts, not the answer")
	require.Equal(t, "ok", got.body)
	require.Equal(t, everhook.Failed, broken.ended(t, got.run).Status)
	require.Equal(t, "failed", broken.answer(t, got.run, "").value(t).(map[string]any)["status"])
	replay(t, broken, got.run)
}
