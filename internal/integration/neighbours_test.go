package integration

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/server"
)

// TestFlowsThatCallThemselvesComeToAnEnd lets a flow call itself twice, and does not wait for it.
func TestFlowsThatCallThemselvesComeToAnEnd(t *testing.T) {
	t.Parallel()
	const most = 40
	p := start(t, config{change: func(o *server.Options) { o.MaxDescendants = most }})
	rabbits := p.called(t, "rabbits", `nodes:
  - key: each
    type: loop
    config: { over: 2, onFail: continue }
    branches: { do: [ { key: sub, type: subflow, config: { flow: rabbits, wait: false } } ] }
  - { key: errors, type: output, config: { value: '{{ nodes.each.errors }}' } }
`)
	f := p.async(t, "first-rabbit", "nodes: [ { key: sub, type: subflow, config: { flow: rabbits, wait: false } } ]")
	f.post(t, "")
	var list api.RunList
	require.Eventually(t, func() bool {
		got := get(t, p.AdminURL()+"/api/v1/runs?limit=200&flow=rabbits")
		return json.Unmarshal([]byte(got.body), &list) == nil && len(list.Runs) > 2 &&
			!slices.ContainsFunc(list.Runs, func(r api.RunSummary) bool { return r.Status == everhook.Pending })
	}, patience, 50*time.Millisecond)
	require.LessOrEqual(t, len(list.Runs), most)
	require.True(t, slices.ContainsFunc(list.Runs, func(r api.RunSummary) bool {
		errors, err := everhook.EncodeJSON(rabbits.ended(t, r.ID).Output)
		return err == nil && strings.Contains(string(errors), "as many runs as they may")
	}), "those at the limit get an error")
}

// TestAllRunsOfAFlowAreCancelled stops runs that deliveries started, and runs that other flows called.
func TestAllRunsOfAFlowAreCancelled(t *testing.T) {
	t.Parallel()
	p := start(t, config{})
	sleeper := p.called(t, "sleeper", "nodes: ["+longWait+"]")
	f := p.async(t, "callers", "nodes: [ { key: sub, type: subflow, config: { flow: sleeper, wait: false } } ]")
	other := p.async(t, "other", "nodes: ["+longWait+"]")
	bystander := other.post(t, "").run
	var called []everhook.RunID
	for range 30 {
		called = append(called, f.calls(t, f.post(t, "").run, "sub"))
	}
	asked := 0
	askAll := func() int {
		got, err := call(t.Context(), http.MethodPost, p.AdminURL()+"/api/v1/flows/sleeper/cancel", nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusAccepted, got.status, got.body)
		var cancelled api.CancelledFlow
		require.NoError(t, json.Unmarshal([]byte(got.body), &cancelled))
		return cancelled.Asked
	}
	require.Eventually(t, func() bool { // the list may not have the last runs yet, and still have those that have ended
		asked += askAll()
		return asked >= len(called)
	}, patience, 50*time.Millisecond)
	require.Zero(t, askAll(), "each run is asked once")
	require.Equal(t, len(called), asked)
	for _, run := range called {
		require.Equal(t, everhook.Cancelled, sleeper.ended(t, run).Status)
	}
	other.running(t, bystander, "long")
}

// TestANeighbourIsServedDuringLoopsInLoops calls a flow at a slow pace while runs of another one go through concurrent
// loops within concurrent loops, each with an effect.
func TestANeighbourIsServedDuringLoopsInLoops(t *testing.T) {
	p := start(t, config{})
	partner := newPartner(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	call := "{ key: call, type: http-request, config: { url: '" + partner.URL + "' } }"
	attack := p.async(t, "attack", `nodes:
  - key: outer
    type: loop
    config: { over: 100, concurrency: 100 }
    branches:
      do:
        - key: inner
          type: loop
          config: { over: 100, concurrency: 100 }
          branches: { do: [ `+call+` ] }
`)
	answer := "{ key: ok, type: response, config: { body: ok } }"
	neighbours := []flow{p.sync(t, "pure", "nodes: [ "+answer+" ]"),
		p.sync(t, "with-an-effect", "nodes: [ "+call+", "+answer+" ]")}
	// The median: on a busy machine, any single call can be slow.
	usual := func(f flow) time.Duration {
		var took []time.Duration
		for range 21 {
			got := f.post(t, "{}")
			require.Equal(t, http.StatusOK, got.status, got.body)
			took = append(took, got.took)
		}
		slices.Sort(took)
		return took[len(took)/2]
	}
	var alone []time.Duration
	for _, f := range neighbours {
		usual(f) // the first calls are slower
		alone = append(alone, usual(f))
	}
	var runs []everhook.RunID
	for range 3 {
		runs = append(runs, attack.post(t, "").run)
	}
	require.Eventually(t, func() bool { return len(partner.received()) > 300 }, patience, 10*time.Millisecond)
	for i, f := range neighbours {
		took := usual(f)
		t.Logf("%s: %v alone, %v during the attack", f.key, alone[i], took)
		require.Less(t, took, time.Second+20*alone[i], "%s took %v alone", f.key, alone[i])
	}
	for _, run := range runs {
		require.Equal(t, everhook.Pending, attack.show(t, run).Status, "the attack goes on")
	}
}

// TestSlowEffectsOfManyRunsLeavePlacesToOthers has more runs of one flow wait for a slow partner than there are places
// for effects, and calls another flow meanwhile.
func TestSlowEffectsOfManyRunsLeavePlacesToOthers(t *testing.T) {
	t.Parallel()
	const places = 20
	p := start(t, config{change: func(o *server.Options) { o.MaxEffects = places }})
	answer := make(chan struct{})
	slow := newPartner(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-answer:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusNoContent)
	})
	quick := newPartner(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	call := func(partner string) string {
		return "{ key: call, type: http-request, timeout: 10m, retry: { maxAttempts: 1 }, config: { url: '" + partner +
			"' } }"
	}
	hog := p.async(t, "hog", "nodes: [ "+call(slow.URL)+" ]")
	neighbour := p.sync(t, "neighbour", "nodes: [ "+call(quick.URL)+
		", { key: ok, type: response, config: { body: ok } } ]")
	var runs []everhook.RunID
	for range 2 * places {
		runs = append(runs, hog.post(t, "").run)
	}
	require.Eventually(t, func() bool { return len(slow.received()) >= places*4/5 }, patience, 10*time.Millisecond)
	var slowest time.Duration
	for range 20 {
		got := neighbour.post(t, "{}")
		require.Equal(t, http.StatusOK, got.status, got.body)
		slowest = max(slowest, got.took)
	}
	t.Logf("the neighbour waited for at most %v", slowest)
	close(answer)
	for _, run := range runs {
		require.Equal(t, everhook.Resolved, hog.ended(t, run).Status, "waiting for a place is no attempt")
	}
	require.GreaterOrEqual(t, len(slow.received()), len(runs))
}
