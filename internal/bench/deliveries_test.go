package bench

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/deliverylog"
)

const (
	recordedDeliveries = 1_000_000
	// recordedFor is the time over which they are spread.
	recordedFor = 20 * 24 * time.Hour
	// searchBar is how long one search may take.
	searchBar = time.Second
)

// BenchmarkDeliverySearch searches a million deliveries on record. The bar: each search takes less than a second, also
// one that finds nothing, one that many records fit, and one of a rare outcome.
func BenchmarkDeliverySearch(b *testing.B) {
	log, err := deliverylog.OpenFile(b.Context(), filepath.Join(b.TempDir(), "deliveries.db"), deliverylog.Options{
		Failed: func(err error, lost int) { b.Errorf("%v, %d lost", err, lost) }})
	require.NoError(b, err)
	b.Cleanup(func() { require.NoError(b, log.Close()) })
	began := time.Now()
	run := fill(b, log)
	wrote := float64(recordedDeliveries) / time.Since(began).Seconds()
	total, err := log.Total(b.Context())
	require.NoError(b, err)
	require.EqualValues(b, recordedDeliveries, total.Records)
	middle := time.Now().Add(-recordedFor / 2)
	for _, search := range []struct {
		name   string
		filter deliverylog.Filter
	}{
		{"all", deliverylog.Filter{}},
		{"far-page", deliverylog.Filter{Below: everhook.FirstDeliveryID(middle)}},
		{"flow", deliverylog.Filter{Flows: []string{"flow-7"}}},
		{"rare-outcome", deliverylog.Filter{Outcomes: []string{"invalid"}}},
		{"flow-rare-outcome", deliverylog.Filter{Flows: []string{"flow-7"}, Outcomes: []string{"invalid"}}},
		{"time", deliverylog.Filter{After: middle, Before: middle.Add(time.Minute)}},
		{"run", deliverylog.Filter{Run: string(run)}},
		{"value", deliverylog.Filter{Field: "order.id", Value: "order-777777"}},
		{"value-of-any-field", deliverylog.Filter{Value: "order-777777"}},
		{"value-of-half", deliverylog.Filter{Field: "shop", Value: "shop-1"}},
		{"value-prefix", deliverylog.Filter{Flows: []string{"flow-0"}, Value: "order-77777*"}},
		{"value-prefix-of-many", deliverylog.Filter{Flows: []string{"flow-0"}, Value: "order-77*"}},
		{"value-rare-outcome", deliverylog.Filter{Field: "shop", Value: "shop-1", Outcomes: []string{"invalid"}}},
		{"nothing", deliverylog.Filter{Value: "no such value"}},
		{"no-such-flow", deliverylog.Filter{Flows: []string{"gone"}}},
	} {
		b.Run(search.name, func(b *testing.B) {
			var slowest time.Duration
			found := 0
			for b.Loop() {
				start := time.Now()
				records, err := log.List(b.Context(), search.filter)
				require.NoError(b, err)
				slowest, found = max(slowest, time.Since(start)), len(records)
			}
			require.Less(b, slowest, searchBar)
			b.ReportMetric(float64(slowest.Microseconds())/1000, "slowest-ms")
			b.ReportMetric(float64(found), "found")
		})
	}
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			b.ReportMetric(wrote, "records/s")
			b.ReportMetric(float64(total.Bytes)/recordedDeliveries, "bytes/record")
		}
	})
}

// fill records deliveries to ten flows, most of them to one, and returns the run of one.
func fill(b *testing.B, log *deliverylog.Log) (run everhook.RunID) {
	b.Helper()
	first := time.Now().Add(-recordedFor)
	step := recordedFor / recordedDeliveries
	for i := range recordedDeliveries {
		flow := 0
		if i%10 == 0 {
			flow = rand.IntN(10)
		}
		r := &deliverylog.Record{ID: everhook.NewDeliveryID(first.Add(time.Duration(i) * step)),
			Flow: fmt.Sprintf("flow-%d", flow), Version: 1, Outcome: "accepted", Status: 200, Bytes: 800,
			Duration: 3 * time.Millisecond, Run: everhook.NewRunID(), Client: "203.0.113.7",
			Fields: []deliverylog.Field{{Name: "order.id", Value: fmt.Sprintf("order-%d", i)},
				{Name: "shop", Value: fmt.Sprintf("shop-%d", i%2)}}}
		if i%50_000 == 0 {
			r.Outcome, run = "invalid", r.Run
		}
		log.Add(r)
		if i%20_000 == 0 {
			require.NoError(b, log.Flush(b.Context()))
		}
	}
	require.NoError(b, log.Flush(b.Context()))
	return run
}
