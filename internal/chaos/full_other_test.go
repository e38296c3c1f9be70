//go:build !linux

package chaos

import "testing"

// fillDisk does nothing where the files of another process cannot be limited.
func (*process) fillDisk(*testing.T) (free func()) { return func() {} }
