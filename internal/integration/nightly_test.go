//go:build nightly

package integration

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/workflows"
)

// TestNightlyTenThousandEffectsInALoop calls a partner in each of 10,000 iterations, one after the other and many at
// once.
func TestNightlyTenThousandEffectsInALoop(t *testing.T) {
	t.Parallel()
	for name, concurrency := range map[string]string{"one-by-one": "1", "at-once": "20"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			partner := newPartner(t,
				func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
			f := shared.async(t, "ten-thousand-"+name, `nodes:
  - key: each
    type: loop
    config: { over: 10000, concurrency: `+concurrency+` }
    branches:
      do: [ { key: call, type: http-request, timeout: 30s, config: { method: POST, url: '`+partner.URL+`', body: { n: '{{ loop.index }}' } } } ]
  - { key: out, type: output, config: { value: '{{ nodes.each.done }}' } }
`)
			run := startWith(t, f, workflows.Budget{}, nil)
			require.Eventually(t, func() bool { return len(partner.received()) >= 10_000 }, 20*time.Minute, time.Second)
			require.Equal(t, 10_000, f.ended(t, run).Output.V)
			bodies := map[string]bool{}
			for _, call := range partner.received() {
				bodies[call.body] = true
			}
			require.Len(t, bodies, 10_000)
			for _, execution := range f.loopExecutions(t, run) {
				history, err := f.product.history(t.Context(), execution.WorkflowID, execution.RunID)
				require.NoError(t, err)
				require.Less(t, len(history.GetEvents()), 10_000)
				began := time.Now()
				require.NoError(t, f.product.replayHistory(history))
				require.Less(t, time.Since(began), 3*time.Second*slack, "a cold replay")
			}
			require.Less(t, len(f.events(t, run)), 10_000)
		})
	}
}
