package flowdir

import (
	"context"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long the directory must be quiet before it is looked at: editors write a file in several steps.
const settle = 100 * time.Millisecond

// rescan is how often the directory is looked at without being told: file systems exist that tell nothing.
const rescan = 5 * time.Second

// Watch syncs whenever the directory changes, until ctx ends. Errors of a sync go to failed, and the watch goes on.
func (d *Dir) Watch(ctx context.Context, failed func(error)) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer watcher.Close()
	d.watchTree(watcher)
	ticker := time.NewTicker(rescan)
	defer ticker.Stop()
	quiet := time.NewTimer(settle)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-watcher.Events:
			if event.Has(fsnotify.Create) {
				d.watchTree(watcher)
			}
			quiet.Reset(settle)
		case err := <-watcher.Errors:
			failed(err)
		case <-ticker.C:
			quiet.Reset(settle)
		case <-quiet.C:
			if err := d.Sync(ctx); err != nil && ctx.Err() == nil {
				failed(err)
			}
		}
	}
}

// watchTree watches the directory and those below it; watching one twice is no error.
func (d *Dir) watchTree(watcher *fsnotify.Watcher) {
	_ = filepath.WalkDir(d.path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return nil
		}
		if path != d.path && skipped(entry.Name()) {
			return filepath.SkipDir
		}
		_ = watcher.Add(path)
		return nil
	})
}
