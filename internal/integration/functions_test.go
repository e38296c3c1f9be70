package integration

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/worker"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowgen"
	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/workflows"
)

// TestEveryFunctionGivesTheSameAfterAReplay compares the step log of a run that evaluated every function of the
// language with the step log after a replay: after a purge of the worker's cache, and after a restart.
func TestEveryFunctionGivesTheSameAfterAReplay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// The documented example of resumeUrl has a public URL.
	public := func(o *server.Options) { o.PublicURL = "https://hooks.example" }
	p, err := launch(t.Context(), config{dir: dir, change: public})
	require.NoError(t, err)
	text, err := everhook.EncodeJSON(flowgen.FunctionFlow("functions"))
	require.NoError(t, err)
	f := p.apply(t, string(text))
	run := startWith(t, f, workflows.Budget{}, nil)
	f.running(t, run, "confirm")
	live := f.show(t, run).Steps
	require.Equal(t, f.version, f.show(t, run).Version)

	worker.PurgeStickyWorkflowCache()
	require.Equal(t, live, f.show(t, run).Steps, "after the worker's cache was purged")
	replay(t, f, run)
	p.Stop()
	again := flow{product: start(t, config{dir: dir, change: public}), key: f.key}
	require.Equal(t, live, again.show(t, run).Steps, "after a restart")

	results := stepResults(t, live)
	for node, documented := range flowgen.FunctionResults() {
		require.Equal(t, documented, results[node], node)
		require.Equal(t, documented, results["each[0].in_"+node], node)
		require.Equal(t, documented, results["each[1].in_"+node], node)
	}
	require.NotEqual(t, results["varying0"], results["each[0].in_varying0"], "every step has its own UUIDs")
	require.NotEqual(t, results["each[0].in_varying0"], results["each[1].in_varying0"])
}

// stepResults returns the results of steps as JSON, by iteration and node.
func stepResults(t *testing.T, steps []everhook.Step) map[string]string {
	t.Helper()
	results := map[string]string{}
	for _, step := range steps {
		if step.Result == nil {
			results[place(step)] = "null"
			continue
		}
		encoded, err := everhook.EncodeJSON(step.Result.V)
		require.NoError(t, err)
		results[place(step)] = string(encoded)
	}
	return results
}

func place(step everhook.Step) string {
	if step.Iteration == "" {
		return step.Node
	}
	return step.Iteration + "." + step.Node
}
