package payloads

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Directory keeps objects as files: <namespace>/<first two digits of the owner>/<owner>/<name>. It may be a volume that
// machines share.
//
// A file is written in another place, flushed, and renamed; then the directories above it are flushed. So every named
// file is complete, and survives a power cut once Put has returned.
type Directory struct {
	path string
}

var _ Objects = (*Directory)(nil)

const (
	// ownerFile and rootFile hold workflow IDs: that of the owner, and that of the root of its executions.
	ownerFile = "workflow"
	rootFile  = "root"
	// asideDir has files that are being written. Files that a killed process left there are deleted a day later.
	asideDir = "tmp"
	asideAge = 24 * time.Hour
)

// NewDirectory returns the part of a directory for a namespace, by the namespace's ID: namespaces can share a
// directory, but not objects. It creates nothing before the first Put.
func NewDirectory(path, namespaceID string) (*Directory, error) {
	if namespaceID == "" || strings.ContainsAny(namespaceID, `/\.`) {
		return nil, fmt.Errorf("the ID of the Temporal namespace is %q", namespaceID)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	return &Directory{path: filepath.Join(path, namespaceID)}, nil
}

func (d *Directory) String() string { return d.path }

func (d *Directory) folder(owner string) string { return filepath.Join(d.path, owner[:2], owner) }

// Put implements Objects.
func (d *Directory) Put(ctx context.Context, owner, workflow, name string, data []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var err error
	// A sweep may remove an empty folder between two steps.
	for range 3 {
		if err = d.put(owner, workflow, name, data); !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return explain(err)
}

func (d *Directory) put(owner, workflow, name string, data []byte) error {
	folder := d.folder(owner)
	for _, made := range []string{folder, filepath.Join(d.path, asideDir)} {
		if err := os.MkdirAll(made, 0o700); err != nil {
			return err
		}
	}
	if known, err := os.ReadFile(filepath.Join(folder, ownerFile)); err != nil || string(known) != workflow {
		if err := d.write(filepath.Join(folder, ownerFile), []byte(workflow)); err != nil {
			return err
		}
	}
	if err := d.write(filepath.Join(folder, name), data); err != nil {
		return err
	}
	// A folder is on disk after its parent was flushed, no matter which process created it.
	base := filepath.Dir(d.path)
	for _, changed := range []string{folder, filepath.Dir(folder), d.path, base} {
		if err := syncDirectory(changed); err != nil {
			return err
		}
	}
	// If the parent is not accessible, this process did not create the base.
	if err := syncDirectory(filepath.Dir(base)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// write makes a file whose content is on disk before the file has its name.
func (d *Directory) write(path string, data []byte) (err error) {
	aside, err := os.CreateTemp(filepath.Join(d.path, asideDir), "")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(aside.Name())
		}
	}()
	_, err = aside.Write(data)
	if err == nil {
		err = aside.Sync()
	}
	if err = errors.Join(err, aside.Close()); err != nil {
		return err
	}
	return os.Rename(aside.Name(), path)
}

// syncDirectory flushes the entries of a directory.
func syncDirectory(path string) error {
	if runtime.GOOS == "windows" {
		return nil // Windows cannot flush directories; NTFS keeps renames in its journal.
	}
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// Get implements Objects.
func (d *Directory) Get(ctx context.Context, owner, name string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	file, err := os.Open(filepath.Join(d.folder(owner), name))
	if err != nil {
		return nil, explain(err)
	}
	defer file.Close()
	var data bytes.Buffer
	if info, err := file.Stat(); err == nil && info.Size() <= MaxObject {
		data.Grow(int(info.Size()) + bytes.MinRead)
	}
	if _, err := data.ReadFrom(io.LimitReader(file, MaxObject+1)); err != nil {
		return nil, explain(err)
	}
	if data.Len() > MaxObject {
		return nil, fmt.Errorf("%s is larger than the %d bytes that an object can have", file.Name(), MaxObject)
	}
	return data.Bytes(), nil
}

// Owners implements Objects. A walk from the beginning also deletes incomplete files of killed processes.
func (d *Directory) Owners(ctx context.Context, after string, limit int) (owners []string, err error) {
	if after == "" {
		if err := d.tidy(); err != nil {
			return nil, err
		}
	}
	shards, err := names(d.path, func(name string) bool { return len(name) == 2 && (after == "" || name >= after[:2]) })
	if err != nil {
		return nil, err
	}
	for _, shard := range shards {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		found, err := names(filepath.Join(d.path, shard), func(name string) bool {
			return ownerExp.MatchString(name) && name[:2] == shard && name > after
		})
		if err != nil {
			return nil, err
		}
		if owners = append(owners, found...); len(owners) >= limit {
			return owners[:limit], nil
		}
	}
	return owners, nil
}

func (d *Directory) tidy() error {
	aside := filepath.Join(d.path, asideDir)
	left, err := names(aside, func(string) bool { return true })
	if err != nil {
		return err
	}
	for _, name := range left {
		path := filepath.Join(aside, name)
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > asideAge {
			if err := remove(path); err != nil {
				return err
			}
		}
	}
	return nil
}

// Owner implements Objects.
func (d *Directory) Owner(_ context.Context, owner string) (workflow, root string, err error) {
	for file, text := range map[string]*string{ownerFile: &workflow, rootFile: &root} {
		content, err := os.ReadFile(filepath.Join(d.folder(owner), file))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", "", explain(err)
		}
		*text = string(content)
	}
	return workflow, root, nil
}

// SetRoot implements Objects.
func (d *Directory) SetRoot(_ context.Context, owner, root string) error {
	return explain(d.write(filepath.Join(d.folder(owner), rootFile), []byte(root)))
}

// Names implements Objects.
func (d *Directory) Names(_ context.Context, owner string) ([]string, error) {
	return names(d.folder(owner), nameExp.MatchString)
}

// Delete implements Objects. If an object appears while its folder is being removed, the folder stays.
func (d *Directory) Delete(ctx context.Context, owner string, objects []string) (bytes int64, err error) {
	folder := d.folder(owner)
	for _, name := range objects {
		if err := ctx.Err(); err != nil {
			return bytes, err
		}
		path := filepath.Join(folder, name)
		info, err := os.Stat(path)
		if err == nil {
			err = remove(path)
		}
		switch {
		case err == nil:
			bytes += info.Size()
		case !errors.Is(err, fs.ErrNotExist):
			return bytes, explain(err)
		}
	}
	left, err := d.Names(ctx, owner)
	if err != nil || len(left) > 0 {
		return bytes, err
	}
	return bytes, d.forget(folder)
}

// forget removes an empty folder. A Put meanwhile keeps it: then the workflow ID is written again.
func (d *Directory) forget(folder string) error {
	workflow, err := os.ReadFile(filepath.Join(folder, ownerFile))
	if errors.Is(err, fs.ErrNotExist) {
		workflow = nil
	} else if err != nil {
		return explain(err)
	}
	for _, file := range []string{ownerFile, rootFile} {
		if err := remove(filepath.Join(folder, file)); err != nil {
			return explain(err)
		}
	}
	if err := os.Remove(folder); err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err = d.write(filepath.Join(folder, ownerFile), workflow)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // another sweep has removed the folder in the meantime
	}
	return explain(err)
}

// remove deletes a file that may not exist.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// names lists the accepted entries of a directory in order; a missing directory is empty.
func names(path string, keep func(string) bool) ([]string, error) {
	entries, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, explain(err)
	}
	var kept []string
	for _, entry := range entries {
		if keep(entry.Name()) {
			kept = append(kept, entry.Name())
		}
	}
	slices.Sort(kept)
	return kept, nil
}

// explain adds what to do about an error of the file system.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("the disk is full: free some space (%w)", err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("user %d may not use it: change its owner or permissions, or choose another --payload-dir "+
			"(%w)", os.Getuid(), err)
	case errors.Is(err, syscall.ENOTDIR):
		return fmt.Errorf("it lies below a file: choose another --payload-dir (%w)", err)
	default:
		return err
	}
}
