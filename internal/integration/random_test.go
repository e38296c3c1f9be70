package integration

import (
	"flag"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowgen"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

var (
	randomFlows = flag.Int("random", 30, "how many random flows run; more of them at night")
	randomSeed  = flag.Uint64("seed", 0, "the only seed of a random flow that runs; 0: all")
)

// seeds returns the seeds of the flag, or n seeds from the first on.
func seeds(first uint64, n int) []uint64 {
	if *randomSeed != 0 {
		return []uint64{*randomSeed}
	}
	list := make([]uint64, n)
	for i := range list {
		list[i] = first + uint64(i)
	}
	return list
}

// randomPartner answers with the status in the path.
func randomPartner(t *testing.T) *partner {
	return newPartner(t, func(w http.ResponseWriter, r *http.Request) {
		status, ok := flowgen.PartnerStatus(r.URL.Path)
		if !ok {
			status = http.StatusTeapot
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(flowgen.PartnerBody(r.URL.Path)))
	})
}

// applyRandom applies a random flow and the flows that it calls.
func (p *product) applyRandom(t *testing.T, random *flowgen.Flow) flow {
	t.Helper()
	for _, companion := range random.Companions {
		text, err := everhook.EncodeJSON(companion)
		require.NoError(t, err)
		p.apply(t, string(text))
	}
	text, err := everhook.EncodeJSON(random.Definition)
	require.NoError(t, err)
	return p.apply(t, string(text))
}

// TestRandomFlowsReplay runs random flows through the product and replays them. Every seventh is cancelled.
func TestRandomFlowsReplay(t *testing.T) {
	t.Parallel()
	p := start(t, config{})
	options := flowgen.Options{Partner: randomPartner(t).URL, Abort: time.Second}
	statuses, lock := map[everhook.Status]int{}, sync.Mutex{}
	t.Run("flows", func(t *testing.T) {
		for _, seed := range seeds(1, *randomFlows) {
			random := flowgen.Generate(seed, options)
			t.Run(random.Definition.Key, func(t *testing.T) {
				t.Parallel()
				outcome := p.runAndReplay(t, random)
				lock.Lock()
				defer lock.Unlock()
				statuses[outcome.Status]++
			})
		}
	})
	t.Logf("%v", statuses)
	if *randomSeed == 0 {
		require.NotZero(t, statuses[everhook.Resolved])
		require.NotZero(t, statuses[everhook.Failed]+statuses[everhook.Errored])
	}
}

func (p *product) runAndReplay(t *testing.T, random *flowgen.Flow) everhook.Outcome {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("go test ./internal/integration -run 'TestRandomFlows' -seed %d\n%s", random.Seed, random)
		}
	}()
	f := p.applyRandom(t, random)
	run := startWith(t, f, workflows.Budget{}, random.Body)
	if random.Seed%7 == 0 {
		// It may have ended already.
		_ = runs.NewOperator(p.Temporal(), nodes.Standard(), true).Cancel(t.Context(), f.key, run)
	}
	outcome := f.outcome(t, random, run)
	replay(t, f, run)
	for _, called := range f.allCalled(t, run) {
		replay(t, flow{product: p, key: called.flow}, called.run)
	}
	if outcome.Error != nil {
		require.NotEqual(t, everhook.TypeInternal, outcome.Error.Type, "%v", outcome.Error)
	}
	for _, step := range f.show(t, run).Steps {
		require.True(t, step.Status.Ended(), "%s is %s", step.Node, step.Status)
	}
	return outcome
}
