package integration

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes"
)

// act calls an action of the admin API for a run.
func (f flow) act(t *testing.T, run everhook.RunID, action, body string) reply {
	t.Helper()
	r, err := call(t.Context(), http.MethodPost, f.product.AdminURL()+"/api/v1/runs/"+string(run)+"/"+action+"?flow="+
		f.key, []byte(body))
	require.NoError(t, err)
	return r
}

// retry starts a run again.
func (f flow) retry(t *testing.T, run everhook.RunID, body string) api.Retried {
	t.Helper()
	r := f.act(t, run, "retry", body)
	require.Equal(t, http.StatusCreated, r.status, r.body)
	var retried api.Retried
	require.NoError(t, json.Unmarshal([]byte(r.body), &retried))
	require.Equal(t, "/api/v1/runs/"+string(retried.ID), r.header.Get("Location"))
	require.Equal(t, run, retried.RetryOf)
	f.remember(reply{run: retried.ID})
	return retried
}

// notDone calls an action that must be refused, and returns the reason.
func (f flow) notDone(t *testing.T, run everhook.RunID, action, body string) string {
	t.Helper()
	return f.act(t, run, action, body).problem(t, http.StatusConflict, everhook.ProblemConflict)["detail"].(string)
}

// retriedFlow charges once with a partner that may be down, with values of each step before it.
func retriedFlow(url string) string {
	return `nodes:
  - { key: name, type: calculation, config: { expression: uuid() } }
  - { key: total, type: variable, config: { value: 1 } }
  - { key: reserve, type: http-request, timeout: 5s, config: { method: POST, url: '` + url + `/reserve', body: { name: '{{ nodes.name }}' } } }
  - key: paid
    type: condition
    config: { expression: 'trigger.body.paid' }
    branches:
      then:
        - { key: more, type: variable, config: { target: total, value: '{{ nodes.total + 1 }}' } }
        - { key: charge, type: http-request, timeout: 5s, retry: { maxAttempts: 1 }, config: { method: POST, url: '` + url + `/charge', body: { name: '{{ nodes.name }}', id: '{{ uuid() }}', total: '{{ nodes.total }}' } } }
  - { key: out, type: output, config: { value: '{{ [nodes.reserve.status, nodes.charge.status, nodes.total, system.runId] }}' } }
`
}

func TestARetryIsRecognisedByThePartner(t *testing.T) {
	t.Parallel()
	var up atomic.Bool
	partner := newPartner(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/charge" && !up.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	f := shared.async(t, "retried", retriedFlow(partner.URL))
	first := f.post(t, `{"paid":true}`).run
	require.Equal(t, everhook.Failed, f.ended(t, first).Status)
	up.Store(true)

	whole := f.retry(t, first, "")
	require.NotEqual(t, first, whole.ID)
	require.Equal(t, everhook.Of([]any{200, 200, 2, string(whole.ID)}), f.ended(t, whole.ID).Output)
	from := f.retry(t, first, `{"from":"charge"}`)
	require.Equal(t, "charge", from.From)
	require.Equal(t, everhook.Of([]any{200, 200, 2, string(from.ID)}), f.ended(t, from.ID).Output)
	again := f.retry(t, from.ID, `{"from":"out"}`)
	require.Equal(t, everhook.Of([]any{200, 200, 2, string(again.ID)}), f.ended(t, again.ID).Output)

	calls := partner.received()
	require.Len(t, calls, 5, "two by the run, two by the first retry, one by the second, none by the third")
	reserve, charge := calls[0], calls[1]
	require.NotEmpty(t, charge.header.Get("Idempotency-Key"))
	for i, want := range []partnerCall{reserve, charge, charge} {
		require.Equal(t, want.body, calls[i+2].body)
		require.Equal(t, want.header.Get("Idempotency-Key"), calls[i+2].header.Get("Idempotency-Key"))
	}
	shown := f.show(t, from.ID)
	require.Equal(t, []string{"paid", "charge", "out"}, keys(shown.Steps))
	require.Equal(t, first, shown.RetryOf)
	require.Equal(t, "charge", shown.RetryFrom)
	page := get(t, f.product.AdminURL()+"/runs/"+string(from.ID)+"?flow="+f.key)
	require.Contains(t, page.body, `<a href="/runs/`+string(first)+`?flow=retried">`)
	replay(t, f, first, whole.ID, from.ID, again.ID)
	record(t, f, from.ID, "retried-from-node")
}

func TestARunIsCancelledAndRetriedByAnOperator(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "retried-while-running", "nodes:\n  - "+longWait+"\n")
	caller := f.postLater(t, "")
	run := f.started(t)
	f.running(t, run, "long")
	require.Equal(t, "the run still goes on; cancel it first, or wait until it has ended",
		f.notDone(t, run, "retry", ""))
	require.Equal(t, http.StatusAccepted, f.act(t, run, "cancel", "").status)
	received(t, caller).problem(t, http.StatusServiceUnavailable, everhook.ProblemRunCancelled)
	require.Equal(t, everhook.Cancelled, f.ended(t, run).Status)
	require.Equal(t, "the run has ended already, as cancelled", f.notDone(t, run, "cancel", ""))

	retried := f.retry(t, run, "")
	f.running(t, retried.ID, "long")
	require.Equal(t, http.StatusAccepted, f.act(t, retried.ID, "cancel", "").status)
	require.Equal(t, everhook.Cancelled, f.ended(t, retried.ID).Status)
	f.answer(t, retried.ID, "").problem(t, http.StatusServiceUnavailable, everhook.ProblemRunCancelled)
	for _, action := range []string{"cancel", "retry"} {
		f.act(t, everhook.NewRunID(), action, "").problem(t, http.StatusNotFound, everhook.ProblemNotFound)
	}
	replay(t, f, run, retried.ID)
}

