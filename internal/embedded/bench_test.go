//go:build !noembedded

package embedded

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
)

// BenchmarkSyncAnswer is the server's part of a synchronous delivery: UpdateWithStart of a workflow that answers at once.
// Besides the mean it reports the median and the 99th percentile, and the CPU time that client, worker and server take together.
func BenchmarkSyncAnswer(b *testing.B) {
	for _, synchronous := range []string{SynchronousFull, SynchronousNormal} {
		s, err := Start(b.Context(), Options{Directory: b.TempDir(), Synchronous: synchronous, Logger: quiet()})
		require.NoError(b, err)
		c := dial(b, s)
		w := newWorker(c)
		require.NoError(b, w.Start())
		for i := range 20 {
			require.NoError(b, callAnswer(b.Context(), c, fmt.Sprintf("warm-%d", i)))
		}
		for _, callers := range []int{1, 16} {
			b.Run(fmt.Sprintf("synchronous=%s/callers=%d", synchronous, callers), func(b *testing.B) {
				benchmarkCallers(b, c, callers)
			})
		}
		w.Stop()
		require.NoError(b, s.Stop(context.Background()))
	}
}

func benchmarkCallers(b *testing.B, c client.Client, callers int) {
	var (
		mu    sync.Mutex
		times []time.Duration
		next  int
	)
	before := cpuTime()
	b.ResetTimer()
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for {
				mu.Lock()
				n := next
				next++
				mu.Unlock()
				if n >= b.N {
					return
				}
				began := time.Now()
				if err := callAnswer(b.Context(), c, fmt.Sprintf("%s-%d-%d", b.Name(), b.N, n)); err != nil {
					b.Error(err)
					return
				}
				mu.Lock()
				times = append(times, time.Since(began))
				mu.Unlock()
			}
		})
	}
	group.Wait()
	b.StopTimer()
	slices.Sort(times)
	if len(times) > 0 {
		b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "p99-ms")
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(float64((cpuTime()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

// BenchmarkStart is the time from nothing to a server that answers.
func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		s, err := Start(b.Context(), Options{Directory: b.TempDir(), UI: true, Logger: quiet()})
		require.NoError(b, err)
		b.StopTimer()
		require.NoError(b, s.Stop(context.Background()))
		b.StartTimer()
	}
}

func callAnswer(ctx context.Context, c client.Client, id string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	handle, err := c.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: c.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
			ID: id, TaskQueue: answerQueue,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
			WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		}, answerWorkflow),
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateID: "answer", UpdateName: "answer", WaitForStage: client.WorkflowUpdateStageCompleted,
		},
	})
	if err != nil {
		return err
	}
	var answer string
	return handle.Get(ctx, &answer)
}

func dial(t testing.TB, s *Server) client.Client {
	t.Helper()
	c, err := newClient(s)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func newClient(s *Server) (client.Client, error) {
	return client.Dial(client.Options{HostPort: s.Address(), Namespace: s.Namespace(), Logger: sdklog.NewStructuredLogger(quiet())})
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		runtime.Goexit()
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
