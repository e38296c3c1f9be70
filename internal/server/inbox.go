package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/inbox"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes/trigger"
	"github.com/everhook/everhook/receiver"
)

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
	return accepting{starting{s.starts}, s}
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
	server *Server
}

var _ receiver.Starter = accepting{}

// Prepare makes a run that can be started.
func (a accepting) Prepare(version *everhook.Version, d everhook.Delivery) (receiver.Prepared, error) {
	prepared, err := a.Starter.Prepare(version, d)
	if err != nil {
		return nil, err
	}
	flow, err := a.server.versions.Of(version)
	if err != nil {
		return nil, err
	}
	storing, ok := flow.Trigger.(trigger.Storing)
	return acceptable{prepared, a.server, ok && storing.StoresAlways()}, nil
}

// acceptable is a run that can be started, or wait in the inbox.
type acceptable struct {
	*runs.Prepared
	server *Server
	// always is set if it has to wait there.
	always bool
}

// Start returns when the run is durable, or its delivery is in the inbox.
func (a acceptable) Start(ctx context.Context) (everhook.Started, error) {
	version, d := a.Version(), a.Delivery()
	i := a.server.inbox.Load()
	switch {
	case i != nil:
	case a.server.catalog.Paused(version.Definition.Key): // the process that has the inbox takes it
		return everhook.Started{}, everhook.ErrOverloaded
	default:
		return a.Prepared.Start(ctx)
	}
	return i.Accept(ctx, inbox.Delivery{
		Entry: inbox.Entry{Flow: version.Definition.Key, Version: version.Number, Hash: version.Hash, Run: d.RunID,
			Delivery: d.ID, Digest: d.Digest, ReceivedAt: d.ReceivedAt, Duplicates: d.Duplicates},
		Always: a.always, Encode: a.Store,
		Direct: func(ctx context.Context) (everhook.Started, error) { return startOf(ctx, a.Prepared) },
	})
}

// Outcome returns the state of an earlier run. One that waits in the inbox is pending.
func (a accepting) Outcome(ctx context.Context, flow string, run everhook.RunID,
	wait time.Duration) (*everhook.Outcome, error) {
	row, err := a.waits(ctx, flow, run)
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

// waits returns the row of a run that waits, or inbox.ErrNoRow.
func (a accepting) waits(ctx context.Context, flow string, run everhook.RunID) (inbox.Row, error) {
	i := a.server.inbox.Load()
	if i == nil {
		return inbox.Row{}, inbox.ErrNoRow
	}
	return i.Box().Waits(ctx, flow, run)
}

// errNotStarted is the error for a call of a run that waits in the inbox.
var errNotStarted = errors.New("the run is not started yet")

// RunVersion returns the number of the version of a run that is started.
func (a accepting) RunVersion(ctx context.Context, flow string, run everhook.RunID) (int, error) {
	version, err := a.Starter.RunVersion(ctx, flow, run)
	if !errors.Is(err, everhook.ErrNoRun) {
		return version, err
	}
	if _, waits := a.waits(ctx, flow, run); waits == nil {
		return 0, errNotStarted
	}
	return 0, err
}
