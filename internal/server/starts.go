package server

import (
	"context"
	"errors"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/catalog"
	"github.com/everhook/everhook/receiver"
	"github.com/everhook/everhook/workflows"
)

// starts is the Starter as the receiver knows it.
type starts struct {
	*workflows.Starter
	catalog *catalog.Catalog
}

// Start of an async flow.
func (s starts) Start(ctx context.Context, version *everhook.Version, d everhook.Delivery) (receiver.Started, error) {
	duplicate, err := s.Starter.Start(ctx, version, d)
	return receiver.Started{Duplicate: duplicate}, err
}

// Run of a sync flow.
func (s starts) Run(ctx context.Context, version *everhook.Version, d everhook.Delivery,
	wait time.Duration) (receiver.Started, error) {
	reply, err := s.Starter.Run(ctx, version, d, wait)
	return receiver.Started(reply), err
}

// Outcome of an earlier run.
func (s starts) Outcome(ctx context.Context, flow string, id everhook.RunID,
	wait time.Duration) (*receiver.Outcome, error) {
	outcome, err := s.Starter.Outcome(ctx, flow, id, s.catalog.Mode(flow) == everhook.Sync, wait)
	if err != nil {
		return nil, asReceiverError(err)
	}
	return &receiver.Outcome{Status: outcome.Status, Answer: outcome.Answer}, nil
}

// RunVersion of an earlier run.
func (s starts) RunVersion(ctx context.Context, flow string, run everhook.RunID) (int, error) {
	version, err := s.Starter.RunVersion(ctx, flow, run)
	return version, asReceiverError(err)
}

// Resume of a run that waits.
func (s starts) Resume(ctx context.Context, flow string, run everhook.RunID,
	call receiver.Resume) (receiver.Resumed, error) {
	resumed, err := s.Starter.Resume(ctx, flow, run, workflows.Call(call))
	return receiver.Resumed(resumed), asReceiverError(err)
}

// asReceiverError gives the receiver's own word for what the engine says of a run.
func asReceiverError(err error) error {
	for engine, word := range map[error]error{
		workflows.ErrNoRun: receiver.ErrNoRun, workflows.ErrEnded: receiver.ErrRunEnded,
		workflows.ErrWaitOver: receiver.ErrWaitOver, workflows.ErrInboxFull: receiver.ErrInboxFull,
	} {
		if errors.Is(err, engine) {
			return word
		}
	}
	return err
}
