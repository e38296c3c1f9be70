package receiver

import "golang.org/x/sys/unix"

// hungUp reports whether the other end of a connection has sent all that it will send, or is gone. Data that was not
// read yet does not matter.
func hungUp(descriptor int) bool {
	const gone = unix.POLLRDHUP | unix.POLLHUP | unix.POLLERR
	look := []unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(look, 0)
	return err == nil && n > 0 && look[0].Revents&gone != 0
}
