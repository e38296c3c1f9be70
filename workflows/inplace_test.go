package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/engine"
	"github.com/everhook/everhook/internal/flowgen"
	"github.com/everhook/everhook/nodes"
)

// TestPureFlowsDoTheSameInPlaceAndOnTemporal runs random flows on both schedulers, and compares all results of a run:
// outcome, output, answer, and the step log with its order, times, fields, results, errors and lines.
func TestPureFlowsDoTheSameInPlaceAndOnTemporal(t *testing.T) {
	t.Parallel()
	compared, together := 0, 0
	for _, seed := range seeds(2 * *randomFlows) {
		flow := flowgen.Generate(seed, flowgen.Options{Pure: true})
		try := tryRandom(t, flow)
		outcome := runRandom(t, try, flow)
		if try.yields.Load() > 0 {
			continue // the clock of the test environment goes on during a break
		}
		compared++
		compiled, problems := compile.Definition(flow.Definition, nodes.Standard())
		require.NotNil(t, compiled, "%v", problems)
		report := engine.InPlace(compiled, engine.Start{Version: try.start.Version, Delivery: try.start.Delivery,
			Resume: try.start.Resume}, engine.Options{Now: randomStart})
		require.Nil(t, report.Wait, "%s", flow)
		require.JSONEq(t, encoded(t, outcome), encoded(t, report.Outcome), "%s", flow)
		want := try.steps(t)
		require.Equal(t, len(want), report.Log.Total(), "%s", flow)
		for i, record := range report.Log.Steps() {
			require.JSONEq(t, encoded(t, want[i]), encoded(t, record.Step), "%s", flow)
			if record.Kind == "parallel" || record.Kind == "loop" {
				together++
			}
		}
	}
	t.Logf("%d flows, %d steps with branches that repeat or run at the same time", compared, together)
	if *randomSeed == 0 {
		require.Greater(t, compared, *randomFlows)
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	text, err := everhook.EncodeJSON(v)
	require.NoError(t, err)
	return string(text)
}
