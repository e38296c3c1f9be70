package deliverylog

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// BenchmarkWrite records deliveries as quickly as they can be written.
func BenchmarkWrite(b *testing.B) {
	log, err := OpenFile(b.Context(), filepath.Join(b.TempDir(), "deliveries.db"), Options{})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, log.Close()) })
	const each = 20_000
	for b.Loop() {
		for range each {
			log.Add(&Record{ID: everhook.NewDeliveryID(time.Now()), Flow: "flow", Version: 1, Outcome: "accepted",
				Status: 200, Bytes: 800, Duration: 3 * time.Millisecond, Run: everhook.NewRunID(),
				Client: "203.0.113.7"})
		}
		require.NoError(b, log.Flush(b.Context()))
	}
	b.ReportMetric(float64(b.N)*each/b.Elapsed().Seconds(), "records/s")
}
