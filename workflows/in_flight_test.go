package workflows_test

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/workflows"
)

// TestEffectsOfARunAtTheSameTimeAreBounded goes through concurrent loops in concurrent loops, in one execution and in
// many.
func TestEffectsOfARunAtTheSameTimeAreBounded(t *testing.T) {
	t.Parallel()
	for name, budget := range map[string]workflows.Budget{"in one execution": {}, "handed over": {Events: 30}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			trial := try(t, `
  - key: outer
    type: loop
    config: { over: 6, concurrency: 6, collect: nodes.inner.done }
    branches:
      do:
        - key: inner
          type: loop
          config: { over: 6, concurrency: 6 }
          branches: { do: [ { key: call, type: http-request, config: { url: 'http://partner.example' } } ] }
  - { key: out, type: output, config: { value: '{{ nodes.outer.items }}' } }
`, nil)
			trial.start.InFlight, trial.start.Budget = 4, budget
			var running, most atomic.Int64
			trial.effect = func(activities.HTTPRequestInput) (activities.HTTPRequestResult, error) {
				now := running.Add(1)
				defer running.Add(-1)
				for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
				}
				time.Sleep(time.Millisecond)
				return activities.HTTPRequestResult{Status: 200, Attempts: 1}, nil
			}
			outcome := trial.run(t)
			require.Equal(t, everhook.Resolved, outcome.Status, outcome.Error)
			require.Equal(t, []any{6, 6, 6, 6, 6, 6}, outcome.Output.V)
			require.EqualValues(t, 36, trial.effects.Load())
			require.LessOrEqual(t, most.Load(), int64(4))
			require.Greater(t, most.Load(), int64(1), "several run at the same time")
		})
	}
}