func TestARetryTakesTheCurrentVersionIfItIsAsked(t *testing.T) {
	t.Parallel()
	nodes := func(total, rest string) string {
		return "nodes:\n  - { key: before, type: calculation, config: { expression: 'trigger.body.n * 2' } }\n  - { " +
			"key: gone, type: calculation, config: { expression: '1' } }\n" +
			"  - { key: total, type: calculation, config: { expression: '" + total +
			"' } }\n  - { key: out, type: output, config: { value: '{{ [nodes.before, nodes.total, " +
			"system.flow.version] }}' } }\n" + rest
	}
	f := shared.async(t, "retried-current", nodes("nodes.before + trigger.body.none", ""))
	run := f.post(t, `{"n":4}`).run
	require.Equal(t, everhook.Errored, f.ended(t, run).Status)
	require.Equal(t, everhook.Errored, f.ended(t, f.retry(t, run, "").ID).Status)

	fixed := shared.async(t, "retried-current", nodes("nodes.before + 1", ""))
	require.NotEqual(t, f.version, fixed.version)
	for _, body := range []string{`{"current":true}`, `{"current":true,"from":"total"}`} {
		retried := f.retry(t, run, body)
		require.Equal(t, fixed.version, retried.Version)
		require.Equal(t, everhook.Of([]any{8, 9, fixed.version}), f.ended(t, retried.ID).Output)
		replay(t, f, retried.ID)
	}
	require.Contains(t, f.notDone(t, run, "retry", `{"from":"out"}`),
		`this run did not reach the node "out"; its last step was "total"`)
	require.Contains(t, f.notDone(t, run, "retry", `{"from":"nope"}`), `the flow of this run has no node "nope"`)

	shared.async(t, "retried-current", "nodes:\n  - key: each\n    type: loop\n    config: { over: 1 }\n    "+
		"branches: { do: [{ key: total, type: calculation, config: { expression: '1' } }] }\n")
	require.Contains(t, f.notDone(t, run, "retry", `{"current":true,"from":"total"}`),
		`the node "total" stands within "each", where a run cannot be continued`)
	require.Contains(t, f.notDone(t, run, "retry", `{"current":true,"from":"gone"}`), `has no node "gone"`)
	shared.async(t, "retried-current", "nodes: []\nonFailure:\n  - { key: total, type: calculation, config: { "+
		"expression: '1' } }\n")
	require.Contains(t, f.notDone(t, run, "retry", `{"current":true,"from":"total"}`),
		`the node "total" stands in onFailure, where a run cannot be continued`)
	require.NoError(t, shared.Catalog().Disable(t.Context(), f.key))
	require.Contains(t, f.notDone(t, run, "retry", `{"current":true}`), "has no enabled version")
	require.Equal(t, everhook.Errored, f.ended(t, f.retry(t, run, "").ID).Status,
		"the version of the run needs no store")
}

