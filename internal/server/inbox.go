package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/inbox"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/telemetry"
	"github.com/everhook/everhook/nodes/trigger"
	"github.com/everhook/everhook/receiver"
)

// Bounds of the inbox where the options have none.
const (
	defaultInboxRows  = 1_000_000
	defaultInboxBytes = 2 << 30
)

// openInbox opens the inbox and begins to start what waits in it. Of several receivers on one data directory, the first
// has the inbox; the others start all runs directly.
func (s *Server) openInbox(ctx context.Context) error {
	box, err := s.openBox(ctx)
	if errors.Is(err, inbox.ErrInUse) {
		s.logger.Warn("another process has the inbox of this data directory; this one starts runs directly, and "+
			"refuses deliveries while Temporal is busy or away: let receivers share a PostgreSQL store", "data",
			s.options.Data)
		return nil
	}
	if err != nil {
		return err
	}
	s.inbox = inbox.New(inbox.Options{
		Box: box, MaxRows: cmp.Or(s.options.InboxMaxRows, defaultInboxRows),
		MaxBytes: cmp.Or(int64(s.options.InboxMaxBytes), defaultInboxBytes), Start: newRowStarter(s.store, s.starts).start,
		Logger: calm(s.logger, []string{"the inbox cannot be read"}),
	})
	return nil
}

// openBox opens the tables of the store if replicas share it, else a file in the data directory.
func (s *Server) openBox(ctx context.Context) (inbox.Box, error) {
	window := s.options.Retention.Std()
	failed := func(err error) { s.logger.Error("the inbox cannot be written", "error", err) }
	if s.store.Shared() {
		return inbox.OpenShared(ctx, s.store.Postgres(), inbox.SharedOptions{Window: window, Failed: failed})
	}
	return inbox.OpenFile(ctx, inbox.FileOptions{Path: filepath.Join(s.options.Data, "inbox.db"),
		Synchronous: s.options.Synchronous, Window: window, Failed: failed})
}

// totalsTimeout bounds the reading of the inbox for metrics.
const totalsTimeout = 2 * time.Second

// showInbox describes the inbox for metrics.
func (s *Server) showInbox() telemetry.Inbox {
	ctx, cancel := context.WithTimeout(context.Background(), totalsTimeout)
	defer cancel()
	var shown telemetry.Inbox
	shown.Direct, shown.Stored = s.inbox.Counts()
	totals, err := s.inbox.Box().Totals(ctx)
	if err != nil {
		s.logger.Warn("the inbox cannot be counted", "error", err)
		return shown
	}
	shown.Rows, shown.Bytes, shown.Dead = totals.Waiting, totals.Bytes, totals.Dead
	if !totals.Oldest.IsZero() {
		shown.Age = time.Since(totals.Oldest)
	}
	return shown
}

// stopInbox stops to start runs and closes the box.
func (s *Server) stopInbox() {
	if s.inbox == nil {
		return
	}
	s.inbox.Close()
	if err := s.inbox.Box().Close(); err != nil {
		s.logger.Warn("the inbox was not closed well; nothing is lost", "error", err)
	}
}

// startOf starts a run. Its error wraps inbox.ErrNever if Temporal will never take the start.
func startOf(ctx context.Context, prepared *runs.Prepared) (everhook.Started, error) {
	started, err := prepared.Start(ctx)
	if _, invalid := errors.AsType[*serviceerror.InvalidArgument](err); invalid {
		err = fmt.Errorf("%w: %w", inbox.ErrNever, err)
	}
	return started, err
}

// acceptingStarter returns the starter of the receiver.
func (s *Server) acceptingStarter() receiver.Starter {
	if s.inbox == nil {
		return starting{s.starts}
	}
	return accepting{starting{s.starts}, s.inbox, s.versions}
}

// starting is a starter as the receiver needs it.
type starting struct{ *runs.Starter }

// Prepare makes a run that can be started.
func (s starting) Prepare(version *everhook.Version, d everhook.Delivery) (receiver.Prepared, error) {
	prepared, err := s.Starter.Prepare(version, d)
	if err != nil {
		return nil, err
	}
	return prepared, nil
}

// PrepareCall makes a call that can be brought to its run.
func (s starting) PrepareCall(flow string, run everhook.RunID,
	call everhook.ResumeCall) (receiver.PreparedCall, error) {
	prepared, err := s.Starter.PrepareCall(flow, run, call)
	if err != nil {
		return nil, err
	}
	return prepared, nil
}

// accepting is a starter as the receiver needs it: async runs are started, or wait in the inbox.
type accepting struct {
	starting
	inbox    *inbox.Inbox
	versions *compile.Versions
}

var _ receiver.Starter = accepting{}

// Prepare makes a run that can be started.
func (a accepting) Prepare(version *everhook.Version, d everhook.Delivery) (receiver.Prepared, error) {
	prepared, err := a.Starter.Prepare(version, d)
	if err != nil {
		return nil, err
	}
	flow, err := a.versions.Of(version)
	if err != nil {
		return nil, err
	}
	storing, ok := flow.Trigger.(trigger.Storing)
	return acceptable{prepared, a.inbox, ok && storing.StoresAlways()}, nil
}

// acceptable is a run that can be started, or wait in the inbox.
type acceptable struct {
	*runs.Prepared
	inbox *inbox.Inbox
	// always is set if it has to wait there.
	always bool
}

// Start returns when the run is durable, or its delivery is in the inbox.
func (a acceptable) Start(ctx context.Context) (everhook.Started, error) {
	version, d := a.Version(), a.Delivery()
	return a.inbox.Accept(ctx, inbox.Delivery{
		Entry: inbox.Entry{Flow: version.Definition.Key, Version: version.Number, Hash: version.Hash, Run: d.RunID,
			Delivery: d.ID, Digest: d.Digest, ReceivedAt: d.ReceivedAt, Duplicates: d.Duplicates},
		Always: a.always, Encode: a.Store,
		Direct: func(ctx context.Context) (everhook.Started, error) { return startOf(ctx, a.Prepared) },
	})
}

// Outcome returns the state of an earlier run. One that waits in the inbox is pending.
func (a accepting) Outcome(ctx context.Context, flow string, run everhook.RunID,
	wait time.Duration) (*everhook.Outcome, error) {
	row, err := a.inbox.Box().Waits(ctx, flow, run)
	switch {
	case errors.Is(err, inbox.ErrNoRow):
		return a.Starter.Outcome(ctx, flow, run, wait)
	case err != nil:
		return nil, err
	case !row.DeadAt.IsZero():
		return &everhook.Outcome{Status: everhook.Errored}, nil
	default:
		return &everhook.Outcome{Status: everhook.Pending}, nil
	}
}

// errNotStarted is the error for a call of a run that waits in the inbox.
var errNotStarted = errors.New("the run is not started yet")

// RunVersion returns the number of the version of a run that is started.
func (a accepting) RunVersion(ctx context.Context, flow string, run everhook.RunID) (int, error) {
	version, err := a.Starter.RunVersion(ctx, flow, run)
	if !errors.Is(err, everhook.ErrNoRun) {
		return version, err
	}
	if _, waits := a.inbox.Box().Waits(ctx, flow, run); waits == nil {
		return 0, errNotStarted
	}
	return 0, err
}
