//go:build !noembedded

package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
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

// openDirectory creates the directory if it is missing, and takes the lock that keeps other processes out. The kernel
// releases the lock when the process ends, however it ends.
func openDirectory(path string, logger *slog.Logger) (*directory, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", path, err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, unusable(path, err)
	}
	if err := closeDirectory(path, logger); err != nil {
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
	if err := d.closeFiles(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// othersMask are the permissions of group and others.
const othersMask = 0o077

// closeDirectory removes the permissions of group and others from a data directory that existed before, for example the
// volume of a container. A directory of another user, or one that users share (sticky, as /tmp), is left unchanged.
func closeDirectory(path string, logger *slog.Logger) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&othersMask == 0 {
		return err
	}
	owned := info.Mode()&fs.ModeSticky == 0 && ownedByUs(info)
	if owned && os.Chmod(path, info.Mode().Perm()&^othersMask) == nil {
		logger.Warn("the data directory was open to other users and is now closed to them", "directory", path,
			"permissions before", info.Mode().Perm().String())
		return nil
	}
	logger.Warn("the data directory is open to other users; give it to this user, with permissions 0700",
		"directory", path, "permissions", info.Mode().Perm().String())
	return nil
}

// closeFiles creates the databases before SQLite does, because SQLite would let others read them. It also removes such
// permissions from databases and logs of an earlier release. SQLite gives new logs the permissions of their database.
func (d *directory) closeFiles() error {
	for _, name := range []string{historyFile, visibilityFile} {
		file, err := os.OpenFile(d.file(name), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return unwritable(d.file(name), err)
		}
		if err := file.Close(); err != nil {
			return unwritable(d.file(name), err)
		}
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Chmod(d.file(name+suffix), 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return unwritable(d.file(name+suffix), err)
			}
		}
	}
	return nil
}

// unwritable says what to do about a database that can't be written.
func unwritable(path string, err error) error {
	return fmt.Errorf("database %s can't be opened for writing: check owner and permissions of the file and its "+
		"directory (%w)", path, err)
}

// file is the path of one of the directory's files.
func (d *directory) file(name string) string { return filepath.Join(d.path, name) }

// close releases the lock.
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

// unusable says why a directory can't be created or written, and what to do.
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
