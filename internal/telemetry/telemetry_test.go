package telemetry_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/telemetry"
	"github.com/everhook/everhook/receiver"
)

// scrape reads the metrics as Prometheus does.
func scrape(t *testing.T, watched *telemetry.Telemetry) map[string]*dto.MetricFamily {
	t.Helper()
	w := httptest.NewRecorder()
	watched.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, w.Code)
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(w.Body)
	require.NoError(t, err)
	return families
}

// value returns the value of the series with exactly these labels; 0 if there is none.
func value(families map[string]*dto.MetricFamily, name string, labels map[string]string) float64 {
	for _, series := range families[name].GetMetric() {
		got := map[string]string{}
		for _, label := range series.GetLabel() {
			got[label.GetName()] = label.GetValue()
		}
		if len(got) != len(labels) {
			continue
		}
		same := true
		for name, value := range labels {
			same = same && got[name] == value
		}
		if !same {
			continue
		}
		switch {
		case series.GetCounter() != nil:
			return series.GetCounter().GetValue()
		case series.GetGauge() != nil:
			return series.GetGauge().GetValue()
		default:
			return series.GetHistogram().GetSampleSum()
		}
	}
	return 0
}

type labels = map[string]string

func start(t *testing.T) *telemetry.Telemetry {
	t.Helper()
	watched, err := telemetry.New(t.Context(), telemetry.Options{Version: "test"})
	require.NoError(t, err)
	return watched
}

func TestACallIsCountedForWhatItWas(t *testing.T) {
	t.Parallel()
	shop := labels{"flow": "shop"}
	for name, c := range map[string]struct {
		record receiver.Record
		want   map[string]float64
		labels labels
	}{
		"a delivery by flow and outcome": {
			receiver.Record{Flow: "shop", Reason: receiver.Accepted}, map[string]float64{"everhook_deliveries_total": 1,
				"everhook_lookups_total": 0}, labels{"flow": "shop", "outcome": "accepted"},
		},
		"one that reached no flow": {
			receiver.Record{Reason: receiver.NotFound}, map[string]float64{"everhook_deliveries_total": 1},
			labels{"flow": "", "outcome": "not-found"},
		},
		"one for an earlier run, which is no delivery": {
			receiver.Record{Flow: "shop", Reason: receiver.Answered, Lookup: true},
			map[string]float64{"everhook_deliveries_total": 0, "everhook_lookups_total": 1},
			labels{"flow": "shop", "outcome": "answered"},
		},
		"one that resumes a run, which is no delivery": {
			receiver.Record{Flow: "shop", Node: "done", Reason: receiver.Accepted, Duplicate: true},
			map[string]float64{"everhook_deliveries_total": 0, "everhook_resumes_total": 1},
			labels{"flow": "shop", "outcome": "accepted"},
		},
		"one that resumes a run, with a wrong signature": {
			receiver.Record{Flow: "shop", Node: "done", Reason: receiver.BadSignature},
			map[string]float64{"everhook_delivery_signature_failures_total": 1}, shop,
		},
		"its time to an answer": {
			receiver.Record{Flow: "shop", Reason: receiver.Answered, Duration: 250 * time.Millisecond},
			map[string]float64{"everhook_delivery_duration_seconds": 0.25}, shop,
		},
		"its time to a durable start, and its body": {
			receiver.Record{Flow: "shop", Reason: receiver.Accepted, Durable: 5 * time.Millisecond, Bytes: 300},
			map[string]float64{"everhook_delivery_start_duration_seconds": 0.005,
				"everhook_delivery_body_size_bytes": 300}, labels{},
		},
		"a duplicate": {
			receiver.Record{Flow: "shop", Reason: receiver.Accepted, Duplicate: true},
			map[string]float64{"everhook_delivery_duplicates_total": 1,
				"everhook_delivery_signature_failures_total": 0}, shop,
		},
		"a wrong signature": {
			receiver.Record{Flow: "shop", Reason: receiver.BadSignature},
			map[string]float64{"everhook_delivery_signature_failures_total": 1,
				"everhook_delivery_duplicates_total": 0}, shop,
		},
		"an answer that could not be made": {
			receiver.Record{Flow: "shop", Reason: receiver.Accepted, NoAnswer: true},
			map[string]float64{"everhook_delivery_answer_failures_total": 1}, shop,
		},
		"not at all, when it is a probe": {
			receiver.Record{Reason: receiver.Probe}, map[string]float64{"everhook_deliveries_total": 0},
			labels{"flow": "", "outcome": "probe"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watched := start(t)
			watched.Observe(c.record)
			families := scrape(t, watched)
			for metric, want := range c.want {
				require.InDelta(t, want, value(families, metric, c.labels), 1e-9, metric)
			}
		})
	}
}

