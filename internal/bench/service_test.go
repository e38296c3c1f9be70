package bench

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/embedded"
	"github.com/everhook/everhook/internal/store/storetest"
)

const (
	manyFlows, manyRuns = 1000, 10_000
	adminToken          = "bench-admin-token"
)

// writeManyFlows writes flow files. The first one is that of the benchmarks.
func writeManyFlows(b *testing.B, dir string) {
	require.NoError(b, os.WriteFile(filepath.Join(dir, "bench.yaml"), []byte(flow), 0o600))
	for i := range manyFlows - 1 {
		text := strings.NewReplacer("key: bench", fmt.Sprintf("key: flow-%d", i), token,
			fmt.Sprintf("%s-%d", token, i)).Replace(flow)
		require.NoError(b, os.WriteFile(filepath.Join(dir, fmt.Sprintf("flow-%d.yaml", i)), []byte(text), 0o600))
	}
}

// BenchmarkStartWithManyFlows starts `serve` with 1,000 flow files, which it has to apply at first. The bar: 3 s.
func BenchmarkStartWithManyFlows(b *testing.B) {
	binary, flows := build(b), b.TempDir()
	writeManyFlows(b, flows)
	for b.Loop() {
		data := b.TempDir()
		for _, name := range []string{"new-ms", "known-ms"} {
			p := startUntilReady(b, binary, "serve", flows, "--data", data, "--admin-token", adminToken)
			p.stop()
			b.ReportMetric(float64(p.took.Milliseconds()), name)
		}
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkLists reads lists of 1,000 flows and of 10,000 runs through the API: first and last pages, with and without
// filters. The bar: 20 ms at p50.
func BenchmarkLists(b *testing.B) {
	binary, flows := build(b), b.TempDir()
	writeManyFlows(b, flows)
	p := startUntilReady(b, binary, "serve", flows, "--data", b.TempDir(), "--client-rate", "1000000",
		"--admin-token", adminToken)
	deliver := overHTTP("http://" + p.address + "/api/webhook:trigger/" + token)
	group, ctx := errgroup.WithContext(b.Context())
	group.SetLimit(16)
	for range manyRuns {
		group.Go(func() error { return deliver(ctx) })
	}
	require.NoError(b, group.Wait())
	time.Sleep(5 * time.Second) // the last runs end, and are counted
	lists := map[string]string{
		"flows": "flows", "flows-200": "flows?limit=200", "flows-text": "flows?text=flow-99", "runs": "runs",
		"runs-200": "runs?limit=200", "runs-of-flow": "runs?flow=bench&status=resolved", "run": "runs?limit=1",
		"failed": "runs?status=failed", "unresolved": "runs?status=unresolved&after=1h",
	}
	for b.Loop() {
		for name, path := range lists {
			var times []time.Duration
			for range 50 {
				began := time.Now()
				p.read(b, path)
				times = append(times, time.Since(began))
			}
			b.ReportMetric(milliseconds(quantile(times, 50)), name+"-p50-ms")
		}
		b.ReportMetric(milliseconds(p.pages(b, "flows?limit=200", "flows")), "all-flows-p50-ms")
		b.ReportMetric(milliseconds(p.pages(b, "runs?limit=200", "runs")), "all-runs-p50-ms")
	}
	b.ReportMetric(0, "ns/op")
}

// pages reads all pages of a list, and returns the median time of a page.
func (p *process) pages(b *testing.B, path, field string) time.Duration {
	var times []time.Duration
	count := 0
	for page := ""; ; {
		began := time.Now()
		list := p.read(b, path+"&page="+page)
		times = append(times, time.Since(began))
		count += len(list[field].([]any))
		if page, _ = list["next"].(string); page == "" {
			break
		}
	}
	require.GreaterOrEqual(b, count, map[string]int{"flows": manyFlows, "runs": manyRuns}[field])
	return quantile(times, 50)
}

// read reads a resource of the API.
func (p *process) read(b *testing.B, path string) map[string]any {
	return p.ask(b, http.MethodGet, path, "")
}

// ask calls the API as an admin.
func (p *process) ask(b *testing.B, method, path, body string) (answer map[string]any) {
	r, err := http.NewRequestWithContext(b.Context(), method, "http://"+p.admin+"/api/v1/"+path,
		strings.NewReader(body))
	require.NoError(b, err)
	r.Header.Set("Authorization", "Bearer "+adminToken)
	r.Header.Set("Content-Type", "application/yaml")
	response, err := http.DefaultClient.Do(r)
	require.NoError(b, err)
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	require.NoError(b, err)
	require.Equal(b, http.StatusOK, response.StatusCode, "%s: %s", path, data)
	value, err := everhook.ParseJSON(data)
	require.NoError(b, err)
	return value.(map[string]any)
}

// BenchmarkAppliedToServed applies versions of a flow in one process until another one serves each. Both share a
// PostgreSQL database and a Temporal server. The bar: 1 s.
func BenchmarkAppliedToServed(b *testing.B) {
	binary := build(b)
	temporal, err := embedded.Start(b.Context(), embedded.Options{Directory: b.TempDir(), Open: true})
	require.NoError(b, err)
	b.Cleanup(func() { _ = temporal.Stop(b.Context()) })
	url := storetest.Postgres(b)
	var processes [2]*process
	for i := range processes {
		processes[i] = startUntilReady(b, binary, "serve", "--data", b.TempDir(), "--store", url, "--admin-token",
			adminToken, "--temporal-address", temporal.Address(), "--client-rate", "1000000")
	}
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
	for b.Loop() {
		var times []time.Duration
		for n := range 30 {
			text := strings.Replace(flow, "{ ok: true,", fmt.Sprintf("{ ok: true, n: %d,", n), 1)
			processes[0].ask(b, http.MethodPut, "flows/bench", text)
			began := time.Now()
			served := fmt.Appendf(nil, `"n":%d`, n)
			for {
				_, body := answered(b, web, "http://"+processes[1].address+"/api/webhook:trigger/"+token)
				if bytes.Contains(body, served) {
					break
				}
				require.Less(b, time.Since(began), time.Minute)
			}
			times = append(times, time.Since(began))
		}
		b.ReportMetric(milliseconds(quantile(times, 50)), "p50-ms")
		b.ReportMetric(milliseconds(quantile(times, 100)), "max-ms")
	}
	b.ReportMetric(0, "ns/op")
}

// answered sends the request of the benchmarks.
func answered(b *testing.B, web *http.Client, url string) (status int, body []byte) {
	response, err := web.Post(url, "application/json", strings.NewReader(request))
	require.NoError(b, err)
	defer func() { _ = response.Body.Close() }()
	body, err = io.ReadAll(response.Body)
	require.NoError(b, err)
	return response.StatusCode, body
}
