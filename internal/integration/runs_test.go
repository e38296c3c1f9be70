package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
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
		var list api.RunList
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

func TestListsOfRunsGoPageByPage(t *testing.T) {
	t.Parallel()
	p := start(t, config{})
	f := p.sync(t, "paged", "nodes: [{ key: a, type: response, config: { status: 200 } }]")
	other := p.sync(t, "other", "nodes: [{ key: a, type: end, config: { status: rejected } }]")
	before := time.Now()
	want := map[everhook.RunID]bool{other.post(t, "").run: true}
	for range 4 {
		want[f.post(t, "").run] = true
	}
	list := func(query string) (all api.RunList) {
		got := get(t, p.AdminURL()+"/api/v1/runs?"+query)
		require.Equal(t, 200, got.status, got.body)
		require.NoError(t, json.Unmarshal([]byte(got.body), &all))
		return all
	}
	require.Eventually(t, func() bool { return len(list("").Runs) == len(want) }, patience, 50*time.Millisecond)
	seen := map[everhook.RunID]bool{}
	first := list("limit=2&after=1h")
	for page := first; ; {
		for _, run := range page.Runs {
			require.False(t, seen[run.ID], "twice")
			seen[run.ID] = true
		}
		if page.Next == "" {
			break
		}
		page = list("limit=2&after=1h&page=" + page.Next)
	}
	require.Equal(t, want, seen)

	for name, page := range map[string]string{"four bytes": "AAAA", "long": strings.Repeat("A", 64),
		"cut": first.Next[:len(first.Next)-4], "of another list": first.Next + "&flow=paged"} {
		for _, path := range []string{"/api/v1/runs", "/runs"} {
			require.Equal(t, 400, get(t, p.AdminURL()+path+"?page="+page).status, "%s, %s", path, name)
		}
	}

	for run := range want {
		for _, text := range []everhook.RunID{run, run[:9]} {
			found := list("run=" + string(text)).Runs
			require.Len(t, found, 1)
			require.Equal(t, run, found[0].ID)
		}
	}
	require.Empty(t, list("run=zzzz2222").Runs)

	require.Len(t, list("status=unresolved").Runs, 1)
	require.Empty(t, list("status=unresolved&flow=paged").Runs)
	require.Len(t, list("flow=paged&after="+url.QueryEscape(before.Format(time.RFC3339Nano))).Runs, 4)
	require.Empty(t, list("before="+url.QueryEscape(before.UTC().Format(time.RFC3339Nano))).Runs)
	require.Empty(t, list("after="+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)).Runs)
}

func TestAnEffectThatIsRetriedIsShownSo(t *testing.T) {
	t.Parallel()
	broken := newPartner(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	f := shared.async(t, "is-retried", fmt.Sprintf(`nodes:
  - { key: partner, type: http-request, retry: { maxAttempts: 8, on: [500], initialInterval: 300ms, maxInterval: 1m }, config: { url: %s } }
`, broken.URL))
	got := f.post(t, "{}")
	for attempt := 2; attempt <= 4; attempt++ {
		var retrying *everhook.Retrying
		require.Eventually(t, func() bool {
			shown := f.show(t, got.run)
			if len(shown.Steps) == 1 {
				retrying = shown.Steps[0].Retrying
			}
			return retrying != nil && retrying.Attempt >= attempt && retrying.Next != nil
		}, patience, 20*time.Millisecond)
		require.Equal(t, 8, retrying.Of, "as the node says")
		require.Equal(t, "GET "+broken.URL+" answered 500 Internal Server Error", retrying.LastError)
		page := get(t, shared.AdminURL()+"/runs/"+string(got.run)).body
		require.Contains(t, page, "of 8, last: GET "+broken.URL+" answered 500 Internal Server Error, ")
	}
	require.Equal(t, 202, f.act(t, got.run, "cancel", "").status)
	require.Equal(t, everhook.Cancelled, f.ended(t, got.run).Status)
}