func TestARetryInsideALoopBeginsTheLoopAnew(t *testing.T) {
	t.Parallel()
	var up atomic.Bool
	partner := newPartner(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/2" && !up.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	f := shared.async(t, "retried-loop", `nodes:
  - { key: ids, type: calculation, config: { expression: '[1, 2]' } }
  - key: each
    type: loop
    config: { over: nodes.ids }
    branches:
      do: [{ key: ask, type: http-request, timeout: 5s, retry: { maxAttempts: 1 }, config: { method: POST, url: '`+partner.URL+`/{{ loop.item }}', body: '{{ uuid() }}' } }]
`)
	run := f.post(t, `{}`).run
	require.Equal(t, everhook.Failed, f.ended(t, run).Status)
	up.Store(true)
	retried := f.retry(t, run, `{"from":"ask"}`)
	require.Equal(t, "each", retried.From)
	require.Equal(t, everhook.Resolved, f.ended(t, retried.ID).Status)
	calls := partner.received()
	require.Len(t, calls, 4)
	for i := range 2 {
		require.Equal(t, calls[i].body, calls[i+2].body)
		require.Equal(t, calls[i].header.Get("Idempotency-Key"), calls[i+2].header.Get("Idempotency-Key"))
	}
	replay(t, f, run, retried.ID)
}

func TestARetryOfADuplicateHasARunOfItsOwn(t *testing.T) {
	t.Parallel()
	f := shared.apply(t, `key: retried-duplicate
mode: async
trigger: { type: webhook, dedupe: { key: body.id } }
nodes: [{ key: bad, type: calculation, config: { expression: trigger.body.none + 1 } }]
`)
	run := f.post(t, `{"id":1}`).run
	require.Equal(t, everhook.Errored, f.ended(t, run).Status)
	retried := f.retry(t, run, "")
	require.NotEqual(t, run, retried.ID)
	f.ended(t, retried.ID)
	require.Equal(t, run, f.post(t, `{"id":1}`).run, "duplicates belong to the run of the delivery")
	f.ended(t, run)
	replay(t, f, run, retried.ID)
}

func TestARetryLongAfterwardsHasItsWholeTimeout(t *testing.T) {
	t.Parallel()
	f := shared.async(t, "retried-timeout", "options: { timeout: 2s }\nnodes: ["+longWait+"]\n")
	run := f.post(t, "").run
	require.Equal(t, everhook.Aborted, f.ended(t, run).Status)
	retried := f.retry(t, run, "")
	began := f.show(t, retried.ID)
	require.Equal(t, everhook.Aborted, f.ended(t, retried.ID).Status)
	require.GreaterOrEqual(t, f.show(t, retried.ID).Ended.Sub(began.Started), 1900*time.Millisecond)
	require.ErrorIs(t, runs.NewOperator(shared.Temporal(), nodes.Standard(), true).Cancel(t.Context(), f.key,
		everhook.NewRunID()),
		everhook.ErrNoRun)
}

func TestARetryThatNobodyWillCallIsToldSo(t *testing.T) {
	t.Parallel()
	f := shared.async(t, "retried-wait", `nodes:
  - { key: order, type: calculation, config: { expression: 'resumeUrl("done")' } }
  - { key: done, type: wait-for-call, config: { deadline: 1ms } }
`)
	run := f.post(t, "").run
	require.Equal(t, everhook.Failed, f.ended(t, run).Status)
	whole, from := f.retry(t, run, ""), f.retry(t, run, `{"from":"done"}`)
	require.Empty(t, whole.Note)
	require.Equal(t, "the run waits for calls of done, whose URLs are new, but no node from done on sends them: the "+
		"waits will end by their deadlines; retry from the node that sends the URL", from.Note)
	f.ended(t, whole.ID)
	f.ended(t, from.ID)
}
