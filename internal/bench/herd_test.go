package bench

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	_ "modernc.org/sqlite" // the driver of the databases
)

const (
	sleepToken = "sleep-token-that-is-long-enough"
	sleepFlow  = `
key: sleeps
mode: async
trigger: { type: webhook, token: ` + sleepToken + ` }
nodes:
  - { key: pause, type: delay, config: { until: '{{ trigger.body.until }}' } }
  - { key: woke, type: output, config: { value: true } }
`
)

// BenchmarkManyDelaysDueAtOnce has the built binary wake 10,000 runs whose delays end in the same second, while a
// caller calls a sync flow. The bars: all have ended within 150 s, without an error in the log, and the caller is
// answered within 1 s (p99).
func BenchmarkManyDelaysDueAtOnce(b *testing.B) {
	const runs, some, callers = 10_000, 500, 16
	binary, flows := build(b), b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(flows, "paid.yaml"), []byte(flow), 0o600))
	require.NoError(b, os.WriteFile(filepath.Join(flows, "sleeps.yaml"), []byte(sleepFlow), 0o600))
	for b.Loop() {
		p := startUntilReady(b, binary, "dev", flows, "--data", b.TempDir(), "--client-rate", "1000000")
		accept := func(runs int, until time.Time) float64 {
			began, body := time.Now(), fmt.Sprintf(`{"until":%q}`, until.UTC().Format(time.RFC3339))
			group, ctx := errgroup.WithContext(b.Context())
			group.SetLimit(callers)
			for range runs {
				group.Go(func() error { return deliverUntilTaken(ctx, p, sleepToken, body) })
			}
			require.NoError(b, group.Wait())
			return float64(runs) / time.Since(began).Seconds()
		}
		// How long it takes to start them differs between machines, so some are started before.
		began := time.Now()
		accept(some, began)
		p.drained(b)
		starting := runs / some * time.Since(began)
		wake := time.Now().Add(2*starting + 5*time.Second).Truncate(time.Second)
		b.ReportMetric(accept(runs, wake), "accepted/s")
		p.drained(b)
		require.Less(b, time.Now(), wake, "the machine became too slow for the benchmark")
		time.Sleep(time.Until(wake))
		var meanwhile []time.Duration
		deliver := overHTTP("http://" + p.address + "/api/webhook:trigger/" + token)
		failed := 0
		for p.pending(b, "sleeps") > 0 && time.Since(wake) < 10*time.Minute {
			for range 20 {
				called := time.Now()
				if deliver(b.Context()) != nil {
					failed++
				}
				meanwhile = append(meanwhile, time.Since(called))
				time.Sleep(20 * time.Millisecond)
			}
		}
		b.ReportMetric(time.Since(wake).Seconds(), "woken-s")
		b.ReportMetric(milliseconds(quantile(meanwhile, 99)), "caller-p99-ms")
		b.ReportMetric(milliseconds(quantile(meanwhile, 50)), "caller-p50-ms")
		b.ReportMetric(float64(failed), "caller-failures")
		b.ReportMetric(float64(p.count("level=ERROR")), "errors")
		p.stop()
	}
	b.ReportMetric(0, "ns/op")
}

func deliverUntilTaken(ctx context.Context, p *process, token, body string) error {
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.address+"/api/webhook:trigger/"+token,
			strings.NewReader(body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		switch response.StatusCode {
		case http.StatusOK:
			return nil
		case http.StatusServiceUnavailable:
			time.Sleep(100 * time.Millisecond)
		default:
			return fmt.Errorf("status %d", response.StatusCode)
		}
	}
}

// BenchmarkDiskOfRuns reads how many bytes a run of condition and response takes in both databases together, and how
// long after its answer a list shows it as resolved. The bars: 14 kB, and a second at full rate.
func BenchmarkDiskOfRuns(b *testing.B) {
	const runs, callers = 5000, 16
	binary, flows := build(b), b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(flows, "paid.yaml"), []byte(flow), 0o600))
	for b.Loop() {
		data := b.TempDir()
		p := startUntilReady(b, binary, "dev", flows, "--data", data, "--client-rate", "1000000")
		deliver := overHTTP("http://" + p.address + "/api/webhook:trigger/" + token)
		require.NoError(b, deliver(b.Context()))
		before := databases(b, data)
		group, ctx := errgroup.WithContext(b.Context())
		group.SetLimit(callers)
		var lags []time.Duration
		var watching sync.WaitGroup
		done := make(chan struct{})
		watching.Go(func() { lags = p.listLags(b, done) })
		for range runs {
			group.Go(func() error { return deliver(ctx) })
		}
		require.NoError(b, group.Wait())
		close(done)
		watching.Wait()
		require.Eventually(b, func() bool { return p.pending(b, "bench") == 0 }, time.Minute, 100*time.Millisecond)
		b.ReportMetric(float64(databases(b, data)-before)/runs/1000, "kB/run")
		b.ReportMetric(milliseconds(quantile(lags, 99)), "list-lag-p99-ms")
		p.stop()
	}
	b.ReportMetric(0, "ns/op")
}

// listLags calls the flow again and again, and measures how long after each answer the list has the run as resolved.
func (p *process) listLags(b *testing.B, done <-chan struct{}) (lags []time.Duration) {
	for {
		select {
		case <-done:
			return lags
		default:
		}
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPost,
			"http://"+p.address+"/api/webhook:trigger/"+token, strings.NewReader(request))
		if err != nil {
			return lags
		}
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			continue
		}
		run := response.Header.Get("Everhook-Run-Id")
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			continue
		}
		answered := time.Now()
		for !p.lists(b, "flow=bench&status=resolved&limit=100", run) && time.Since(answered) < time.Minute {
			time.Sleep(10 * time.Millisecond)
		}
		lags = append(lags, time.Since(answered))
	}
}

// lists reports whether a list has a run.
func (p *process) lists(b *testing.B, filter, run string) bool {
	return strings.Contains(p.list(b, filter), `"`+run+`"`)
}

func (p *process) list(b *testing.B, filter string) string {
	r, err := http.NewRequestWithContext(b.Context(), http.MethodGet, "http://"+p.admin+"/api/v1/runs?"+filter, nil)
	if err != nil {
		return ""
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return ""
	}
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(response.Body)
	return string(body)
}

// pending counts the runs of a flow that have not ended, up to 200; 1 if they cannot be counted.
func (p *process) pending(b *testing.B, flow string) int {
	var list struct{ Runs []struct{ ID string } }
	if json.Unmarshal([]byte(p.list(b, "status=pending&limit=200&flow="+flow)), &list) != nil || list.Runs == nil {
		return 1
	}
	return len(list.Runs)
}

// databases is the size of what both databases of the embedded server hold.
func databases(b *testing.B, data string) (bytes int64) {
	for _, name := range []string{"temporal.db", "visibility.db"} {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(data, name)+"?mode=ro&_pragma=busy_timeout=10000")
		require.NoError(b, err)
		var pages, free, size int64
		require.NoError(b, db.QueryRow("PRAGMA page_count").Scan(&pages))
		require.NoError(b, db.QueryRow("PRAGMA freelist_count").Scan(&free))
		require.NoError(b, db.QueryRow("PRAGMA page_size").Scan(&size))
		require.NoError(b, db.Close())
		bytes += (pages - free) * size
	}
	return bytes
}
