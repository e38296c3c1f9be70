package payloads

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Executions knows the executions that Temporal still has.
type Executions interface {
	// Root reports whether an execution with that workflow ID exists, running or within its retention, and returns the
	// workflow ID of its root: its own, unless it is a child.
	Root(ctx context.Context, workflow string) (root string, exists bool, err error)
	// Related reports whether an execution with that workflow ID or that root exists, running or within its retention.
	Related(ctx context.Context, workflow, root string) (bool, error)
	// StartedBefore reports whether an execution that was started before t exists, running or within its retention.
	StartedBefore(ctx context.Context, t time.Time) (bool, error)
}

// Sweeper deletes objects that no history can refer to any more.
//
// Which histories can refer to an object? The SDK stores the input, the work and the result of an execution under that
// execution's workflow ID. A value that passes between parent and child is in both histories and is stored under one of
// them: the input of a child under the child; its result under the parent, unless the child continued as new or failed.
// A signal from a child to its root is stored under the root. So an object can be deleted if no execution of its whole
// family is left: none with its owner's workflow ID, and none with the same root. The root is recorded while the
// owner's execution exists, which is for its retention at least; sweeps are more frequent.
//
// If the root of an owner was never seen, for example because the start was never sent, its objects are deleted once no
// execution is left that was started before they were stored. That may be late.
//
// Objects that are younger than the retention are kept, and so are objects about which Temporal has no answer. Late
// deletion is harmless; early deletion would break a run.
type Sweeper struct {
	objects    Objects
	executions Executions
	retention  time.Duration
	clock      func() time.Time
}

// NewSweeper returns a Sweeper. Retention is the retention of the Temporal namespace.
func NewSweeper(objects Objects, executions Executions, retention time.Duration) *Sweeper {
	return &Sweeper{objects: objects, executions: executions, retention: max(retention, minAge), clock: time.Now}
}

const (
	// minAge is the least age of a deleted object. It is far longer than a start takes, and far above the differences
	// between clocks.
	minAge = time.Hour
	// margin is the greatest time from storing an object to the start of its execution.
	margin = 24 * time.Hour
	// ownersAtOnce bounds the owners in memory.
	ownersAtOnce = 500
	// Intervals of sweeps.
	firstSweep = time.Minute
	maxPause   = time.Hour
)

// Swept counts the work of a sweep.
type Swept struct {
	// Owners is the number of owners, Kept and Deleted the numbers of objects, Bytes the size of the deleted ones.
	Owners, Kept, Deleted int
	Bytes                 int64
}

// Sweep examines every owner once. An error ends it; the next sweep starts from the beginning.
func (s *Sweeper) Sweep(ctx context.Context) (Swept, error) {
	var swept Swept
	for after := ""; ; {
		owners, err := s.objects.Owners(ctx, after, ownersAtOnce)
		if err != nil {
			return swept, fmt.Errorf("%s: %w", s.objects, err)
		}
		for _, owner := range owners {
			if err := s.owner(ctx, owner, &swept); err != nil {
				return swept, fmt.Errorf("%s of owner %s: %w", s.objects, owner, err)
			}
		}
		if len(owners) < ownersAtOnce {
			return swept, nil
		}
		after = owners[len(owners)-1]
	}
}

func (s *Sweeper) owner(ctx context.Context, owner string, swept *Swept) error {
	workflow, root, err := s.objects.Owner(ctx, owner)
	if err != nil {
		return err
	}
	if workflow != "" && root == "" {
		found, exists, err := s.executions.Root(ctx, workflow)
		if err != nil {
			return err
		}
		if root = found; exists {
			if err := s.objects.SetRoot(ctx, owner, root); err != nil {
				return err
			}
		}
	}
	names, err := s.objects.Names(ctx, owner)
	if err != nil {
		return err
	}
	swept.Owners++
	old := s.old(names)
	if len(old) > 0 || len(names) == 0 {
		needed, err := s.needed(ctx, workflow, root, old)
		if err != nil {
			return err
		}
		if !needed {
			bytes, err := s.objects.Delete(ctx, owner, old)
			if err != nil {
				return err
			}
			swept.Deleted += len(old)
			swept.Bytes += bytes
			swept.Kept -= len(old)
		}
	}
	swept.Kept += len(names)
	return nil
}

// old returns the objects that are older than the retention.
func (s *Sweeper) old(names []string) (old []string) {
	before := s.clock().Add(-s.retention)
	for _, name := range names {
		if StoredBefore(name, before) {
			old = append(old, name)
		}
	}
	return old
}

// needed reports whether a history may refer to objects of an owner that are older than the retention.
func (s *Sweeper) needed(ctx context.Context, workflow, root string, old []string) (bool, error) {
	if root == "" {
		if exists, err := s.executions.StartedBefore(ctx, s.latest(old).Add(margin)); exists || err != nil {
			return true, err
		}
		if workflow == "" {
			return false, nil
		}
		root = workflow
	}
	for _, id := range []string{workflow, root} {
		if _, exists, err := s.executions.Root(ctx, id); exists || err != nil {
			return true, err
		}
	}
	related, err := s.executions.Related(ctx, workflow, root)
	return related || err != nil, err
}

// latest returns the approximate time at which the latest object was stored; a time long ago if there is none.
func (s *Sweeper) latest(names []string) (latest time.Time) {
	latest = s.clock().Add(-s.retention - margin)
	for _, name := range names {
		if stored := storedAt(name); stored.After(latest) {
			latest = stored
		}
	}
	return latest
}

// Run sweeps repeatedly until ctx ends: several times within the retention, and at least every hour.
func (s *Sweeper) Run(ctx context.Context, logger *slog.Logger) {
	pause := firstSweep
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(maxPause, s.retention/4)
		began := s.clock()
		swept, err := s.Sweep(ctx)
		if ctx.Err() != nil {
			return
		}
		attributes := []any{"deleted", swept.Deleted, "bytes", swept.Bytes, "kept", swept.Kept, "workflows",
			swept.Owners, "took", s.clock().Sub(began)}
		switch {
		case err != nil:
			logger.Warn("large payloads were not all swept; the next sweep begins anew",
				append(attributes, "error", err)...)
		case swept.Deleted > 0:
			logger.Info("swept large payloads", attributes...)
		default:
			logger.Debug("swept large payloads", attributes...)
		}
	}
}