func TestGaugesAreReadWhenTheMetricsAre(t *testing.T) {
	t.Parallel()
	watched := start(t)
	held, flows := 0, telemetry.Flows{}
	require.NoError(t, watched.WatchCallers(func() int { return held }, 1000))
	require.NoError(t, watched.WatchFlows(func() telemetry.Flows { return flows }))
	require.Zero(t, value(scrape(t, watched), "everhook_callers_held", labels{}))
	require.NoError(t, watched.WatchStarts(func(sync bool) (int, int) {
		if sync {
			return 4, 50
		}
		return 1, 60
	}))
	require.NoError(t, watched.WatchEngine(func() int { return 29 }, func() int { return 1 }))
	require.NoError(t, watched.WatchInbox(func() telemetry.Inbox {
		return telemetry.Inbox{Rows: 7, Dead: 2, Bytes: 700, Age: 90 * time.Second, Direct: 11, Stored: 12}
	}))
	held, flows = 3, telemetry.Flows{Served: 5, Broken: 2, Disabled: 1}
	families := scrape(t, watched)
	for _, c := range []struct {
		name   string
		labels labels
		want   float64
	}{
		{"everhook_callers_held", labels{}, 3},
		{"everhook_callers_limit", labels{}, 1000},
		{"everhook_starts_under_way", labels{"mode": "sync"}, 4},
		{"everhook_starts_limit", labels{"mode": "async"}, 60},
		{"everhook_clock_behind_seconds", labels{}, 29},
		{"everhook_engine_restarts", labels{}, 1},
		{"everhook_inbox_rows", labels{}, 7},
		{"everhook_inbox_dead", labels{}, 2},
		{"everhook_inbox_size_bytes", labels{}, 700},
		{"everhook_inbox_age_seconds", labels{}, 90},
		{"everhook_inbox_deliveries_total", labels{"way": "direct"}, 11},
		{"everhook_inbox_deliveries_total", labels{"way": "inbox"}, 12},
		{"everhook_flows", labels{"state": "served"}, 5},
		{"everhook_flows", labels{"state": "broken"}, 2},
		{"everhook_flows", labels{"state": "disabled"}, 1},
	} {
		require.InDelta(t, c.want, value(families, c.name, c.labels), 0, "%s %v", c.name, c.labels)
	}
}

func TestTheProcessAndTheRuntimeAreThere(t *testing.T) {
	t.Parallel()
	families := scrape(t, start(t))
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes", "process_open_fds", "target_info"} {
		require.Contains(t, families, name)
	}
}

func TestTemporalsMetricsAreTaken(t *testing.T) {
	t.Parallel()
	watched := start(t)
	handler := watched.TemporalMetrics().WithTags(labels{"operation": "Poll"})
	handler.Counter("temporal_request").Inc(2)
	handler.Timer("temporal_request_latency").Record(500 * time.Millisecond)
	handler.Gauge("temporal_sticky_cache_size").Update(7)
	families := scrape(t, watched)
	poll := labels{"operation": "Poll"}
	require.InDelta(t, 2, value(families, "temporal_request_total", poll), 0)
	require.InDelta(t, 0.5, value(families, "temporal_request_latency_seconds", poll), 0)
	require.InDelta(t, 7, value(families, "temporal_sticky_cache_size", poll), 0)
	require.Greater(t, len(families["temporal_request_latency_seconds"].GetMetric()[0].GetHistogram().GetBucket()), 10)
}

func TestNamesAreAsPrometheusWantsThem(t *testing.T) {
	t.Parallel()
	watched := start(t)
	watched.Observe(receiver.Record{Flow: "shop", Reason: receiver.BadSignature, Duplicate: true, NoAnswer: true,
		Durable: 1})
	var families []*dto.MetricFamily
	for _, family := range scrape(t, watched) {
		families = append(families, family)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
}
