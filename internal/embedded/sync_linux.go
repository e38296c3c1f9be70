//go:build !noembedded

package embedded

import (
	"os"
	"syscall"
)

// syncData flushes a file's content. Unlike Sync it omits the modification time, and so a commit of the file system's
// journal.
func syncData(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); err != syscall.EINTR {
			return err
		}
	}
}
