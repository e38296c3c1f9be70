//go:build !noembedded

package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/gofrs/flock"
)

// The files of a data directory.
const (
	historyFile    = "temporal.db"
	visibilityFile = "visibility.db"
	lockFile       = "temporal.lock"
)

// directory is a data directory that this process owns until close.
type directory struct {
	path string
	lock *flock.Flock
}

// openDirectory creates the directory where it is missing and takes the lock that keeps other processes out.
// The kernel drops the lock with the process, however it ends.
func openDirectory(path string) (*directory, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", path, err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, unusable(path, err)
	}
	lock := flock.New(filepath.Join(path, lockFile), flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	locked, err := lock.TryLock()
	if err != nil {
		return nil, unusable(path, err)
	}
	if !locked {
		return nil, fmt.Errorf("data directory %s is in use by %s: stop that one first, or choose another directory",
			path, holder(lock.Path()))
	}
	d := &directory{path: path, lock: lock}
	if err := os.WriteFile(lock.Path(), []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		d.close()
		return nil, unusable(path, err)
	}
	return d, nil
}

// file is the path of one of the directory's files.
func (d *directory) file(name string) string { return filepath.Join(d.path, name) }

// close lets the next process in.
func (d *directory) close() { _ = d.lock.Close() }

// holder names the process that wrote its number into the lock file.
func holder(path string) string {
	content, err := os.ReadFile(path)
	pid := strings.TrimSpace(string(content))
	if err != nil || pid == "" {
		return "another process"
	}
	if pid == strconv.Itoa(os.Getpid()) {
		return "this process already"
	}
	return "process " + pid
}

// unusable says what is wrong with a directory that can't be created or written to.
func unusable(path string, err error) error {
	switch {
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("data directory %s is a file or lies below one: choose another path", path)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("data directory %s is not writable for user %d: change its owner or permissions, or choose "+
			"another directory (%w)",
			path, os.Getuid(), err)
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("data directory %s: the disk is full: free some space, or choose another directory (%w)",
			path, err)
	default:
		return fmt.Errorf("data directory %s can't be used: %w", path, err)
	}
}
