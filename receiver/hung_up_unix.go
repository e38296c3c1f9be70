//go:build unix && !linux

package receiver

import (
	"errors"

	"golang.org/x/sys/unix"
)

// hungUp reports whether the other end of a connection has sent all that it will send, or is gone. It finds that out
// only when all data was read.
func hungUp(descriptor int) bool {
	var one [1]byte
	n, _, err := unix.Recvfrom(descriptor, one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	if err != nil {
		return !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR)
	}
	return n == 0
}
