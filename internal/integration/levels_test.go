package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/embedded"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// deploy is a Temporal server with workers of several engine levels.
type deploy struct {
	server  *embedded.Server
	version *everhook.Version
	// asked counts the effects of its runs, which fail and are retried until the partner is open.
	asked atomic.Int32
	open  atomic.Bool
}

// effect performs an http-request.
func (d *deploy) effect(context.Context, activities.HTTPRequestInput) (activities.HTTPRequestResult, error) {
	d.asked.Add(1)
	if !d.open.Load() {
		return activities.HTTPRequestResult{}, activities.Fail(everhook.Errorf(everhook.TypeConnection, "not yet"),
			true, 0)
	}
	return activities.HTTPRequestResult{Status: 200, Attempts: 1}, nil
}

// release is a process of one release: its client, which starts runs, and its worker, which can be stopped.
type release struct {
	client  client.Client
	starter *runs.Starter
	stop    func()
}

func newDeploy(t *testing.T) *deploy {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	server, err := embedded.Start(t.Context(), embedded.Options{Directory: t.TempDir(), Open: true, Logger: quiet})
	require.NoError(t, err)
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	definition := load(t, `key: levels
mode: async
trigger: { type: webhook }
nodes:
  - key: asks
    type: condition
    config: { expression: trigger.body.asks }
    branches:
      then: [ { key: ask, type: http-request, retry: { maxAttempts: 100, initialInterval: 200ms, backoff: 1 }, config: { url: 'https://partner.example/' } } ]
      else: [ { key: pause, type: delay, config: { duration: 10ms } } ]
  - { key: total, type: calculation, config: { expression: '1 + 2' } }
  - { key: done, type: output, config: { value: '{{ nodes.total }}' } }
`)
	return &deploy{server: server, version: &everhook.Version{Number: 1, Hash: "levels", Definition: definition}}
}

