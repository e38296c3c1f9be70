package server

import (
	"context"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/inbox"
	"github.com/everhook/everhook/internal/runs"
)

// inboxed returns the delivery of a run that is not started yet, because it waits in the inbox.
type inboxed func(ctx context.Context, flow string, id everhook.RunID) (inbox.Row, bool)

// inboxed implements inboxed. A process without an inbox does not know.
func (s *Server) inboxed(ctx context.Context, flow string, id everhook.RunID) (inbox.Row, bool) {
	i := s.inbox.Load()
	if i == nil {
		return inbox.Row{}, false
	}
	row, err := i.Box().Waits(ctx, flow, id)
	return row, err == nil
}

// waitingStatus is the status of a run that is not started yet: that of a dead letter is error.
func waitingStatus(row inbox.Row) everhook.Status {
	if row.DeadAt.IsZero() {
		return everhook.Queued
	}
	return everhook.Errored
}

// waitingRuns also shows the runs whose deliveries wait in the inbox.
type waitingRuns struct {
	*runs.Operator
	inboxed inboxed
}

func (s *Server) waitingRuns() waitingRuns { return waitingRuns{s.operator(), s.inboxed} }

// Find returns the flow of a run.
func (w waitingRuns) Find(ctx context.Context, flows []string, id everhook.RunID) (string, error) {
	if row, waits := w.inboxed(ctx, "", id); waits {
		return row.Flow, nil
	}
	return w.Operator.Find(ctx, flows, id)
}

// Show returns one execution of a run, or what is known of one that waits.
func (w waitingRuns) Show(ctx context.Context, flow string, id everhook.RunID, execution string) (*runs.Detail, error) {
	if row, waits := w.of(ctx, flow, id); waits {
		return waitingDetail(row), nil
	}
	return w.Operator.Show(ctx, flow, id, execution)
}

// startedTimeout bounds the question whether a run is started although its delivery is in the inbox: Temporal may be
// away.
const startedTimeout = 2 * time.Second

// of returns the delivery of a run that is not known to be started.
func (w waitingRuns) of(ctx context.Context, flow string, id everhook.RunID) (inbox.Row, bool) {
	row, waits := w.inboxed(ctx, flow, id)
	if !waits {
		return row, false
	}
	ctx, cancel := context.WithTimeout(ctx, startedTimeout)
	defer cancel()
	started, err := w.Exists(ctx, flow, id)
	return row, err != nil || !started
}

// waitingDetail shows a run that waits.
func waitingDetail(row inbox.Row) *runs.Detail {
	return &runs.Detail{
		Summary: runs.Summary{ID: row.Run, Flow: row.Flow, Title: row.Flow, Version: row.Version,
			Status: waitingStatus(row), Started: row.ReceivedAt.UTC()},
		Waiting: &runs.Waiting{Delivery: row.ID, Since: row.ReceivedAt.UTC(), Reason: row.Reason},
		Steps:   []everhook.Step{},
	}
}
