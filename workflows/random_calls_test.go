package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowgen"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/internal/subflow"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// randomStart is the start of random flows. The test environment compares the deadlines of local activities with the
// real time, so it is far in the future.
var randomStart = time.Date(2126, 2, 3, 4, 5, 6, 0, time.UTC)

// companions is a store with the flows that a random flow calls.
type companions struct{ flow *flowgen.Flow }

func (c companions) Flow(ctx context.Context, key string) (store.Flow, error) {
	_, err := c.Version(ctx, key, 1)
	return store.Flow{Key: key, Enabled: 1, Latest: 1}, err
}

func (c companions) Version(_ context.Context, key string, number int) (everhook.Version, error) {
	for _, definition := range c.flow.Companions {
		if definition.Key == key && number == 1 {
			hash, err := definition.Hash()
			return everhook.Version{Number: 1, Hash: hash, Definition: definition}, err
		}
	}
	return everhook.Version{}, store.ErrNotFound
}

// callsOthers makes a run of a random flow call its companions, and sends calls to their waits.
func (try *trial) callsOthers(flow *flowgen.Flow) {
	loader := subflow.New(subflow.Options{
		Store: companions{flow}, Versions: compile.NewVersions(nodes.Standard()),
		Env:    func() map[string]string { return nil },
		Secret: func(name string) (string, error) { return "", errors.New("there is no secret " + name) },
	})
	try.RegisterActivityWithOptions(loader.Do, activity.RegisterOptions{Name: activities.LoadSubflow})
	c := &caller{try: try, flow: flow, called: map[string]bool{}, pause: time.Millisecond}
	try.SetOnChildWorkflowStartedListener(func(info *workflow.Info, _ workflow.Context, _ converter.EncodedValues) {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		c.children = append(c.children, info.WorkflowExecution.ID)
	})
	try.SetOnChildWorkflowCompletedListener(func(info *workflow.Info, _ converter.EncodedValue, _ error) {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		c.children = slices.DeleteFunc(c.children, func(id string) bool { return id == info.WorkflowExecution.ID })
	})
	if len(flow.Waits) > 0 {
		try.RegisterDelayedCallback(c.early, 0)
		try.RegisterDelayedCallback(c.look, c.pause)
	}
}

// caller sends calls to waits. It polls for waits with growing pauses; the deadlines of called waits are longer.
type caller struct {
	try    *trial
	flow   *flowgen.Flow
	called map[string]bool
	pause  time.Duration

	mutex    sync.Mutex
	children []string
}

// maxCallerPause bounds the pause between two polls of a caller.
const maxCallerPause = 10 * time.Minute

func (c *caller) early() {
	for _, wait := range c.flow.Waits {
		if wait.Early && wait.Flow == c.flow.Definition.Key {
			c.call("", wait.Node, wait.First())
		}
	}
}

func (c *caller) look() {
	c.mutex.Lock()
	children := slices.Clone(c.children)
	c.mutex.Unlock()
	if c.try.IsWorkflowCompleted() && len(children) == 0 {
		return // no subflow outlives the run
	}
	for _, child := range append([]string{""}, children...) {
		c.lookAt(child)
	}
	c.pause = min(2*c.pause, maxCallerPause)
	c.try.RegisterDelayedCallback(c.look, c.pause)
}

// lookAt calls the open waits of an execution; an empty ID is the run of the flow itself.
func (c *caller) lookAt(execution string) {
	key, run := c.flow.Definition.Key, ""
	if flow, rest, ok := strings.Cut(execution, "/"); ok &&
		!strings.HasPrefix(execution, everhook.WorkflowID(key, runID)) {
		id, _, _ := strings.Cut(rest, "/")
		key, run = flow, flow+"/"+id
	}
	for from := 1; from != 0; {
		page, ok := c.page(execution, from)
		if !ok {
			return // it is not there yet, or has ended
		}
		for _, step := range page.Steps {
			if wait, ok := c.flow.WaitOf(key, step.Node); ok && wait.Called && step.Status == everhook.Pending {
				c.call(run, step.Node, step.Iteration)
			}
		}
		from = page.Next
	}
}

func (c *caller) page(execution string, from int) (page everhook.StepPage, ok bool) {
	// The test environment panics if an execution is queried before its first workflow task.
	defer func() { ok = recover() == nil && ok }()
	query := c.try.QueryWorkflow
	if execution != "" {
		query = func(queryType string, args ...any) (converter.EncodedValue, error) {
			return c.try.QueryWorkflowByID(execution, queryType, args...)
		}
	}
	encoded, err := query(workflows.StepsQuery, from)
	return page, err == nil && encoded.Get(&page) == nil
}

// call sends one call to a wait of the run or of a called run.
func (c *caller) call(run, node, iteration string) {
	id := fmt.Sprint(run, "/resume/", node, "/", iteration)
	if c.called[id] {
		return
	}
	c.called[id] = true
	callback := &testsuite.TestUpdateCallback{OnAccept: func() {}, OnReject: func(error) {},
		OnComplete: func(any, error) {}}
	call := &everhook.ResumeCall{
		ID: "a call", Node: node, Iteration: iteration, Answer: everhook.Answer{Status: 200},
		Data: everhook.Mapping{"headers": map[string]any{}, "query": map[string]any{},
			"body": flowgen.CallBody(node, iteration), "receivedAt": everhook.FormatTime(c.try.Now())},
	}
	if run == "" {
		c.try.UpdateWorkflow(workflows.ResumeUpdate, id, callback, call)
		return
	}
	_ = c.try.UpdateWorkflowByID(run, workflows.ResumeUpdate, id, callback, call) // it may have ended
}

// TestRandomFlowsAreCalled checks that random flows have waits and called flows; other tests rely on it.
func TestRandomFlowsAreCalled(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for _, seed := range seeds(3 * *randomFlows) {
		flow := flowgen.Generate(seed, randomOptions)
		if len(flow.Waits)+len(flow.Companions) == 0 {
			continue
		}
		try := tryRandom(t, flow)
		runRandom(t, try, flow)
		for _, step := range try.steps(t) {
			if step.Kind == "wait-for-call" || step.Kind == "subflow" {
				seen[step.Kind+" "+string(step.Status)]++
			}
			if step.Kind == "subflow" && len(step.Lines) > 0 {
				seen["subflow skipped"]++
			}
			if step.Kind == "wait-for-call" && step.Result != nil && step.Result.V != nil {
				seen["called"]++
				if step.Iteration != "" {
					seen["called in a loop"]++
				}
			}
		}
	}
	t.Log(seen)
	if *randomSeed == 0 {
		for _, what := range []string{"called", "called in a loop", "wait-for-call failed", "subflow resolved",
			"subflow failed", "subflow rejected", "subflow error", "subflow skipped"} {
			require.NotZero(t, seen[what], what)
		}
	}
}