// release starts a process with the engine levels up to the given one.
func (d *deploy) release(t *testing.T, name string, level int) *release {
	t.Helper()
	c, err := client.Dial(client.Options{
		HostPort: d.server.Address(), Namespace: d.server.Namespace(), Identity: name,
		DataConverter: workflows.DataConverter(), Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	worker := workflows.NewWorker(runs.Connect(c),
		workflows.NewInterpreter(compile.NewVersions(nodes.Standard())).AtLevel(level),
		map[string]any{activities.HTTPRequest: d.effect})
	require.NoError(t, worker.Start())
	r := &release{client: c, starter: runs.NewStarter(c, compile.NewVersions(nodes.Standard()),
		runs.StarterOptions{Level: level}),
		stop: sync.OnceFunc(worker.Stop)}
	t.Cleanup(r.stop)
	return r
}

// begin starts a run with the release's level. The run calls the partner, or only waits a little.
func (r *release) begin(t *testing.T, d *deploy, asks bool) string {
	t.Helper()
	delivery := newRun(asks)
	require.Eventually(t, func() bool {
		_, err := r.starter.Start(t.Context(), d.version,
			delivery)
		return err == nil
	}, patience, 50*time.Millisecond)
	return everhook.WorkflowID("levels", delivery.RunID)
}

func newRun(asks bool) everhook.Delivery {
	return everhook.Delivery{RunID: everhook.NewRunID(), ReceivedAt: time.Now().UTC(),
		Trigger: everhook.Mapping{"body": map[string]any{"asks": asks}}}
}

// resolved waits for the end of a run, and returns its history.
func (r *release) resolved(t *testing.T, workflowID string) []*historypb.HistoryEvent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var outcome everhook.Outcome
	require.NoError(t, r.client.GetWorkflow(ctx, workflowID, "").Get(ctx, &outcome))
	require.Equal(t, everhook.Resolved, outcome.Status)
	require.Equal(t, everhook.Of(3), outcome.Output)
	return r.events(t, workflowID)
}

func (r *release) events(t *testing.T, workflowID string) []*historypb.HistoryEvent {
	t.Helper()
	var events []*historypb.HistoryEvent
	all := r.client.GetWorkflowHistory(t.Context(), workflowID, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for all.HasNext() {
		event, err := all.Next()
		require.NoError(t, err)
		events = append(events, event)
	}
	return events
}

// workers returns the workers that executed workflow tasks of a run, in the order of the tasks.
func workers(events []*historypb.HistoryEvent) []string {
	var names []string
	for _, event := range events {
		if started := event.GetWorkflowTaskStartedEventAttributes(); started != nil {
			names = append(names, started.GetIdentity())
		}
	}
	return names
}

func TestARollingDeployOfANewEngineLevel(t *testing.T) {
	t.Parallel()
	d := newDeploy(t)
	old := d.release(t, "old", workflows.Level)
	before := old.begin(t, d, true)
	require.Eventually(t, func() bool { return d.asked.Load() > 0 }, patience, 20*time.Millisecond)

	fresh := d.release(t, "fresh", workflows.Level+1)
	var ofOld, ofFresh []string
	for range 20 {
		ofOld = append(ofOld, old.begin(t, d, false))
		ofFresh = append(ofFresh, fresh.begin(t, d, false))
	}
	for _, run := range ofFresh {
		seen := workers(fresh.resolved(t, run))
		require.NotEmpty(t, seen)
		require.NotContains(t, seen, "old", "an old worker never sees a run of the new level")
	}
	var seen []string
	for _, run := range ofOld {
		seen = append(seen, workers(fresh.resolved(t, run))...)
	}
	require.Contains(t, seen, "fresh", "the new worker takes its share of the old level's runs")

	old.stop()
	d.open.Store(true)
	after := workers(fresh.resolved(t, before))
	require.Equal(t, []string{"old", "fresh"}, []string{after[0], after[len(after)-1]},
		"what the old worker began, the new one ends")
}

// TestAWorkerRefusesARunOfALaterLevel puts a run on the queue of an old worker, which the task queues normally prevent.
// The run must wait for a worker that knows its level.
func TestAWorkerRefusesARunOfALaterLevel(t *testing.T) {
	t.Parallel()
	d := newDeploy(t)
	old := d.release(t, "old", workflows.Level)
	definition, err := everhook.EncodeJSON(d.version.Definition)
	require.NoError(t, err)
	stray := workflows.Start{Level: workflows.Level + 1, Version: 1, Delivery: newRun(false)}
	workflowID := everhook.WorkflowID("levels", stray.Delivery.RunID)
	_, err = old.client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: workflowID,
		TaskQueue: workflows.TaskQueue(workflows.Level)}, workflows.RunWorkflow, json.RawMessage(definition), stray)
	require.NoError(t, err)
	var refusal *historypb.WorkflowTaskFailedEventAttributes
	require.Eventually(t, func() bool {
		for _, event := range old.events(t, workflowID) {
			if failed := event.GetWorkflowTaskFailedEventAttributes(); failed != nil {
				refusal = failed
			}
		}
		return refusal != nil
	}, patience, 20*time.Millisecond)
	require.Contains(t, refusal.GetFailure().GetMessage(),
		fmt.Sprintf("started at engine level %d, by a later release", workflows.Level+1))

	old.stop()
	fresh := d.release(t, "fresh", workflows.Level+1)
	seen := workers(fresh.resolved(t, workflowID))
	require.Equal(t, "fresh", seen[len(seen)-1])
}

func TestAWorkerPollsEveryLevelUpToItsOwn(t *testing.T) {
	t.Parallel()
	require.Equal(t, "everhook/3", workflows.TaskQueue(3), "the name is stored in every run, so it is never edited")
	d := newDeploy(t)
	own := workflows.FirstLevel + 2
	fresh := d.release(t, "fresh", own)
	polled := func(level int) func() bool {
		return func() bool {
			answer, err := fresh.client.DescribeTaskQueue(t.Context(), workflows.TaskQueue(level),
				enumspb.TASK_QUEUE_TYPE_WORKFLOW)
			return err == nil && len(answer.GetPollers()) > 0
		}
	}
	for level := workflows.FirstLevel; level <= own; level++ {
		require.Eventually(t, polled(level), patience, 20*time.Millisecond, "level %d", level)
	}
	require.False(t, polled(workflows.FirstLevel-1)(), "a level from before the first release")
	require.False(t, polled(own+1)(), "a later level")
}
