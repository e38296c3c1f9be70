// Package bench measures the whole product and compares it with its bars, as ratios within one run, because machines
// differ.
package bench

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

const (
	token = "bench-token-that-is-long-enough"
	flow  = `
key: bench
mode: sync
trigger: { type: webhook, token: ` + token + ` }
nodes:
  - key: paid
    type: condition
    config: { expression: 'trigger.body.order.status == "paid"' }
    branches:
      then:
        - { key: ok, type: response, config: { body: { ok: true, id: '{{ trigger.body.order.id }}' } } }
      else:
        - { key: ko, type: response, config: { status: 422, body: { ok: false } } }
`
	request = `{"order":{"id":7,"status":"paid"}}`

	handwrittenQueue = "handwritten"
)

// Handwritten is a workflow with the same function as the flow: the yardstick.
func Handwritten(ctx workflow.Context, order map[string]any) (map[string]any, error) {
	var answer map[string]any
	err := workflow.SetUpdateHandler(ctx, "answer", func(ctx workflow.Context) (map[string]any, error) {
		err := workflow.Await(ctx, func() bool { return answer != nil })
		return answer, err
	})
	if err != nil {
		return nil, err
	}
	body := order["order"].(map[string]any)
	answer = map[string]any{"ok": body["status"] == "paid", "id": body["id"]}
	return answer, workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}

// call is one call of either side.
type call func(ctx context.Context) error

// start starts the product with the flow, and a worker for the yardstick on the same Temporal server.
func start(b *testing.B) (product, handwritten call) {
	s := launch(b, flow)
	c := s.Temporal()
	w := worker.New(c, handwrittenQueue, worker.Options{
		WorkflowTaskPollerBehavior: worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{
			InitialNumberOfPollers: 8, MinimumNumberOfPollers: 4, MaximumNumberOfPollers: 32}),
	})
	w.RegisterWorkflow(Handwritten)
	require.NoError(b, w.Start())
	b.Cleanup(w.Stop)
	return overHTTP(s.HookURL(token)), throughSDK(c)
}

// serve starts the product with a flow, and returns the URL of its webhook.
func serve(b *testing.B, flow, token string) string { return launch(b, flow).HookURL(token) }

// launch starts the product with a flow.
func launch(b *testing.B, flow string) *server.Server {
	ctx := b.Context()
	s, err := server.Start(ctx, &server.Options{
		Listen: "127.0.0.1:0", Admin: "127.0.0.1:0", Data: b.TempDir(), MaxHeld: 1000, ClientRate: 1e6,
		EgressAllow: []string{"127.0.0.1"},
		Retention:   everhook.Duration(24 * time.Hour),
		Synchronous: "full", TemporalNamespace: "default",
	}, server.Surroundings{Registry: nodes.Standard(), Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	b.Cleanup(s.Stop)
	compiled, problems := flowfile.Load("bench.yaml", []byte(flow), nodes.Standard())
	require.NotNil(b, compiled, problems)
	_, err = s.Catalog().Apply(ctx, compiled.Definition, "")
	require.NoError(b, err)
	return s
}

func overHTTP(url string) call {
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	return func(ctx context.Context) error {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(request)))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		response, err := web.Do(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d: %s: %w", response.StatusCode, body, err)
		}
		return nil
	}
}

func throughSDK(c client.Client) call {
	input, _ := everhook.ParseJSON([]byte(request))
	return func(ctx context.Context) error {
		id := string(everhook.NewRunID())
		handle, err := c.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: c.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
				ID: id, TaskQueue: handwrittenQueue,
				WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			}, Handwritten, input),
			UpdateOptions: client.UpdateWorkflowOptions{WorkflowID: id, UpdateID: workflows.AnswerUpdate,
				UpdateName: "answer", WaitForStage: client.WorkflowUpdateStageCompleted},
		})
		if err != nil {
			return err
		}
		var answer map[string]any
		return handle.Get(ctx, &answer)
	}
}

// Rounds alternate, so that other load of the machine affects both sides equally.
const (
	rounds       = 10
	callsAtOne   = 100
	roundSixteen = time.Second
)

// BenchmarkSyncFlow compares condition + response through the whole product (HTTP in, HTTP out) with a hand-written Go
// workflow that does the same, called through the SDK in the same process on the same server.
func BenchmarkSyncFlow(b *testing.B) {
	product, handwritten := start(b)
	sides := map[string]call{"product": product, "handwritten": handwritten}
	for _, side := range sides {
		measure(b, side, 50)
	}
	for b.Loop() {
		times := map[string][]time.Duration{}
		throughput := map[string]float64{}
		for range rounds {
			for name, side := range sides {
				times[name] = append(times[name], measure(b, side, callsAtOne)...)
			}
		}
		for range rounds {
			for name, side := range sides {
				throughput[name] += atOnce(b, side, 16, roundSixteen) / rounds
			}
		}
		for name, all := range times {
			b.ReportMetric(milliseconds(quantile(all, 50)), name+"-p50-ms")
			b.ReportMetric(milliseconds(quantile(all, 99)), name+"-p99-ms")
			b.ReportMetric(throughput[name], name+"-at-16/s")
		}
		b.ReportMetric(float64(quantile(times["product"], 50))/float64(quantile(times["handwritten"], 50)), "p50-ratio")
		b.ReportMetric(throughput["product"]/throughput["handwritten"], "throughput-ratio")
	}
	b.ReportMetric(0, "ns/op")
}

func measure(b *testing.B, side call, calls int) []time.Duration {
	times := make([]time.Duration, calls)
	for i := range times {
		began := time.Now()
		require.NoError(b, side(b.Context()))
		times[i] = time.Since(began)
	}
	return times
}

// atOnce measures the calls per second of several concurrent callers.
func atOnce(b *testing.B, side call, callers int, duration time.Duration) float64 {
	var done atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	began := time.Now()
	for range callers {
		all.Go(func() {
			for time.Since(began) < duration {
				if err := side(b.Context()); err != nil {
					failed.Store(&err)
					return
				}
				done.Add(1)
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
	return float64(done.Load()) / time.Since(began).Seconds()
}

func quantile(times []time.Duration, percent int) time.Duration {
	sorted := slices.SortedFunc(slices.Values(times), cmp.Compare[time.Duration])
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
