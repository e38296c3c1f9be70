package integration

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowgen"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// calledRun is a run of a random flow, or of one that it called.
type calledRun struct {
	flow string
	run  everhook.RunID
}

// outcome waits for the end of a run of a random flow and of the runs that it called, and returns its outcome.
// Meanwhile it acts as the outside world: it waits for the answer of a sync flow, and sends calls to the waits.
func (f flow) outcome(t *testing.T, random *flowgen.Flow, run everhook.RunID) everhook.Outcome {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var others sync.WaitGroup
	defer others.Wait()
	defer stop()
	if random.Definition.Mode == everhook.Sync {
		others.Go(func() {
			starter := runs.NewStarter(f.product.Temporal(), compile.NewVersions(nodes.Standard()),
				runs.StarterOptions{})
			_, _ = starter.Outcome(ctx, f.key, run, patience) // what it is, is read when the run has ended
		})
	}
	if len(random.Waits) > 0 {
		others.Go(func() { f.product.bringCalls(ctx, random, run) })
	}
	outcome := f.ended(t, run)
	for _, called := range f.allCalled(t, run) {
		flow{product: f.product, key: called.flow}.ended(t, called.run)
	}
	return outcome
}

// allCalled returns the runs that a run called, at any depth.
func (f flow) allCalled(t *testing.T, run everhook.RunID) (all []calledRun) {
	t.Helper()
	for _, step := range f.show(t, run).Steps {
		key, id, ok := everhook.ParseWorkflowID(step.Subflow)
		if !ok {
			continue
		}
		all = append(all, calledRun{key, id})
		called := flow{product: f.product, key: key}
		called.ended(t, id)
		all = append(all, called.allCalled(t, id)...)
	}
	return all
}

// bringCalls sends calls to the waits of a run of a random flow and of the runs that it calls, until it is stopped.
func (p *product) bringCalls(ctx context.Context, random *flowgen.Flow, run everhook.RunID) {
	c := &caller{product: p, random: random, runs: runs.NewOperator(p.Temporal(), nodes.Standard(), true),
		done: map[string]bool{}}
	for _, wait := range random.Waits {
		if wait.Early && wait.Flow == random.Definition.Key {
			c.call(ctx, calledRun{wait.Flow, run}, wait.Node, wait.First())
		}
	}
	for ctx.Err() == nil {
		c.look(ctx, calledRun{random.Definition.Key, run})
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// caller sends calls to the waits of a random flow.
type caller struct {
	product *product
	random  *flowgen.Flow
	runs    *runs.Operator
	// done are the waits that were called, and the runs that have ended.
	done map[string]bool
}

// look calls the open waits of a run and of those that it called.
func (c *caller) look(ctx context.Context, of calledRun) {
	id := everhook.WorkflowID(of.flow, of.run)
	shown, err := c.runs.Show(ctx, of.flow, of.run, "")
	if err != nil || c.done[id] {
		return // it is looked at again
	}
	ended := shown.Status.Ended()
	for _, step := range shown.Steps {
		if wait, ok := c.random.WaitOf(of.flow, step.Node); ok && wait.Called && step.Status == everhook.Pending {
			c.call(ctx, of, step.Node, step.Iteration)
		}
		if flow, run, ok := everhook.ParseWorkflowID(step.Subflow); ok {
			c.look(ctx, calledRun{flow, run})
			ended = ended && c.done[step.Subflow]
		}
	}
	c.done[id] = ended
}

// call calls the URL of a wait, unless a call was kept already.
func (c *caller) call(ctx context.Context, of calledRun, node, iteration string) {
	base, secret, err := c.product.Catalog().ResumeBase(of.flow)
	body, failed := everhook.EncodeJSON(flowgen.CallBody(node, iteration))
	if err != nil || failed != nil {
		return
	}
	url := everhook.NewResume(base, secret, of.run).URL(of.run, node, iteration)
	if c.done[url] {
		return
	}
	reply, err := call(ctx, http.MethodPost, url, body)
	c.done[url] = err == nil && reply.status < http.StatusMultipleChoices
}

// ofWinners omits steps of branches that lost a race: they may or may not have begun before the winner ended.
func (e ending) ofWinners() ending {
	e.steps = slices.DeleteFunc(e.steps, func(step flowgen.Step) bool { return step.Status == everhook.Cancelled })
	return e
}

// TestRandomFlowsReadTheSameWhereverTheirLoopsAreHandedOver compares the merged step log of runs whose loops are handed
// over with that of uninterrupted ones.
func TestRandomFlowsReadTheSameWhereverTheirLoopsAreHandedOver(t *testing.T) {
	t.Parallel()
	p := start(t, config{})
	options := flowgen.Options{Partner: randomPartner(t).URL, Comparable: true}
	t.Run("flows", func(t *testing.T) {
		for _, seed := range seeds(2000, max(6, *randomFlows/5)) {
			random := flowgen.Generate(seed, options)
			t.Run(random.Definition.Key, func(t *testing.T) {
				t.Parallel()
				f := p.applyRandom(t, random)
				want := f.ending(t, random, startWith(t, f, workflows.Budget{}, random.Body)).ofWinners()
				for _, steps := range []int{1, 4} {
					run := startWith(t, f, workflows.Budget{Steps: steps}, random.Body)
					require.Equal(t, want, f.ending(t, random, run).ofWinners(),
						"go test ./internal/integration -run 'TestRandomFlowsRead' -seed %d: after %d steps\n%s", seed,
						steps, random)
				}
			})
		}
	})
	listed, err := p.listed(t.Context())
	require.NoError(t, err)
	loops := 0
	for _, info := range listed {
		if info.GetType().GetName() == workflows.LoopWorkflow {
			loops++
		}
	}
	t.Logf("%d executions went on with loops", loops)
	if *randomSeed == 0 {
		require.NotZero(t, loops)
	}
	require.NoError(t, p.replayAll(t.Context()))
}
