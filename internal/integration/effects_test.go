package integration

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes"
)

func TestBranchesThatLoseStopAtOnce(t *testing.T) {
	t.Parallel()
	gate := newGate(t)
	f := shared.sync(t, "losing-branches", `nodes:
  - key: first
    type: parallel
    config: { mode: any }
    branches:
      asks: [{ key: ask, type: http-request, timeout: 50s, config: { url: '`+gate.URL+`' } }]
      waits: [{ key: wait, type: delay, config: { duration: 1h } }]
      fails: [{ key: fail, type: condition, config: { expression: 'false', rejectOnFalse: true } }]
      wins: [{ key: pause, type: delay, config: { duration: 500ms } }, { key: win, type: calculation, config: { expression: '1' } }]
  - { key: a, type: response, config: { body: '{{ nodes.first }}' } }
`)
	got := f.post(t, "")
	require.Equal(t, 200, got.status, got.body)
	require.JSONEq(t, `{"asks":{"status":"cancelled","result":null},"waits":{"status":"cancelled","result":null},`+
		`"fails":{"status":"failed","result":null},"wins":{"status":"resolved","result":1}}`, got.body)
	require.Less(t, got.took, 20*time.Second)
	t.Logf("the losers had stopped after %v", got.took)
	replay(t, f, got.run)
	record(t, f, got.run, "losing-branches")
}

func TestAnEffectIsTriedAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	partner := newPartner(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	f := shared.sync(t, "tried-again", `nodes:
  - { key: ask, type: http-request, timeout: 5s, retry: { maxAttempts: 5, initialInterval: 10ms }, config: { method: POST, url: '`+partner.URL+`', body: 1 } }
  - { key: a, type: response, config: { status: '{{ nodes.ask.status }}' } }
`)
	got := f.post(t, "")
	require.Equal(t, 200, got.status, got.body)
	told := partner.received()
	require.Len(t, told, 3)
	key := told[0].header.Get("Idempotency-Key")
	require.NotEmpty(t, key)
	for _, call := range told {
		require.Equal(t, key, call.header.Get("Idempotency-Key"))
	}
	require.Equal(t, 3, f.show(t, got.run).Steps[0].Attempts)
	replay(t, f, got.run)
	record(t, f, got.run, "tried-again")
}

func TestPausesMayBeShorterThanThatAfterALostWorker(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	partner := newPartner(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	f := shared.sync(t, "short-pauses", `nodes:
  - { key: ask, type: http-request, timeout: 5s, retry: { maxAttempts: 3, initialInterval: 10ms, maxInterval: 20ms }, config: { url: '`+partner.URL+`' } }
  - { key: a, type: response, config: { status: '{{ nodes.ask.status }}' } }
`)
	got := f.post(t, "")
	require.Equal(t, 200, got.status, got.body)
	require.Len(t, partner.received(), 3)
	require.Equal(t, 3, f.show(t, got.run).Steps[0].Attempts)
	replay(t, f, got.run)
}

func TestFailuresAreCaughtWhereTheFlowSays(t *testing.T) {
	t.Parallel()
	partner := newPartner(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusPaymentRequired) })
	f := shared.sync(t, "caught-failures", `nodes:
  - key: each
    type: loop
    config: { over: '[1, 0, 2]', onFail: continue, collect: nodes.checked }
    branches:
      do: [{ key: checked, type: condition, config: { expression: 'loop.item > 0', rejectOnFalse: true } }]
  - key: charge
    type: http-request
    timeout: 5s
    onError: branch
    config: { method: POST, url: '`+partner.URL+`' }
    branches:
      error: [{ key: a, type: response, config: { status: 402, body: { status: '{{ errors.charge.response.status }}', failed: '{{ nodes.each.failed }}', items: '{{ nodes.each.items }}' } } }]
`)
	got := f.post(t, "")
	require.Equal(t, 402, got.status, got.body)
	require.JSONEq(t, `{"status":402,"failed":1,"items":[true,null,true]}`, got.body)
	require.Equal(t, everhook.Resolved, f.ended(t, got.run).Status)
	replay(t, f, got.run)
	record(t, f, got.run, "caught-failures")
}

func TestACancelledRunStopsItsRequests(t *testing.T) {
	t.Parallel()
	gate := newGate(t)
	f := shared.async(t, "cancelled-request", "nodes: [{ key: ask, type: http-request, timeout: 50s, config: { url: '"+
		gate.URL+"' } }]")
	got := f.post(t, "")
	gate.reached(t, 1)
	began := time.Now()
	require.NoError(t, runs.NewOperator(shared.Temporal(), nodes.Standard(), true).Cancel(t.Context(), f.key, got.run))
	require.Equal(t, everhook.Cancelled, f.ended(t, got.run).Status)
	require.Less(t, time.Since(began), 20*time.Second)
	t.Logf("the run had ended %v after it was cancelled", time.Since(began))
	events := f.events(t, got.run)
	require.Equal(t, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, events[len(events)-1].GetEventType())
	record(t, f, got.run, "cancelled-request")
}

func TestReplayNoticesCodeThatDoesOtherThings(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "replay-notices", "nodes:\n  - { key: pause, type: delay, config: { duration: 10ms } }\n  - "+
		"{ key: a, type: response }\n")
	got := f.post(t, "")
	f.ended(t, got.run)
	history, err := shared.history(t.Context(), everhook.WorkflowID(f.key, got.run), "")
	require.NoError(t, err)
	require.NoError(t, shared.replayHistory(history))
	for _, event := range history.GetEvents() {
		if timer := event.GetTimerStartedEventAttributes(); timer != nil {
			timer.TimerId = "another"
		}
	}
	require.ErrorContains(t, shared.replayHistory(history), "nondeterministic")
}
