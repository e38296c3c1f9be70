package receiver

import "golang.org/x/sys/unix"

// hungUp reports whether the other end of a connection has sent all that it will send, or is gone. Data that was not
// read yet does not matter.
func hungUp(descriptor int) bool {
	const gone = unix.POLLRDHUP | unix.POLLHUP | unix.POLLERR
	look := []unix.PollFd{{Fd: int32(descriptor), Events: unix.POLLRDHUP}}
	_, _ = unix.Poll(look, 0) // an error leaves Revents at 0
	return look[0].Revents&gone != 0
}
