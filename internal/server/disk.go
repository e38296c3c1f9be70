package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/receiver"
)

const (
	// probeEvery is the pause between two writes to the data directory. So long a call may wait for a disk that became
	// full, and so long calls are refused after there is room again.
	probeEvery = 500 * time.Millisecond
	// probeBytes are written to see whether the disk is full: a little more than a transaction of the embedded server.
	probeBytes = 256 << 10
)

// disk knows whether the data directory can be written.
type disk struct {
	directory string
	logger    *slog.Logger

	mutex sync.Mutex
	// full is closed while err says why writes fail.
	full chan struct{}
	err  error
}

func newDisk(directory string, logger *slog.Logger) *disk {
	return &disk{directory: directory, logger: logger, full: make(chan struct{})}
}

// state returns a channel that is closed when writes fail, and why they fail now; nil: they succeed.
func (d *disk) state() (full <-chan struct{}, err error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.full, d.err
}

// watch writes again and again until ctx ends.
func (d *disk) watch(ctx context.Context) {
	ticker := time.NewTicker(probeEvery)
	defer ticker.Stop()
	for {
		d.note(probeWrite(d.directory))
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (d *disk) note(err error) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	switch {
	case err != nil && d.err == nil:
		d.logger.Error("the data directory cannot be written", "error", err)
		close(d.full)
	case err == nil && d.err != nil:
		d.logger.Warn("the data directory can be written again")
		d.full = make(chan struct{})
	}
	d.err = err
}

// probeWrite writes a file into a directory and removes it. It does not flush: a full disk is reported without.
func probeWrite(dir string) (err error) {
	file := filepath.Join(dir, ".probe")
	defer func() {
		if removed := os.Remove(file); removed != nil && !errors.Is(removed, os.ErrNotExist) {
			err = errors.Join(err, removed)
		}
		if err != nil {
			err = fmt.Errorf("a write to the data directory failed; free some space, or check the disk: %w", err)
		}
	}()
	return os.WriteFile(file, make([]byte, probeBytes), 0o600)
}

// whileWritable acts if the disk can be written, and returns at once when it becomes full: the embedded server repeats
// a write that fails for seconds, and the caller can come again. What was begun ends by itself.
func whileWritable[T any](ctx context.Context, d *disk, act func(context.Context) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	full, err := d.state()
	if err != nil {
		return none, err
	}
	done := make(chan result, 1)
	go func() {
		value, err := act(ctx)
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-full:
		_, err := d.state()
		return none, errors.Join(errDiskFull, err)
	}
}

var errDiskFull = errors.New("the disk became full")

// writing is a starter that needs the disk: its runs are on the embedded server.
type writing struct {
	receiver.Starter
	disk *disk
}

// Prepare makes a run that can be started.
func (w writing) Prepare(version *everhook.Version, d everhook.Delivery) (receiver.Prepared, error) {
	prepared, err := w.Starter.Prepare(version, d)
	if err != nil {
		return nil, err
	}
	return writingRun{prepared, w.disk}, nil
}

// PrepareCall makes a call that can be brought to its run.
func (w writing) PrepareCall(flow string, run everhook.RunID, call everhook.ResumeCall) (receiver.PreparedCall, error) {
	prepared, err := w.Starter.PrepareCall(flow, run, call)
	if err != nil {
		return nil, err
	}
	return writingCall{prepared, w.disk}, nil
}

type writingRun struct {
	receiver.Prepared
	disk *disk
}

// Start returns when the run is durable, or the disk is full.
func (w writingRun) Start(ctx context.Context) (everhook.Started, error) {
	return whileWritable(ctx, w.disk, w.Prepared.Start)
}

// Run returns when the run has answered, or the disk is full.
func (w writingRun) Run(ctx context.Context, wait time.Duration) (everhook.Started, error) {
	return whileWritable(ctx, w.disk, func(ctx context.Context) (everhook.Started, error) {
		return w.Prepared.Run(ctx, wait)
	})
}

type writingCall struct {
	receiver.PreparedCall
	disk *disk
}

// Resume returns when the call is durable, or the disk is full.
func (w writingCall) Resume(ctx context.Context) (everhook.Resumed, error) {
	return whileWritable(ctx, w.disk, w.PreparedCall.Resume)
}
