//go:build !noembedded && unix

package embedded

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// BenchmarkSyncAnswer is the server's part of a synchronous delivery: UpdateWithStart of a workflow that answers at
// once. Besides the mean it reports the median and the 99th percentile, and the CPU time that client, worker and server
// take together.
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
	before := cpuTime(b)
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
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/1000/float64(b.N), "cpu-ms/op")
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

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
