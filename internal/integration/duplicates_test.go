package integration

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/everhook/everhook"
)

// deduped applies a flow with the header X-Delivery as dedupe key.
func (p *product) deduped(t *testing.T, key string, mode everhook.Mode, more, nodes string) flow {
	t.Helper()
	return p.apply(t, fmt.Sprintf(`key: %s
mode: %s
trigger:
  type: webhook
  dedupe: { key: 'headers["x-delivery"]'%s }
%s`, key, mode, more, nodes))
}

func delivery(key string) change { return header("X-Delivery", key) }

// insist sends a delivery as providers do: it repeats the delivery until it is stored.
func (f flow) insist(t *testing.T, body string, changes ...change) reply {
	t.Helper()
	r := f.post(t, body, changes...)
	for began := time.Now(); r.status == http.StatusServiceUnavailable && time.Since(began) < patience; {
		r = f.post(t, body, changes...)
	}
	return r
}

// insistAtOnce sends the same delivery several times at once.
func (f flow) insistAtOnce(t *testing.T, times int, body string, changes ...change) []reply {
	t.Helper()
	replies := make([]reply, times)
	var all sync.WaitGroup
	for i := range replies {
		all.Go(func() { replies[i] = f.insist(t, body, changes...) })
	}
	all.Wait()
	return replies
}

// duplicate reports whether the reply marks the delivery as a duplicate.
func (r reply) duplicate() bool { return r.header.Get("Everhook-Duplicate") == "true" }

// executions checks the number of executions of a run ID.
func (f flow) executions(t *testing.T, run everhook.RunID, want int64) {
	t.Helper()
	require.Eventually(t, func() bool {
		count, err := f.product.Temporal().CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowId = '%s'", everhook.WorkflowID(f.key, run)),
		})
		return err == nil && count.GetCount() == want
	}, patience, 50*time.Millisecond, "%s has not had %d executions", run, want)
}

func TestAHundredDuplicatesAtOnceAreOneRunWithOneAnswer(t *testing.T) {
	t.Parallel()
	for _, mode := range []everhook.Mode{everhook.Sync, everhook.Async} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			nodes := `nodes: [ { key: a, type: response, config: { status: 201, body: { id: '{{ uuid() }}' } } } ]`
			if mode == everhook.Async {
				nodes = `nodes: [ { key: a, type: output, config: { value: 1 } } ]`
			}
			f := shared.deduped(t, "dedupe-hundred-"+string(mode), mode, "", nodes)
			replies := f.insistAtOnce(t, 100, `{"n":1}`, delivery("evt/ä 1"))
			first, duplicates := replies[0], 0
			for _, r := range replies {
				require.Less(t, r.status, 300, r.body)
				require.Equal(t, first.run, r.run)
				require.Equal(t, first.body, r.body)
				if r.duplicate() {
					duplicates++
				}
			}
			require.GreaterOrEqual(t, duplicates, 99, "one of them started the run")
			later := f.insist(t, `{"n":1}`, delivery("evt/ä 1"))
			require.True(t, later.duplicate())
			require.Equal(t, first.body, later.body)
			f.ended(t, first.run)
			afterwards := f.insist(t, `{"n":1}`, delivery("evt/ä 1"))
			require.True(t, afterwards.duplicate())
			require.Equal(t, first.body, afterwards.body)
			f.executions(t, first.run, 1)
			replay(t, f, first.run)
		})
	}
}

func TestAKeyThatComesWithAnotherBodyIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mode    everhook.Mode
		more    string
		refused bool
	}{
		"dedupe-body-sync":    {everhook.Sync, "", true},
		"dedupe-body-async":   {everhook.Async, "", true},
		"dedupe-body-ignored": {everhook.Sync, ", payload: ignore", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := shared.deduped(t, name, test.mode, test.more,
				`nodes: [ { key: a, type: output, config: { value: '{{ trigger.body.n }}' } } ]`)
			first := f.post(t, `{"n":1}`, delivery("1"))
			require.Equal(t, http.StatusOK, first.status)
			other := f.post(t, `{"n":2}`, delivery("1"))
			if test.refused {
				other.problem(t, http.StatusUnprocessableEntity, everhook.ProblemKeyReused)
			} else {
				require.True(t, other.duplicate())
				require.Equal(t, first.body, other.body)
			}
			require.NotEqual(t, first.run, f.post(t, `{"n":2}`, delivery("2")).run)
		})
	}
}

func TestKeysOfEveryShapeAreTaken(t *testing.T) {
	t.Parallel()
	f := shared.apply(t, `key: dedupe-keys
mode: async
trigger: { type: webhook, dedupe: { key: body.id } }
`)
	seen := map[everhook.RunID]string{}
	for _, key := range []string{`"a/b/c"`, `"ключ 🔑"`, `"` + strings.Repeat("x", 10_000) + `"`, `17`, `" "`} {
		first := f.post(t, `{"id":`+key+`}`)
		require.Equal(t, http.StatusOK, first.status, first.body)
		require.False(t, first.duplicate())
		require.Empty(t, seen[first.run], "two keys have one run")
		seen[first.run] = key
		again := f.post(t, `{"id":`+key+`}`)
		require.True(t, again.duplicate())
		require.Equal(t, first.run, again.run)
	}
	for _, body := range []string{`{"id":""}`, `{"id":null}`, `{}`, `{"id":true}`, `{"id":[1]}`} {
		f.post(t, body).problem(t, http.StatusBadRequest, everhook.ProblemMalformed)
	}
	optional := shared.apply(t, `key: dedupe-optional
mode: async
trigger: { type: webhook, dedupe: { preset: idempotency-key, optional: true } }
`)
	require.NotEqual(t, optional.post(t, `{}`).run, optional.post(t, `{}`).run)
	quoted := optional.post(t, `{}`, header("Idempotency-Key", `"8e03978e"`))
	require.Equal(t, quoted.run, optional.post(t, `{}`, header("Idempotency-Key", `8e03978e`)).run)
}

