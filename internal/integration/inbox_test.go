package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
)

// Tokens of flows whose deliveries all go through the inbox.
const (
	inboxPlain = "inbox-plain-token-of-26-characters"
	inboxKeyed = "inbox-keyed-token-of-26-characters"
)

func inboxFlows(partner string) map[string]string {
	flow := func(key, token, more string) string {
		return "key: " + key + "\nmode: async\ntrigger: { type: webhook, inbox: always, token: " + token + more + ` }
nodes:
  - key: effect
    type: http-request
    timeout: 3s
    retry: { maxAttempts: 20, initialInterval: 100ms, maxInterval: 1s, on: [connect, timeout] }
    config: { method: POST, url: '` + partner + `', body: { run: '{{ system.runId }}' } }
`
	}
	return map[string]string{
		"plain.yaml": flow("inbox-plain", inboxPlain, ""),
		"keyed.yaml": flow("inbox-keyed", inboxKeyed, `, dedupe: { key: 'headers["x-delivery"]' }`),
	}
}

// TestKillsLoseNothingInTheInbox kills the process again and again while deliveries go into the inbox and runs are
// started from it.
func TestKillsLoseNothingInTheInbox(t *testing.T) {
	t.Parallel()
	const kills, callers = 4, 6
	partner := newLedger(t)
	data := t.TempDir()
	flows := writeFlows(t, inboxFlows(partner.URL))
	accepted := &acknowledged{runs: map[string][]everhook.RunID{}}
	for range kills {
		p := spawn(t, flows, data)
		ctx, end := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for caller := range callers {
			all.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					if caller%2 == 0 {
						accepted.send(ctx, p, "inbox-plain", inboxPlain, "{}")
						continue
					}
					accepted.send(ctx, p, "inbox-keyed", inboxKeyed, "{}", delivery(fmt.Sprint(n/2)))
				}
			})
		}
		before := accepted.count()
		require.Eventually(t, func() bool { return accepted.count() >= before+50+rand.IntN(100) }, patience,
			time.Millisecond)
		p.kill()
		end()
		all.Wait()
	}
	last := start(t, config{dir: data})
	runs := 0
	for key, ids := range accepted.runs {
		seen := map[everhook.RunID]bool{}
		for _, id := range ids {
			if seen[id] {
				continue
			}
			seen[id] = true
			f := flow{product: last, key: key}
			require.Equal(t, everhook.Resolved, f.ended(t, id).Status, "%s/%s", key, id)
			require.Equal(t, 1, partner.effects(id), "%s/%s", key, id)
			runs++
		}
	}
	t.Logf("%d deliveries were accepted, %d runs", accepted.count(), runs)
	last.ranOnce(t)
	require.NoError(t, last.replayAll(t.Context()))
}

// TestARunThatWaitsInTheInboxIsPending: its answer URL knows it, and a duplicate finds it.
func TestARunThatWaitsInTheInboxIsPending(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := start(t, config{change: c.uses})
	f := p.apply(t, `key: inbox-pending
mode: async
trigger:
  type: webhook
  dedupe: { key: 'headers["x-delivery"]' }
  response: { status: 202, body: { run: '{{ system.runId }}' } }
nodes: [{ key: a, type: output, config: { value: 1 } }]
`)
	c.stop(t)
	first := f.post(t, `{"n":1}`, delivery("one"))
	require.Equal(t, http.StatusAccepted, first.status, first.body)
	require.False(t, first.duplicate())
	again := f.post(t, `{"n":1}`, delivery("one"))
	require.Equal(t, first.run, again.run)
	require.Equal(t, first.body, again.body)
	require.True(t, again.duplicate())
	other := f.post(t, `{"n":2}`, delivery("one"))
	other.problem(t, http.StatusUnprocessableEntity, everhook.ProblemKeyReused)
	state := map[string]any{"runId": string(first.run), "status": "pending"}
	require.Equal(t, state, f.answer(t, first.run, "").value(t))
	require.Contains(t, get(t, p.AdminURL()+"/metrics").body, "\neverhook_inbox_rows 1\n")
	shown := get(t, p.AdminURL()+"/api/v1/runs/"+string(first.run)).body
	require.Contains(t, shown, `"flow":"inbox-pending"`)
	require.Contains(t, shown, `"status":"queued"`)
	require.Regexp(t, `"waiting":{"delivery":\d+,"since":"2`, shown)

	c.start(t)
	require.Equal(t, everhook.Resolved, f.ended(t, first.run).Status)
	f.executions(t, first.run, 1)
	late := f.insist(t, `{"n":1}`, delivery("one"))
	require.True(t, late.duplicate())
}

