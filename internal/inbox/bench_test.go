package inbox

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// BenchmarkPut stores rows of a typical size from 64 callers. The bar: 5,000 a second, p99 below 50 ms.
func BenchmarkPut(b *testing.B) {
	const callers, each = 64, 1000
	for _, claimed := range []bool{false, true} {
		b.Run(fmt.Sprintf("claimed=%v", claimed), func(b *testing.B) {
			box, err := OpenFile(b.Context(), FileOptions{Path: filepath.Join(b.TempDir(), "inbox.db"),
				Window: time.Hour})
			require.NoError(b, err)
			b.Cleanup(func() { require.NoError(b, box.Close()) })
			for b.Loop() {
				times := make([][]time.Duration, callers)
				var all sync.WaitGroup
				began := time.Now()
				for caller := range callers {
					all.Go(func() {
						for n := range each {
							e := &Entry{Flow: "flow", Version: 1, Hash: "0123456789abcdef", Run: everhook.NewRunID(),
								Delivery: fmt.Sprintf("%d-%d", caller, n), ReceivedAt: time.Now(),
								Input: make([]byte, 1024)}
							if claimed {
								e.Duplicates = &everhook.DuplicatePolicy{}
							}
							start := time.Now()
							if _, err := box.Put(b.Context(), e); err != nil {
								b.Error(err)
							}
							times[caller] = append(times[caller], time.Since(start))
						}
					})
				}
				all.Wait()
				took := time.Since(began)
				sorted := slices.SortedFunc(slices.Values(slices.Concat(times...)), cmp.Compare[time.Duration])
				b.ReportMetric(callers*each/took.Seconds(), "rows/s")
				b.ReportMetric(float64(sorted[len(sorted)/2].Microseconds())/1000, "p50-ms")
				b.ReportMetric(float64(sorted[len(sorted)*99/100].Microseconds())/1000, "p99-ms")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