// TestARetryHeals checks that a run that failed without an answer runs again, under the same ID and with the same
// idempotency keys.
func TestARetryHeals(t *testing.T) {
	t.Parallel()
	for _, mode := range []everhook.Mode{everhook.Sync, everhook.Async} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			var broken atomic.Bool
			broken.Store(true)
			p := newPartner(t, func(w http.ResponseWriter, _ *http.Request) {
				if broken.Load() {
					w.WriteHeader(http.StatusConflict)
				}
			})
			f := shared.deduped(t, "dedupe-heals-"+string(mode), mode, "", fmt.Sprintf(`nodes:
  - { key: charge, type: http-request, config: { method: POST, url: '%s', body: { n: '{{ trigger.body.n }}' } } }
  - { key: done, type: output, config: { value: charged } }
`, p.URL))
			first := f.post(t, `{"n":1}`, delivery("1"))
			require.Equal(t, everhook.Failed, f.ended(t, first.run).Status)
			if mode == everhook.Sync {
				first.problem(t, http.StatusInternalServerError, everhook.ProblemRunFailed)
			}
			broken.Store(false)
			for _, r := range f.insistAtOnce(t, 10, `{"n":1}`, delivery("1")) {
				require.Equal(t, http.StatusOK, r.status, r.body)
				require.Equal(t, first.run, r.run)
			}
			require.Eventually(t, func() bool { return f.ended(t, first.run).Status == everhook.Resolved }, patience,
				5*time.Millisecond, "a delivery may wait in the inbox before it runs the run again")
			require.True(t, f.insist(t, `{"n":1}`, delivery("1")).duplicate(),
				"a run that ended well is never started again")
			f.executions(t, first.run, 2)
			calls := p.received()
			require.Len(t, calls, 2)
			require.NotEmpty(t, calls[0].header.Get("Idempotency-Key"))
			require.Equal(t, calls[0].header.Get("Idempotency-Key"), calls[1].header.Get("Idempotency-Key"))
		})
	}
}

func TestWhatDoesNotHealIsAnsweredAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		more, nodes string
		status      int
	}{
		"dedupe-stored-failure": {", onFailure: answer",
			`nodes: [ { key: stop, type: end, config: { status: failed } } ]`, http.StatusInternalServerError},
		"dedupe-rejected": {"", `nodes: [ { key: stop, type: end, config: { status: rejected } } ]`,
			http.StatusConflict},
		"dedupe-own-answer": {"", `nodes:
  - { key: a, type: response, config: { status: 422, body: no, continue: true } }
  - { key: stop, type: end, config: { status: failed } }`, http.StatusUnprocessableEntity},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := shared.deduped(t, name, everhook.Sync, test.more, test.nodes)
			first := f.post(t, `{}`, delivery("1"))
			require.Equal(t, test.status, first.status, first.body)
			f.ended(t, first.run)
			again := f.post(t, `{}`, delivery("1"))
			require.Equal(t, test.status, again.status, again.body)
			require.True(t, again.duplicate())
			require.Equal(t, first.run, again.run)
			f.executions(t, first.run, 1)
		})
	}
}

func TestADuplicateOfATerminatedRunStartsNothing(t *testing.T) {
	t.Parallel()
	f := shared.deduped(t, "dedupe-terminated", everhook.Sync, "", "nodes: ["+longWait+"]")
	caller := f.postLater(t, `{}`, delivery("1"))
	run := f.started(t)
	f.running(t, run, "long")
	require.NoError(t, f.product.Temporal().TerminateWorkflow(t.Context(), everhook.WorkflowID(f.key, run), "", ""))
	received(t, caller).problem(t, http.StatusServiceUnavailable, everhook.ProblemRunCancelled)
	again := f.post(t, `{}`, delivery("1"))
	again.problem(t, http.StatusServiceUnavailable, everhook.ProblemRunCancelled)
	require.True(t, again.duplicate())
	f.executions(t, run, 1)
}

func TestADuplicateOfARunThatWaitsIsToldSo(t *testing.T) {
	t.Parallel()
	f := shared.deduped(t, "dedupe-waits", everhook.Sync, "", `options: { wait: 300ms }
nodes:
  - { key: pause, type: delay, config: { duration: 5s } }
  - { key: a, type: response, config: { body: done } }`)
	first := f.post(t, `{}`, delivery("1"))
	require.Equal(t, http.StatusAccepted, first.status)
	require.False(t, first.duplicate())
	again := f.post(t, `{}`, delivery("1"))
	require.Equal(t, http.StatusAccepted, again.status)
	require.True(t, again.duplicate())
	f.post(t, `{"other":1}`, delivery("1")).problem(t, http.StatusUnprocessableEntity, everhook.ProblemKeyReused)
	require.Equal(t, "done", f.answer(t, first.run, "20s").body)
}
