package integration

import (
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/server"
)

// metrics returns the metrics of a product.
func (p *product) metrics(t *testing.T) string {
	t.Helper()
	r := get(t, p.AdminURL()+"/metrics")
	require.Equal(t, http.StatusOK, r.status, r.body)
	return r.body
}

func TestMetricsCountDeliveriesRunsAndFlows(t *testing.T) {
	t.Parallel()
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		_ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(busy.Close)
	fails := shared.async(t, "counted-failing", "nodes:\n  - { key: partner, type: http-request, retry: { "+
		"maxAttempts: 1 }, config: { url: "+busy.URL+" } }\n")
	require.Equal(t, everhook.Failed, fails.ended(t, fails.post(t, `{}`).run).Status)
	works := shared.sync(t, "counted", conditionAndResponse)
	got := works.post(t, `{"paid":true,"id":1}`)
	works.ended(t, got.run)
	works.answer(t, got.run, "")
	works.post(t, `{`)
	require.Equal(t, http.StatusNotFound, get(t, shared.HookURL("no-flow-has-this-token")).status)

	for _, series := range []string{
		`everhook_deliveries_total{flow="counted",outcome="answered"} 1`,
		`everhook_deliveries_total{flow="counted",outcome="malformed"} 1`,
		`everhook_deliveries_total{flow="counted-failing",outcome="accepted"} 1`,
		`everhook_delivery_duration_seconds_count{flow="counted"} 2`,
		`everhook_lookups_total{flow="counted",outcome="answered"} 1`,
		`everhook_runs_total{flow="counted",status="resolved"} 1`,
		`everhook_runs_total{flow="counted-failing",status="failed"} 1`,
		`everhook_callers_limit 1000`,
	} {
		require.Contains(t, shared.metrics(t), "\n"+series+"\n")
	}
	text := shared.metrics(t)
	require.Regexp(t, `everhook_effect_attempts_total\{effect="everhook.http-request",status="failed"\} [1-9]`, text)
	require.Regexp(t, `everhook_flows\{state="served"\} [1-9]`, text)
	require.Regexp(t, `everhook_deliveries_total\{flow="",outcome="not-found"\} [1-9]`, text)
	require.NotContains(t, text, "no-flow-has-this-token")
	require.NotContains(t, text, works.token)
}

// ofTemporal matches a metric in a table of the page of operations.
var ofTemporal = regexp.MustCompile("(?m)^\\| `(temporal_[a-z_]+)`")

func TestTheMetricsOfTemporalThatThePageNamesAreThere(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	names := ofTemporal.FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, names)
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		_ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(busy.Close)
	f := shared.async(t, "makes-metrics", "nodes:\n  - { key: partner, type: http-request, retry: { maxAttempts: 2, "+
		"initialInterval: 1ms }, config: { url: "+busy.URL+" } }\n")
	f.ended(t, f.post(t, `{}`).run)
	get(t, shared.AdminURL()+"/api/v1/runs/"+strings.Repeat("a", 26)+
		"?flow=makes-metrics") // Temporal refuses to know that run
	for _, name := range names {
		require.Eventually(t, func() bool { return strings.Contains(shared.metrics(t), "\n# TYPE "+name[1]+" ") },
			patience, 100*time.Millisecond, name[1])
	}
}

func TestMetricsCanHaveAnAddressOfTheirOwn(t *testing.T) {
	t.Parallel()
	p := start(t, config{change: func(o *server.Options) {
		o.Metrics, o.AdminToken = "127.0.0.1:0",
			"sesame, open yourself"
	}})
	proxied := get(t, p.MetricsURL(), header("X-Forwarded-For", "192.0.2.7"))
	require.Equal(t, http.StatusForbidden, proxied.status, "only this machine needs no token")
	r := get(t, p.MetricsURL())
	require.Equal(t, http.StatusOK, r.status)
	require.Contains(t, r.body, "everhook_callers_limit 1000")
	require.Equal(t, http.StatusOK, get(t, strings.Replace(p.MetricsURL(), "/metrics", "/readyz", 1)).status)
	require.Equal(t, http.StatusUnauthorized, get(t, p.AdminURL()+"/metrics").status)
}
