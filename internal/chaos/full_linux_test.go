package chaos

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fillDisk lets every write of the process fail that makes a file longer than 4 KiB, until the function that it returns
// is called. It needs no root.
func (p *process) fillDisk(t *testing.T) (free func()) {
	t.Helper()
	limit := func(bytes uint64) {
		require.NoError(t, unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE,
			&unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}, nil))
	}
	limit(4 << 10)
	return func() { limit(unix.RLIM_INFINITY) }
}
