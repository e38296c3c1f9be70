//go:build unix

package clients

import (
	"math"

	"golang.org/x/sys/unix"
)

// OpenFiles is how many files and connections the process may have open.
func OpenFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > math.MaxInt32 {
		return math.MaxInt32
	}
	return int(limit.Cur)
}
