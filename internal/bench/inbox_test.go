package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/embedded"
)

const (
	asyncToken = "bench-async-token-that-is-long-enough"
	asyncFlow  = "key: bench-async\nmode: async\ntrigger: { type: webhook, token: " + asyncToken + " }\nnodes:\n" +
		"  - { key: paid, type: condition, config: { expression: 'trigger.body.order.status == \"paid\"' } }\n"
	// stormCallers send deliveries for stormFor.
	stormCallers = 64
	stormFor     = 10 * time.Second
)

// BenchmarkAsyncAcceptance sends deliveries to an async flow from 64 callers in the process of the benchmark, to the
// built binary with its embedded server. The bars: 5,000 a second, p99 below 50 ms. It also measures how quickly the
// runs are started during the storm and after it, against the rate at which they are started directly.
func BenchmarkAsyncAcceptance(b *testing.B) {
	binary, flows := build(b), b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(flows, "async.yaml"), []byte(asyncFlow), 0o600))
	for b.Loop() {
		p := startUntilReady(b, binary, "dev", flows, "--data", b.TempDir(), "--client-rate", "1000000")
		url := "http://" + p.address + "/api/webhook:trigger/" + asyncToken
		p.reportStorm(b, url)
		b.ReportMetric(p.peakMegabytes(b), "peak-MB")
		p.stop()
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkEarlyAnswers does the same with a sync flow of pure nodes. The bars: 2,000 answers a second, p99 below
// 100 ms, no differences.
func BenchmarkEarlyAnswers(b *testing.B) {
	binary, flows := build(b), b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(flows, "sync.yaml"), []byte(flow), 0o600))
	for b.Loop() {
		p := startUntilReady(b, binary, "dev", flows, "--data", b.TempDir(), "--client-rate", "1000000")
		p.reportStorm(b, "http://"+p.address+"/api/webhook:trigger/"+token)
		b.ReportMetric(p.metric(b, "everhook_early_answer_differences_total"), "differences")
		b.ReportMetric(p.peakMegabytes(b), "peak-MB")
		p.stop()
	}
	b.ReportMetric(0, "ns/op")
}

// fewCallers is a number of callers whose runs are started directly.
const fewCallers = 4

// reportStorm measures a storm, and the rate of starts in it and after it as a part of the direct rate.
func (p *process) reportStorm(b *testing.B, url string) {
	atOnce(b, overHTTP(url), fewCallers, time.Second)
	p.drained(b)
	direct := atOnce(b, overHTTP(url), fewCallers, 5*time.Second)
	p.drained(b)
	storm := p.storm(b, url)
	waiting := p.metric(b, "everhook_inbox_rows")
	began := time.Now()
	time.Sleep(10 * time.Second)
	after := (waiting - p.metric(b, "everhook_inbox_rows")) / time.Since(began).Seconds()
	storm.report(b, "")
	b.ReportMetric(direct, "direct/s")
	b.ReportMetric((float64(len(storm.times))-waiting)/storm.took.Seconds()/direct, "drain-in-storm-ratio")
	b.ReportMetric(after/direct, "drain-after-ratio")
}

// BenchmarkAsyncAcceptanceWithoutTemporal is the same while the Temporal server of the process is stopped.
func BenchmarkAsyncAcceptanceWithoutTemporal(b *testing.B) {
	binary, flows := build(b), b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(flows, "async.yaml"), []byte(asyncFlow), 0o600))
	for b.Loop() {
		temporal, err := embedded.Start(b.Context(), embedded.Options{Directory: b.TempDir(), Open: true})
		require.NoError(b, err)
		p := startUntilReady(b, binary, "dev", flows, "--data", b.TempDir(), "--client-rate", "1000000",
			"--temporal-address", temporal.Address())
		url := "http://" + p.address + "/api/webhook:trigger/" + asyncToken
		atOnce(b, overHTTP(url), 4, time.Second)
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		require.NoError(b, temporal.Stop(ctx))
		cancel()
		busy := p.cpu(b)
		storm := p.storm(b, url)
		storm.report(b, "")
		b.ReportMetric((p.cpu(b)-busy).Seconds()*1e6/float64(len(storm.times)), "cpu-µs/delivery")
		b.ReportMetric(p.peakMegabytes(b), "peak-MB")
		p.stop()
	}
	b.ReportMetric(0, "ns/op")
}

// stormed are the times of accepted deliveries.
type stormed struct {
	times   []time.Duration
	refused int
	took    time.Duration
}

func (s *stormed) report(b *testing.B, prefix string) {
	b.ReportMetric(float64(len(s.times))/s.took.Seconds(), prefix+"accepted/s")
	b.ReportMetric(milliseconds(quantile(s.times, 50)), prefix+"p50-ms")
	b.ReportMetric(milliseconds(quantile(s.times, 99)), prefix+"p99-ms")
	b.ReportMetric(float64(s.refused), prefix+"refused")
}

// storm sends deliveries from 64 callers.
func (p *process) storm(b *testing.B, url string) *stormed {
	web := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * stormCallers}}
	s := &stormed{}
	var mutex sync.Mutex
	var all sync.WaitGroup
	began := time.Now()
	for range stormCallers {
		all.Go(func() {
			var times []time.Duration
			refused := 0
			for time.Since(began) < stormFor {
				start := time.Now()
				if status, _ := post(b.Context(), web, url); status == http.StatusOK {
					times = append(times, time.Since(start))
				} else {
					refused++
				}
			}
			mutex.Lock()
			defer mutex.Unlock()
			s.times, s.refused = append(s.times, times...), s.refused+refused
		})
	}
	all.Wait()
	s.took = time.Since(began)
	return s
}

// metric reads a metric without labels.
func (p *process) metric(b *testing.B, name string) (value float64) {
	response, err := http.Get("http://" + p.admin + "/metrics")
	require.NoError(b, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(b, err)
	_, rest, found := bytes.Cut(text, []byte("\n"+name+" "))
	require.True(b, found, "there is no metric %s", name)
	_, err = fmt.Sscan(string(rest[:bytes.IndexByte(rest, '\n')]), &value)
	require.NoError(b, err)
	return value
}

// drained waits until nothing waits in the inbox.
func (p *process) drained(b *testing.B) {
	require.Eventually(b, func() bool { return p.metric(b, "everhook_inbox_rows") == 0 }, 5*time.Minute,
		100*time.Millisecond)
}

// cpu is the processor time that the process has used.
func (p *process) cpu(b *testing.B) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.command.Process.Pid))
	require.NoError(b, err)
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime, proc(5)
		one, err := strconv.ParseInt(string(field), 10, 64)
		require.NoError(b, err)
		ticks += one
	}
	return time.Duration(ticks) * time.Second / 100
}
