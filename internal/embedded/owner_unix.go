//go:build !noembedded && unix

package embedded

import (
	"io/fs"
	"os"
	"syscall"
)

// ownedByUs reports whether the user of this process owns a file.
func ownedByUs(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}
