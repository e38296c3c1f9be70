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
)

// BenchmarkStartToReady starts the built binary on an empty directory, and again on the one it left, until /readyz says 200, and reads how much
// memory it has while it is idle. The bars: 3 s, 2 s and 250 MB.
func BenchmarkStartToReady(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "everhook")
	output, err := exec.CommandContext(b.Context(), "go", "build", "-o", binary, "../../cmd/everhook").CombinedOutput()
	require.NoError(b, err, string(output))
	for b.Loop() {
		dir := b.TempDir()
		empty, idle := startUntilReady(b, binary, dir)
		again, _ := startUntilReady(b, binary, dir)
		b.ReportMetric(float64(empty.Milliseconds()), "empty-ms")
		b.ReportMetric(float64(again.Milliseconds()), "existing-ms")
		b.ReportMetric(idle, "idle-MB")
	}
	b.ReportMetric(0, "ns/op")
}

// startUntilReady starts the binary, waits until it is ready, and stops it.
func startUntilReady(b *testing.B, binary, dir string) (took time.Duration, megabytes float64) {
	address := freeAddress(b)
	command := exec.CommandContext(b.Context(), binary, "serve", "--listen", address, "--admin", freeAddress(b), "--data", dir, "--log-level", "error")
	began := time.Now()
	require.NoError(b, command.Start())
	defer func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
	}()
	for !ready(b.Context(), address) {
		require.Less(b, time.Since(began), time.Minute, "it does not become ready")
		time.Sleep(5 * time.Millisecond)
	}
	took = time.Since(began)
	// What the start leaves to the garbage collector is not what an idle server has.
	time.Sleep(5 * time.Second)
	return took, residentMegabytes(b, command.Process.Pid)
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

// residentMegabytes reads VmRSS (proc(5)).
func residentMegabytes(b *testing.B, pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kilobytes float64
	_, err = fmt.Sscanf(rest, "%f kB", &kilobytes)
	require.NoError(b, err)
	return kilobytes / 1000
}