// TestACallWaitsInTheInbox: a flow that is called by the API while Temporal is away is run later, once.
func TestACallWaitsInTheInbox(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := start(t, config{change: c.uses})
	f := p.apply(t, "key: inbox-call\nmode: async\ntrigger: { type: call }\nnodes: [{ key: a, type: output, "+
		"config: { value: '{{ trigger.input }}' } }]\n")
	c.stop(t)
	call := func() (started api.StartedRun) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			p.AdminURL()+"/api/v1/flows/inbox-call/runs", strings.NewReader(`{"input":{"n":7}}`))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", "one")
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		require.Equal(t, http.StatusAccepted, response.StatusCode)
		require.NoError(t, json.NewDecoder(response.Body).Decode(&started))
		return started
	}
	started := call()
	require.Equal(t, started, call())
	answer := p.AdminURL() + "/api/v1/flows/inbox-call/runs/" + string(started.ID) + "/answer"
	require.Contains(t, get(t, answer).body, `"status":"queued"`)
	c.start(t)
	require.Equal(t, everhook.Resolved, f.ended(t, started.ID).Status)
	f.executions(t, started.ID, 1)
	require.Contains(t, get(t, answer+"?waitSeconds=50").body, `"answer":{"status":200,"body":{"n":7}}`)
}

// TestADeliveryRunsTheVersionItWasAcceptedFor, although another one is enabled, or none.
func TestADeliveryRunsTheVersionItWasAcceptedFor(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := start(t, config{change: c.uses, environ: []string{"EVERHOOK_ENV_STAGE=first"}})
	value := func(n int) string {
		return fmt.Sprintf("nodes:\n  - key: a\n    type: output\n    config: { value: '%d {{ env.STAGE }} "+
			"{{ trigger.body.id }}' }\n", n)
	}
	f := p.async(t, "inbox-version", value(1))
	c.stop(t)
	accepted := f.post(t, `{"id":"x"}`)
	require.Equal(t, http.StatusOK, accepted.status)
	p.async(t, "inbox-version", value(2))
	require.NoError(t, p.Catalog().Disable(t.Context(), f.key))
	c.start(t)
	require.Equal(t, "1 first x", f.ended(t, accepted.run).Output.V)
}

