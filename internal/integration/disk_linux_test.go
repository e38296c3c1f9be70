package integration

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// limitFiles bounds the files of a running process: a write beyond fails, as on a full disk.
func (p *process) limitFiles(t *testing.T, bytes uint64) {
	t.Helper()
	require.NoError(t, unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE,
		&unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil))
}

// TestAFullDiskIsReportedAndOver lets every write of a process fail, and then succeed again. Meanwhile nothing is
// acknowledged, the process says that it is not ready, and its log does not fill the disk. Afterwards it goes on by
// itself.
func TestAFullDiskIsReportedAndOver(t *testing.T) {
	t.Parallel()
	p := spawn(t, writeFlows(t, crashFlows("http://127.0.0.1:1")), t.TempDir())
	send := func(flow string) reply {
		got, err := call(t.Context(), http.MethodPost, p.url(flow), []byte(`{"pause":"0s","block":false}`))
		require.NoError(t, err)
		return got
	}
	deliver := func() int { return send(crashAsync).status }
	ready := func() int {
		got, err := call(t.Context(), http.MethodGet, p.base+"/readyz", nil)
		require.NoError(t, err)
		return got.status
	}
	require.Equal(t, http.StatusOK, deliver())
	p.limitFiles(t, 4096)
	full := time.Now()
	require.Equal(t, http.StatusServiceUnavailable, deliver())
	require.Eventually(t, func() bool { return ready() == http.StatusServiceUnavailable }, patience,
		50*time.Millisecond)
	require.Less(t, time.Since(full), 20*time.Second)
	for range 4 {
		for _, flow := range []string{crashAsync, crashSync} {
			got := send(flow)
			require.Equal(t, http.StatusServiceUnavailable, got.status)
			require.NotEmpty(t, got.header.Get("Retry-After"))
			require.Less(t, got.took, time.Second, "refused at once")
		}
	}
	require.Contains(t, p.out.String(), "a write to the data directory failed; free some space")
	lines := strings.Count(p.out.String(), "\n")
	t.Logf("%d lines of log in %v", lines, time.Since(full))
	require.Less(t, lines, 400)

	p.limitFiles(t, unix.RLIM_INFINITY)
	freed := time.Now()
	require.Eventually(t, func() bool { return ready() == http.StatusOK && deliver() == http.StatusOK }, patience,
		100*time.Millisecond)
	t.Logf("it served again after %v", time.Since(freed))
}
