package integration

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/nodes"
)

// failing is a flow that fails if it is told to.
const failing = `key: failing
mode: sync
trigger: { type: webhook, dedupe: { key: body.id, optional: true } }
%s
nodes:
  - key: ask
    type: condition
    config: { expression: trigger.body.fail }
    branches: { then: [{ key: end, type: end, config: { status: failed } }] }
  - { key: answer, type: response, config: { status: 200 } }
`

// counted waits until the counters of a flow are as wanted.
func counted(t *testing.T, p *product, want map[everhook.Status]int64) {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(p.dir, "everhook.db"))
	require.NoError(t, err)
	defer s.Close()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		all, err := s.AllCounters(context.WithoutCancel(t.Context()))
		assert.NoError(c, err)
		assert.Equal(c, want, all["failing"])
	}, patience, 100*time.Millisecond)
}

// gone waits until Temporal no longer has a run.
func gone(t *testing.T, p *product, id everhook.RunID) {
	t.Helper()
	operator := runs.NewOperator(p.Temporal(), nodes.Standard(), true)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		_, err := operator.Latest(context.WithoutCancel(t.Context()), "failing", id)
		assert.ErrorIs(c, err, everhook.ErrNoRun)
	}, patience, 100*time.Millisecond)
}

func TestEndedRunsAreCountedOverARestartAndADeletion(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	p := start(t, config{dir: dir})
	f := p.apply(t, fmt.Sprintf(failing, ""))
	for i := range 5 {
		f.post(t, fmt.Sprintf(`{"fail":%t}`, i == 0))
	}
	counted(t, p, map[everhook.Status]int64{everhook.Resolved: 4, everhook.Failed: 1})
	p.Stop()

	p = start(t, config{dir: dir})
	f = p.apply(t, fmt.Sprintf(failing, ""))
	got := f.post(t, `{"fail":false}`)
	counted(t, p, map[everhook.Status]int64{everhook.Resolved: 5, everhook.Failed: 1})

	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, p.AdminURL()+"/api/v1/runs/"+
		string(got.run), nil)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNoContent, response.StatusCode)
	gone(t, p, got.run)
	f.post(t, `{"fail":true}`)
	counted(t, p, map[everhook.Status]int64{everhook.Resolved: 5, everhook.Failed: 2})
}

func TestRunsAreDeletedAsTheirFlowSays(t *testing.T) {
	t.Parallel()
	p := start(t, config{deleteAfter: time.Millisecond})
	f := p.apply(t, fmt.Sprintf(failing, "options: { deleteOn: [resolved] }"))
	resolved, failed := f.post(t, `{"fail":false}`), f.post(t, `{"fail":true}`)
	keyed := f.post(t, `{"fail":false,"id":"one"}`)
	gone(t, p, resolved.run)
	last := f.post(t, `{"fail":false}`)
	gone(t, p, last.run)
	operator := runs.NewOperator(p.Temporal(), nodes.Standard(), true)
	for why, id := range map[string]everhook.RunID{"its status is not named": failed.run,
		"duplicates get its answer": keyed.run} {
		_, err := operator.Latest(t.Context(), "failing", id)
		require.NoError(t, err, why)
	}
	counted(t, p, map[everhook.Status]int64{everhook.Resolved: 3, everhook.Failed: 1})
}

// TestAFlowIsToldOnceOfEachRunThatDoesNotResolve, over a restart, and not of its own runs or those that it called.
func TestAFlowIsToldOnceOfEachRunThatDoesNotResolve(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	telling := config{dir: dir, change: func(o *server.Options) { o.OnFailure = "told" }}
	p := start(t, telling)
	helper := p.apply(t, "key: helper\nmode: async\ntrigger: { type: call }\nnodes: [{ key: end, type: end, config: { "+
		"status: failed } }]\n")
	f := p.apply(t, fmt.Sprintf(failing, ""))
	failed := f.post(t, `{"fail":true}`)
	f.post(t, `{"fail":false}`)
	// The flow does not exist yet: the run waits.
	counted(t, p, map[everhook.Status]int64{everhook.Resolved: 1, everhook.Failed: 1})
	p.Stop()

	p = start(t, telling)
	told := p.apply(t, `key: told
mode: async
trigger: { type: call, input: { type: object, required: [run, flow, version, status, ended] } }
nodes:
  - { key: out, type: output, config: { value: '{{ trigger.input }}' } }
  - { key: call, type: subflow, config: { flow: helper } }
`)
	operator := runs.NewOperator(p.Temporal(), nodes.Standard(), true)
	ended := func(flow string, want int) (all []runs.Summary) {
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			var err error
			all, _, err = operator.List(context.WithoutCancel(t.Context()), runs.Filter{Flow: flow, Ended: true})
			assert.NoError(c, err)
			assert.Len(c, all, want)
		}, patience, 100*time.Millisecond)
		return all
	}
	first := ended(told.key, 1)[0]
	require.Equal(t, everhook.Failed, first.Status)
	outcome := told.ended(t, first.ID)
	require.Equal(t, string(failed.run), outcome.Output.V.(map[string]any)["run"])

	// A later one is told of after those that must not be: the own run of the flow, and the one that it called.
	f = p.apply(t, fmt.Sprintf(failing, ""))
	f.post(t, `{"fail":true}`)
	ended(told.key, 2)
	ended(helper.key, 2)
	f.post(t, `{"fail":true}`)
	ended(told.key, 3)
}
