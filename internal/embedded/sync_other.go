//go:build !noembedded && !linux

package embedded

import "os"

// syncData flushes a file's content.
func syncData(f *os.File) error { return f.Sync() }
