package bench

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

// BenchmarkStartToReady starts the built binary on an empty directory, and again on the directory of the first start,
// until /readyz answers 200. It also measures the memory of the idle process. The bars: 3 s, 2 s and 250 MB.
func BenchmarkStartToReady(b *testing.B) {
	binary := build(b)
	for b.Loop() {
		dir := b.TempDir()
		first := startUntilReady(b, binary, "serve", "--data", dir)
		idle := first.residentMegabytes(b)
		first.stop()
		again := startUntilReady(b, binary, "serve", "--data", dir)
		again.stop()
		b.ReportMetric(float64(first.took.Milliseconds()), "empty-ms")
		b.ReportMetric(float64(again.took.Milliseconds()), "existing-ms")
		b.ReportMetric(idle, "idle-MB")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkMemoryAfterRuns runs 10,000 sync deliveries from 16 callers with the built binary, and measures its memory
// afterwards. The bar: 500 MB.
func BenchmarkMemoryAfterRuns(b *testing.B) {
	const runs, callers = 10_000, 16
	binary, flows := build(b), b.TempDir()
	require.NoError(b, os.WriteFile(filepath.Join(flows, "paid.yaml"), []byte(flow), 0o600))
	for b.Loop() {
		p := startUntilReady(b, binary, "dev", flows, "--data", b.TempDir())
		deliver := overHTTP("http://" + p.address + "/api/webhook:trigger/" + token)
		group, ctx := errgroup.WithContext(b.Context())
		group.SetLimit(callers)
		for range runs {
			group.Go(func() error { return deliver(ctx) })
		}
		require.NoError(b, group.Wait())
		b.ReportMetric(p.residentMegabytes(b), "MB-after-runs")
		p.stop()
	}
	b.ReportMetric(0, "ns/op")
}

func build(b *testing.B) string {
	binary := filepath.Join(b.TempDir(), "everhook")
	output, err := exec.CommandContext(b.Context(), "go", "build", "-o", binary, "../../cmd/everhook").CombinedOutput()
	require.NoError(b, err, string(output))
	return binary
}

// process is a running binary.
type process struct {
	command *exec.Cmd
	// address takes calls, admin is the admin address, and log the file with what it logged.
	address, admin, log string
	// took is the time from its start until it was ready.
	took time.Duration
}

func startUntilReady(b *testing.B, binary string, arguments ...string) *process {
	p := &process{address: freeAddress(b), admin: freeAddress(b), log: filepath.Join(b.TempDir(), "log")}
	p.command = exec.CommandContext(b.Context(), binary, append(arguments, "--listen", p.address, "--admin", p.admin,
		"--log-level", "error")...)
	log, err := os.Create(p.log)
	require.NoError(b, err)
	defer func() { _ = log.Close() }()
	p.command.Stderr = log
	began := time.Now()
	require.NoError(b, p.command.Start())
	b.Cleanup(p.stop)
	for !ready(b.Context(), p.address) {
		require.Less(b, time.Since(began), time.Minute, "it does not become ready")
		time.Sleep(5 * time.Millisecond)
	}
	p.took = time.Since(began)
	return p
}

// count is how often the log has a text.
func (p *process) count(text string) int {
	log, err := os.ReadFile(p.log)
	if err != nil {
		return 0
	}
	return strings.Count(string(log), text)
}

// stop ends the process if it is running.
func (p *process) stop() {
	if p.command.ProcessState == nil {
		_ = p.command.Process.Signal(syscall.SIGTERM)
		_ = p.command.Wait()
	}
}

func freeAddress(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func ready(ctx context.Context, address string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode == http.StatusOK
}

// residentMegabytes reads VmRSS (proc(5)) after some seconds, so that the garbage of the work before is collected.
func (p *process) residentMegabytes(b *testing.B) float64 {
	time.Sleep(5 * time.Second)
	return p.status(b, "VmRSS:")
}

// peakMegabytes is the most that the process had so far.
func (p *process) peakMegabytes(b *testing.B) float64 { return p.status(b, "VmHWM:") }

func (p *process) status(b *testing.B, field string) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.command.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), field)
	var kilobytes float64
	_, err = fmt.Sscanf(rest, "%f kB", &kilobytes)
	require.NoError(b, err)
	return kilobytes / 1000
}
