package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkLongLoop measures the duration of a sync call of a flow with many pure iterations, and the live memory at
// its end.
func BenchmarkLongLoop(b *testing.B) {
	url := serve(b, `
key: long-loop
mode: sync
options: { wait: 5m }
trigger: { type: webhook, token: a-loop-token-that-is-long-enough }
nodes:
  - { key: sum, type: variable, config: { value: 0 } }
  - key: each
    type: loop
    config: { over: trigger.body.iterations }
    branches: { do: [ { key: add, type: variable, config: { target: sum, value: '{{ nodes.sum + loop.item }}' } } ] }
  - { key: ok, type: response, config: { body: { done: '{{ nodes.each.done }}' } } }
`, "a-loop-token-that-is-long-enough")
	for _, iterations := range []int{10_000, 100_000, 300_000} {
		b.Run(fmt.Sprintf("%d", iterations), func(b *testing.B) {
			for b.Loop() {
				began := time.Now()
				require.Equal(b, iterations, loopThrough(b.Context(), b, url, iterations))
				b.ReportMetric(time.Since(began).Seconds(), "s")
				b.ReportMetric(float64(time.Since(began).Microseconds())/float64(iterations), "µs/iteration")
				runtime.GC()
				var memory runtime.MemStats
				runtime.ReadMemStats(&memory)
				b.ReportMetric(float64(memory.HeapAlloc)/(1<<20), "MB-alive")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func loopThrough(ctx context.Context, b *testing.B, url string, iterations int) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url,
		strings.NewReader(fmt.Sprintf(`{"iterations":%d}`, iterations)))
	require.NoError(b, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(b, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(b, err)
	require.Equal(b, http.StatusOK, response.StatusCode, string(body))
	var answer struct{ Done int }
	require.NoError(b, json.NewDecoder(bytes.NewReader(body)).Decode(&answer))
	return answer.Done
}
