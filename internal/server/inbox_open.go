package server

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/everhook/everhook/internal/inbox"
	"github.com/everhook/everhook/internal/telemetry"
	"github.com/everhook/everhook/workflows"
)

// Bounds of the inbox where the options have none.
const (
	defaultInboxRows  = 1_000_000
	defaultInboxBytes = 2 << 30
)

// takeOverEvery is how often a process asks whether the inbox of its data directory is free.
const takeOverEvery = time.Second

// openInbox opens the inbox and begins to start what waits in it. Of several receivers on one data directory, the first
// has the inbox; the others start all runs directly. When the first ends, another one takes the inbox over.
func (s *Server) openInbox(ctx context.Context) error {
	err := s.takeInbox(ctx)
	if !errors.Is(err, inbox.ErrInUse) {
		return err
	}
	s.logger.Warn("another process has the inbox of this data directory; until it ends, this one starts runs "+
		"directly, and refuses deliveries while Temporal is busy or away: let receivers share a PostgreSQL store",
		"data", s.options.Data)
	waiting, end := context.WithCancel(context.Background())
	s.inboxTaking.Go(func() { s.takeInboxOver(waiting) })
	s.endTaking = end
	return nil
}

// takeInboxOver takes the inbox once it is free.
func (s *Server) takeInboxOver(ctx context.Context) {
	ticker := time.NewTicker(takeOverEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		switch err := s.takeInbox(ctx); {
		case err == nil:
			s.logger.Info("this process has taken over the inbox of its data directory", "data", s.options.Data)
			return
		case !errors.Is(err, inbox.ErrInUse) && ctx.Err() == nil:
			s.logger.Error("the inbox cannot be taken over; this process tries again", "error", err)
		}
	}
}

// takeInbox opens the inbox, or returns inbox.ErrInUse.
func (s *Server) takeInbox(ctx context.Context) error {
	box, err := s.openBox(ctx)
	if err != nil {
		return err
	}
	differences := s.watch.TemporalMetrics().Counter(workflows.DifferencesMetric)
	differences.Inc(0) // it is shown before there is one
	starter := newRowStarter(s.store, s.starts, func() { differences.Inc(1) })
	s.inbox.Store(inbox.New(inbox.Options{
		Box: box, MaxRows: cmp.Or(s.options.InboxMaxRows, defaultInboxRows),
		MaxBytes: cmp.Or(int64(s.options.InboxMaxBytes), defaultInboxBytes),
		Start:    starter.start, Paused: s.catalog.Paused, Budget: s.with.StartBudget,
		Logger: calm(s.logger, []string{"the inbox cannot be read"}),
	}))
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
	i := s.inbox.Load()
	if i == nil {
		return shown
	}
	shown.Direct, shown.Stored = i.Counts()
	shown.Early = i.Early()
	totals, err := i.Box().Totals(ctx)
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
	if s.endTaking != nil {
		s.endTaking()
		s.inboxTaking.Wait()
	}
	i := s.inbox.Load()
	if i == nil {
		return
	}
	i.Close()
	if err := i.Box().Close(); err != nil {
		s.logger.Warn("the inbox was not closed well; nothing is lost", "error", err)
	}
}

// inboxOfProcess is the inbox for the API: this process may take it over later.
type inboxOfProcess struct{ server *Server }

// List returns a page, the oldest first.
func (p inboxOfProcess) List(ctx context.Context, filter inbox.Filter) ([]inbox.Row, error) {
	return with(p, func(box inbox.Box) ([]inbox.Row, error) { return box.List(ctx, filter) })
}

// Row returns one row.
func (p inboxOfProcess) Row(ctx context.Context, id int64) (inbox.Row, error) {
	return with(p, func(box inbox.Box) (inbox.Row, error) { return box.Row(ctx, id) })
}

// Input returns the input of a row.
func (p inboxOfProcess) Input(ctx context.Context, row inbox.Row) ([]byte, error) {
	return with(p, func(box inbox.Box) ([]byte, error) { return box.Input(ctx, row) })
}

// Revive lets a dead letter be started again.
func (p inboxOfProcess) Revive(ctx context.Context, id int64) (inbox.Row, error) {
	return with(p, func(box inbox.Box) (inbox.Row, error) { return box.Revive(ctx, id) })
}

// Drop deletes a dead letter.
func (p inboxOfProcess) Drop(ctx context.Context, id int64) (inbox.Row, error) {
	return with(p, func(box inbox.Box) (inbox.Row, error) { return box.Drop(ctx, id) })
}

func with[T any](p inboxOfProcess, do func(inbox.Box) (T, error)) (T, error) {
	if i := p.server.inbox.Load(); i != nil {
		return do(i.Box())
	}
	var none T
	return none, inbox.ErrInUse
}
