package docs_test

import (
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/telemetry"
	"github.com/everhook/everhook/receiver"
	"github.com/everhook/everhook/workflows"
)

// own matches a metric of Everhook, without the suffixes of a histogram.
var own = regexp.MustCompile(`\b(everhook_[a-z_]+?)(?:_bucket|_sum|_count)?\b`)

func TestThePageOfOperationsNamesEveryMetricAndNoOther(t *testing.T) {
	t.Parallel()
	watched, err := telemetry.New(t.Context(), telemetry.Options{})
	require.NoError(t, err)
	watched.Observe(receiver.Record{Flow: "shop", Reason: receiver.BadSignature, Duplicate: true, NoAnswer: true,
		Durable: 1})
	watched.Observe(receiver.Record{Flow: "shop", Reason: receiver.Answered, Lookup: true})
	watched.Observe(receiver.Record{Flow: "shop", Node: "done", Reason: receiver.Accepted})
	watched.RunEnded("shop", everhook.Resolved, 1)
	watched.AttemptEnded("everhook.http-request", everhook.Failed)
	require.NoError(t, watched.WatchCallers(func() int { return 0 }, 1))
	require.NoError(t, watched.WatchStarts(func(bool) (underWay, limit int) { return 0, 1 }))
	require.NoError(t, watched.WatchEngine(func() int { return 0 }, func() int { return 0 }))
	require.NoError(t, watched.WatchFlows(func() telemetry.Flows { return telemetry.Flows{} }))
	require.NoError(t, watched.WatchInbox(func() telemetry.Inbox { return telemetry.Inbox{} }))
	require.NoError(t, watched.WatchDeliveryLog(func() telemetry.DeliveryLog { return telemetry.DeliveryLog{} }))
	watched.TemporalMetrics().Counter(workflows.DifferencesMetric).Inc(0)
	w := httptest.NewRecorder()
	watched.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	page, err := os.ReadFile("operations.md")
	require.NoError(t, err)
	require.Equal(t, metricsIn(w.Body.String()), metricsIn(string(page)))
	for _, name := range regexp.MustCompile("`((?:process|go)_[a-z_]+)`").FindAllStringSubmatch(string(page), -1) {
		require.Contains(t, w.Body.String(), "\n"+name[1]+" ")
	}
}

func metricsIn(text string) []string {
	var names []string
	for _, match := range own.FindAllStringSubmatch(text, -1) {
		names = append(names, match[1])
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func TestThePageOfOperationsNamesEveryOutcome(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../receiver/reply.go")
	require.NoError(t, err)
	page, err := os.ReadFile("operations.md")
	require.NoError(t, err)
	words := regexp.MustCompile(`Reason = "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1)
	require.NotEmpty(t, words)
	for _, word := range words {
		if receiver.Reason(word[1]) != receiver.Probe {
			require.Contains(t, string(page), "`"+word[1]+"`")
		}
	}
}
