package integration

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowgen"
	"github.com/everhook/everhook/workflows"
)

// Bounds of the test that kills processes under random flows.
const (
	killedFlows = 12 // at least; more of them with -random
	kills       = 3
	// killWithin bounds the time from the first call to the kill of a process. Flows take about as long.
	killWithin = 400 * time.Millisecond
)

// comparableFlows returns random flows that have the same end whatever interrupts them. They have tokens, by which a
// process serves them.
func comparableFlows(t *testing.T, partner string) []*flowgen.Flow {
	t.Helper()
	var flows []*flowgen.Flow
	for _, seed := range seeds(1000, max(killedFlows, *randomFlows/8)) {
		random := flowgen.Generate(seed, flowgen.Options{Partner: partner, Comparable: true,
			MaxDelay: 100 * time.Millisecond})
		random.Definition.Trigger.Config["token"] = random.Definition.Key + "-token-of-some-26-characters"
		flows = append(flows, random)
	}
	return flows
}

func token(random *flowgen.Flow) string { return random.Definition.Trigger.Config["token"].(string) }

// ending is the part of a run that must not depend on interruptions.
type ending struct {
	outcome everhook.Outcome
	steps   []flowgen.Step
}

func (f flow) ending(t *testing.T, random *flowgen.Flow, run everhook.RunID) ending {
	t.Helper()
	outcome := f.outcome(t, random, run)
	return ending{flowgen.CanonicalOutcome(outcome), flowgen.CanonicalSteps(f.show(t, run).Steps)}
}

// TestRandomFlowsEndTheSameWhereverTheProcessIsKilled kills a process three times, at random points of random flows,
// and compares their ends in the last process with those of undisturbed runs: outcome, output, answer and every step.
func TestRandomFlowsEndTheSameWhereverTheProcessIsKilled(t *testing.T) {
	t.Parallel()
	flows := comparableFlows(t, randomPartner(t).URL)
	files := map[string]string{}
	for _, random := range flows {
		for _, definition := range append(random.Companions, random.Definition) {
			text, err := everhook.EncodeJSON(definition)
			require.NoError(t, err)
			files[definition.Key+".json"] = string(text)
		}
	}
	dir, data := writeFlows(t, files), t.TempDir()
	delivered := &deliveries{called: map[string]bool{}, runs: map[string]everhook.RunID{}}
	for range kills {
		delivered.untilKilled(t, spawn(t, dir, data), flows)
	}
	last := start(t, config{dir: data})
	delivered.find(t, last)
	undisturbed := start(t, config{})
	for _, random := range flows {
		interrupted := flow{product: last, key: random.Definition.Key, token: token(random),
			url: last.HookURL(token(random))}
		run, ok := delivered.runs[interrupted.key]
		if !ok {
			run = startWith(t, interrupted, workflows.Budget{}, random.Body)
		}
		got := interrupted.ending(t, random, run)
		replay(t, interrupted, run)
		whole := undisturbed.applyRandom(t, random)
		want := whole.ending(t, random, startWith(t, whole, workflows.Budget{}, random.Body))
		require.Equal(t, want, got, "go test ./internal/integration -run 'TestRandomFlowsEnd' -seed %d\n%s",
			random.Seed, random)
	}
	t.Logf("%d of %d runs were begun in a process that was killed", len(delivered.runs), len(flows))
	if *randomSeed == 0 {
		require.NotEmpty(t, delivered.runs)
	}
}

// deliveries are the runs that killed processes had started, by flow.
type deliveries struct {
	// called are the flows that were called, with or without a reply.
	called map[string]bool
	mutex  sync.Mutex
	runs   map[string]everhook.RunID
}

// untilKilled calls a part of the flows that were not called yet, and kills the process at a random point.
func (d *deliveries) untilKilled(t *testing.T, p *process, flows []*flowgen.Flow) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var callers sync.WaitGroup
	for _, random := range flows {
		if d.called[random.Definition.Key] || rand.IntN(kills) > 0 {
			continue
		}
		d.called[random.Definition.Key] = true
		body, err := everhook.EncodeJSON(random.Body)
		require.NoError(t, err)
		callers.Go(func() {
			reply, err := call(ctx, http.MethodPost, p.url(token(random)), body)
			if err != nil || reply.run == "" {
				return
			}
			d.mutex.Lock()
			defer d.mutex.Unlock()
			d.runs[random.Definition.Key] = reply.run
		})
	}
	after := rand.N(killWithin)
	t.Logf("killed after %s", after)
	time.Sleep(after) // where the process stands then is what the test is about
	p.kill()
	stop()
	callers.Wait()
}

// find adds the runs whose callers were cut off before the reply.
func (d *deliveries) find(t *testing.T, p *product) {
	t.Helper()
	ids, err := p.executions(t.Context())
	require.NoError(t, err)
	for _, id := range ids {
		key, run, _ := strings.Cut(id, "/")
		d.runs[key] = everhook.RunID(run)
	}
}
