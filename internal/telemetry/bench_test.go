package telemetry

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/receiver"
)

// BenchmarkDelivery measures the cost of metrics for a delivery.
func BenchmarkDelivery(b *testing.B) {
	t, err := New(b.Context(), Options{})
	require.NoError(b, err)
	record := receiver.Record{Flow: "shop", Reason: receiver.Accepted, Status: 200, Bytes: 100,
		Duration: time.Millisecond, Durable: time.Millisecond}
	for b.Loop() {
		t.Observe(record)
	}
}

// BenchmarkTemporalMetrics measures the cost of metrics for a request to Temporal: two counts and a duration, with the
// tags of the SDK.
func BenchmarkTemporalMetrics(b *testing.B) {
	t, err := New(b.Context(), Options{})
	require.NoError(b, err)
	handler := t.TemporalMetrics().WithTags(map[string]string{"namespace": "default", "client_name": "temporal_go"})
	for b.Loop() {
		tagged := handler.WithTags(map[string]string{"workflow_type": "everhook.run", "task_queue": "everhook/3",
			"operation": "StartWorkflowExecution"})
		tagged.Counter("temporal_request").Inc(1)
		tagged.Timer("temporal_request_latency").Record(time.Millisecond)
	}
}
