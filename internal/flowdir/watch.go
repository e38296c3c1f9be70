package flowdir

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settle is how long the directory must be quiet before a sync: editors write a file in several steps.
	settle = 100 * time.Millisecond
	// patience bounds the wait for a directory that is never quiet.
	patience = 500 * time.Millisecond
	// rescan is the time between scans without an event, because some file systems report no events.
	rescan = 5 * time.Second
)

// Watch syncs whenever the directory changes, until ctx ends. Errors of a sync go to failed, the same one once, and the
// watch goes on.
func (d *Dir) Watch(ctx context.Context, failed func(error)) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer func() { _ = watcher.Close() }()
	d.watchTree(watcher)
	ticker := time.NewTicker(rescan)
	defer ticker.Stop()
	quiet := time.NewTimer(settle)
	defer quiet.Stop()
	var unquietSince time.Time
	lastFailure := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-watcher.Events:
			if event.Has(fsnotify.Create) {
				d.watchTree(watcher)
			}
			if !matters(event) {
				continue
			}
			if unquietSince.IsZero() {
				unquietSince = time.Now()
			}
			quiet.Reset(min(settle, max(0, patience-time.Since(unquietSince))))
		case err := <-watcher.Errors:
			failed(err)
		case <-ticker.C:
			d.watchTree(watcher)
			quiet.Reset(0)
		case <-quiet.C:
			unquietSince = time.Time{}
			failure := ""
			if err := d.Sync(ctx); err != nil && ctx.Err() == nil {
				if failure = err.Error(); failure != lastFailure {
					failed(err)
				}
			}
			lastFailure = failure
		}
	}
}

// matters reports whether the flows may have changed. A created or removed path may be a folder or a link; a written
// path must be a flow file.
func matters(event fsnotify.Event) bool {
	return event.Has(fsnotify.Create) || event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename) ||
		couldBeFlow(event.Name)
}

// watchTree watches the directory and those below it; watching one twice is no error.
func (d *Dir) watchTree(watcher *fsnotify.Watcher) {
	_ = fs.WalkDir(os.DirFS(d.path), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || !entry.IsDir():
			return nil
		case d.skips(name):
			return fs.SkipDir
		}
		_ = watcher.Add(filepath.Join(d.path,
			filepath.FromSlash(name))) // a directory that cannot be watched is still rescanned
		return nil
	})
}
