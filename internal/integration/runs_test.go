package integration

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes"
)

func TestRunsAreListedByHowTheyStand(t *testing.T) {
	t.Parallel()
	p := start(t, config{})
	f := p.async(t, "listed", `options: { timeout: 1s }
nodes:
  - key: how
    type: multi-conditions
    config:
      cases: [{ name: resolved, when: 'trigger.body == "resolved"' }, { name: rejected, when: 'trigger.body == "rejected"' }, { name: broken, when: 'trigger.body == "error"' }, { name: aborted, when: 'trigger.body == "aborted"' }]
    branches:
      resolved: [{ key: a, type: end }]
      rejected: [{ key: b, type: end, config: { status: rejected } }]
      broken: [{ key: c, type: calculation, config: { expression: '1 + trigger.body' } }]
      aborted: [`+longWait+`]
`)
	started := map[everhook.Status]everhook.RunID{}
	for _, status := range []everhook.Status{everhook.Resolved, everhook.Failed, everhook.Errored, everhook.Rejected,
		everhook.Aborted} {
		started[status] = f.post(t, `"`+string(status)+`"`).run
		require.Equal(t, status, f.ended(t, started[status]).Status)
	}
	for status, run := range started {
		var list admin.RunList
		require.Eventually(t, func() bool {
			got := get(t, fmt.Sprintf("%s/api/v1/runs?status=%s&flow=listed", p.AdminURL(), status))
			return got.status == 200 && json.Unmarshal([]byte(got.body), &list) == nil && len(list.Runs) == 1
		}, patience, 50*time.Millisecond, status)
		require.Equal(t, run, list.Runs[0].ID)
		require.Equal(t, status, list.Runs[0].Status)
		require.Equal(t, 1, list.Runs[0].Version)
		found := get(t, p.AdminURL()+"/api/v1/runs/"+string(run))
		require.Equal(t, 200, found.status, "a run is found without its flow's key")
	}
	require.Equal(t, 404, get(t, p.AdminURL()+"/api/v1/runs/"+string(everhook.NewRunID())).status)

	going := p.async(t, "going", "nodes: ["+longWait+"]").post(t, "").run
	shown := func(filter runs.Filter) (ids []everhook.RunID) {
		list, _, err := runs.NewOperator(p.Temporal(), nodes.Standard(), true).List(t.Context(), filter)
		require.NoError(t, err)
		for _, run := range list {
			ids = append(ids, run.ID)
		}
		return ids
	}
	require.Eventually(t, func() bool {
		return slices.Equal([]everhook.RunID{going}, shown(runs.Filter{Status: everhook.Pending}))
	}, patience, 50*time.Millisecond)
	require.Equal(t, going, shown(runs.Filter{})[0])
	ended := shown(runs.Filter{Ended: true})
	require.Len(t, ended, len(started))
	require.NotContains(t, ended, going)
	require.NoError(t, p.replayAll(t.Context()))
}

func TestALongStepLogIsShownWhole(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "long-log", `nodes:
  - key: each
    type: loop
    config: { over: 150 }
    branches:
      do: [{ key: big, type: calculation, config: { expression: 'repeat("x", 6000)' } }]
`)
	got := f.post(t, "")
	require.Equal(t, 200, got.status, "%v", f.ended(t, got.run).Error)
	shown := f.show(t, got.run)
	require.Len(t, shown.Steps, 151, "steps of several pages")
	require.Equal(t, 151, shown.Total)
	for i, step := range shown.Steps {
		require.Equal(t, i+1, step.Number)
	}
	replay(t, f, got.run)
}