// TestADeliveryThatCannotBeStartedIsADeadLetter: its flow was deleted while it waited.
func TestADeliveryThatCannotBeStartedIsADeadLetter(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := start(t, config{change: c.uses})
	f := p.async(t, "inbox-dead", "nodes: []\n")
	c.stop(t)
	accepted := f.post(t, "{}")
	require.Equal(t, http.StatusOK, accepted.status)
	inbox := p.AdminURL() + "/api/v1/inbox"
	list := func(query string) []any {
		return get(t, inbox+query).value(t).(map[string]any)["deliveries"].([]any)
	}
	require.Len(t, list("?flow=inbox-dead"), 1)
	deleted, err := call(t.Context(), http.MethodDelete, p.AdminURL()+"/api/v1/flows/inbox-dead", nil)
	require.NoError(t, err)
	require.Less(t, deleted.status, 300, deleted.body)
	require.Eventually(t, func() bool { return len(list("?dead=true")) == 1 }, patience, 20*time.Millisecond)
	require.Empty(t, list(""))
	dead := list("?dead=true")[0].(map[string]any)
	require.Equal(t, string(accepted.run), dead["run"])
	require.Contains(t, dead["reason"], "version 1 of flow \"inbox-dead\" does not exist any longer")
	one := fmt.Sprint(inbox, "/", dead["id"])
	retried, err := call(t.Context(), http.MethodPost, one+"/retry", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, retried.status, retried.body)
	require.Eventually(t, func() bool { return len(list("?dead=true")) == 1 }, patience, 20*time.Millisecond)
	one = fmt.Sprint(inbox, "/", list("?dead=true")[0].(map[string]any)["id"])
	dropped, err := call(t.Context(), http.MethodDelete, one, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, dropped.status, dropped.body)
	require.Empty(t, list("?dead=true"))
	again, err := call(t.Context(), http.MethodDelete, one, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusNotFound, again.status)
}

// TestAPausedFlowRunsItsDeliveriesLater: they are accepted as usual, also after a restart, and run once it is resumed.
func TestAPausedFlowRunsItsDeliveriesLater(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := start(t, config{dir: data})
	f := p.async(t, "inbox-paused", "nodes: [{ key: a, type: output, config: { value: 1 } }]\n")
	act := func(what string) {
		t.Helper()
		done, err := call(t.Context(), http.MethodPost, p.AdminURL()+"/api/v1/flows/inbox-paused/"+what, nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, done.status, done.body)
	}
	act("pause")
	accepted := []reply{f.post(t, "{}")}
	p.Stop()
	p = start(t, config{dir: data})
	f.product, f.url = p, p.HookURL(f.token)
	require.Equal(t, true, get(t, p.AdminURL()+"/api/v1/flows/inbox-paused").value(t).(map[string]any)["paused"])
	for range 3 {
		accepted = append(accepted, f.post(t, "{}"))
	}
	other := p.async(t, "inbox-not-paused", "nodes: []\n")
	require.Equal(t, everhook.Resolved, other.ended(t, other.post(t, "{}").run).Status)
	for _, one := range accepted {
		require.Equal(t, http.StatusOK, one.status, one.body)
		require.Equal(t, "pending", f.answer(t, one.run, "").value(t).(map[string]any)["status"])
	}
	require.Contains(t, get(t, p.AdminURL()+"/metrics").body, "\neverhook_inbox_rows 4\n")
	act("resume")
	for _, one := range accepted {
		require.Equal(t, everhook.Resolved, f.ended(t, one.run).Status)
	}
}

// TestTheInboxIsTakenOver by another process on the same directory, when the one that has it ends.
func TestTheInboxIsTakenOver(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	data := t.TempDir()
	first := start(t, config{dir: data, change: c.uses})
	f := first.async(t, "inbox-taken-over", "nodes: [{ key: a, type: output, config: { value: 1 } }]\n")
	second := start(t, config{dir: data, change: c.uses})
	inbox := second.AdminURL() + "/api/v1/inbox"
	require.Equal(t, http.StatusNotFound, get(t, inbox).status)
	c.stop(t)
	left := f.post(t, "{}")
	require.Equal(t, http.StatusOK, left.status, left.body)
	first.Stop()
	require.Eventually(t, func() bool { return get(t, inbox).status == http.StatusOK }, patience, 20*time.Millisecond)
	require.Len(t, get(t, inbox).value(t).(map[string]any)["deliveries"], 1)
	f.product, f.url = second, second.HookURL(f.token)
	accepted := f.post(t, "{}")
	require.Equal(t, http.StatusOK, accepted.status, accepted.body)
	c.start(t)
	for _, run := range []everhook.RunID{left.run, accepted.run} {
		require.Equal(t, everhook.Resolved, f.ended(t, run).Status)
	}
}
