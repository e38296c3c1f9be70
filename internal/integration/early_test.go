package integration

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// TestSyncFlowsAreAnsweredWhileTemporalIsAway: the caller, its duplicates and the answer URL get the answer that the
// run has when Temporal is back.
func TestSyncFlowsAreAnsweredWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := start(t, config{change: c.uses})
	const early = `key: early
mode: sync
trigger: { type: webhook, dedupe: { key: 'headers["x-delivery"]' } }
nodes:
  - key: paid
    type: condition
    config: { expression: trigger.body.paid }
    branches:
      then:
        - key: thanks
          type: response
          config: { status: 201, body: { run: '{{ system.runId }}', at: '{{ now() }}' }, continue: true }
      else: [ { key: sorry, type: response, config: { status: 402 } } ]
  - { key: wait, type: delay, config: { duration: 1ms } }
`
	f := p.apply(t, early)
	late := p.apply(t, `key: accepted-in-an-outage
mode: sync
trigger: { type: webhook, onOutage: accept }
nodes: [ { key: wait, type: delay, config: { duration: 1ms } }, { key: a, type: response, config: { body: 1 } } ]
`)
	require.Equal(t, http.StatusPaymentRequired, f.post(t, `{"paid":false}`, delivery("before")).status)
	c.stop(t)
	// The first deliveries find out that Temporal is away.
	require.Eventually(t, func() bool {
		return f.post(t, `{"paid":true}`, delivery(string(everhook.NewRunID()))).status == http.StatusCreated
	}, patience, 10*time.Millisecond)
	first := f.post(t, `{"paid":true}`, delivery("one"))
	require.Equal(t, http.StatusCreated, first.status, first.body)
	again := f.post(t, `{"paid":true}`, delivery("one"))
	require.Equal(t, http.StatusCreated, again.status, again.body)
	require.True(t, again.duplicate())
	require.Equal(t, first.body, again.body)
	require.Equal(t, first.body, f.answer(t, first.run, "").body)
	other := f.post(t, `{"paid":false}`, delivery("one"))
	other.problem(t, http.StatusUnprocessableEntity, everhook.ProblemKeyReused)
	accepted := late.post(t, "{}")
	require.Equal(t, http.StatusAccepted, accepted.status, accepted.body)

	c.start(t)
	outcome := f.ended(t, first.run)
	require.Equal(t, everhook.Resolved, outcome.Status)
	require.False(t, outcome.AnswerDiffers)
	require.Equal(t, first.body, f.answer(t, first.run, "").body)
	require.Equal(t, everhook.Resolved, late.ended(t, accepted.run).Status)
	require.Equal(t, "1", late.answer(t, accepted.run, "").body)
	require.Eventually(t, func() bool {
		return get(t, p.AdminURL()+"/api/v1/inbox").value(t).(map[string]any)["next"] == nil &&
			len(get(t, p.AdminURL()+"/api/v1/inbox").value(t).(map[string]any)["deliveries"].([]any)) == 0
	}, patience, 20*time.Millisecond)
	again = f.post(t, `{"paid":true}`, delivery("one"))
	require.Equal(t, first.body, again.body, "the run has the answer")
	require.Contains(t, get(t, p.AdminURL()+"/metrics").body, "\neverhook_early_answer_differences")
	require.NoError(t, p.replayAll(t.Context()))
}
