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
	"github.com/everhook/everhook/workflows"
)

// startOf starts a run. Its error wraps inbox.ErrNever if Temporal will never take the start.
func startOf(ctx context.Context, prepared *runs.Prepared) (everhook.Started, error) {
	started, err := prepared.Start(ctx)
	return started, never(err)
}

// never wraps inbox.ErrNever around the error of a start that Temporal will never take.
func never(err error) error {
	if _, invalid := errors.AsType[*serviceerror.InvalidArgument](err); invalid {
		return fmt.Errorf("%w: %w", inbox.ErrNever, err)
	}
	return err
}

// acceptingStarter returns the starter of the receiver.
func (s *Server) acceptingStarter() receiver.Starter {
	starter := accepting{starting{s.starts}, s}
	if s.temporal.embedded != nil {
		return writing{starter, s.health.disk}
	}
	return starter
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
	made := acceptable{Prepared: prepared, server: a.server}
	if storing, ok := flow.Trigger.(trigger.Storing); ok {
		made.always, made.accepts = storing.StoresAlways(), storing.AcceptsInOutage()
		made.early = storing.AnswersEarly() && workflows.MayAnswerEarly(flow.Flow)
	}
	return made, nil
}

// acceptable is a run that can be started, or wait in the inbox.
type acceptable struct {
	*runs.Prepared
	server *Server
	// always is set if it has to wait there, early if its caller may have an answer before it is started, and accepts
	// if it waits there while Temporal is away.
	always, early, accepts bool
}

// Start returns when the run is durable, or its delivery is in the inbox.
func (a acceptable) Start(ctx context.Context) (everhook.Started, error) {
	i := a.server.inbox.Load()
	if i == nil {
		return a.without(func() (everhook.Started, error) { return a.Prepared.Start(ctx) })
	}
	return i.Accept(ctx, inbox.Delivery{Entry: a.entry(), Always: a.always, Encode: a.Store,
		Direct: func(ctx context.Context) (everhook.Started, error) { return startOf(ctx, a.Prepared) },
	})
}

// Run returns when there is an answer, or the run is durable, or its delivery is in the inbox.
func (a acceptable) Run(ctx context.Context, wait time.Duration) (everhook.Started, error) {
	i := a.server.inbox.Load()
	if i == nil {
		return a.without(func() (everhook.Started, error) { return a.Prepared.Run(ctx, wait) })
	}
	d := inbox.SyncDelivery{Entry: a.entry(), Encode: a.Store, Answered: runs.EarlyAnswer, Accept: a.accepts,
		Run: func(ctx context.Context, begun func()) (everhook.Started, error) {
			return a.RunTelling(ctx, wait, begun)
		}}
	if a.early {
		d.Early = func() (*everhook.Answer, func() ([]byte, error), bool) {
			early, ok := a.AnswerEarly()
			if !ok {
				return nil, nil, false
			}
			return early.Early(), early.Store, true
		}
	}
	return i.Answer(ctx, d)
}

// without starts the run while another process has the inbox: that takes the deliveries to a paused flow.
func (a acceptable) without(start func() (everhook.Started, error)) (everhook.Started, error) {
	if a.server.catalog.Paused(a.Version().Definition.Key) {
		return everhook.Started{}, everhook.ErrOverloaded
	}
	return start()
}

// entry is the run as the inbox has it, without its input.
func (a acceptable) entry() inbox.Entry {
	version, d := a.Version(), a.Delivery()
	return inbox.Entry{Flow: version.Definition.Key, Version: version.Number, Hash: version.Hash, Run: d.RunID,
		Delivery: d.ID, Digest: d.Digest, ReceivedAt: d.ReceivedAt, Duplicates: d.Duplicates}
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
	}
	outcome := &everhook.Outcome{Status: everhook.Pending}
	if !row.DeadAt.IsZero() {
		outcome.Status = everhook.Errored
	}
	if outcome.Answer, err = a.earlyAnswer(ctx, row); errors.Is(err, inbox.ErrNoRow) { // it is started meanwhile
		return a.Starter.Outcome(ctx, flow, run, wait)
	}
	return outcome, err
}

// earlyAnswer is the answer that the caller of a delivery that waits has already; nil: it has none.
func (a accepting) earlyAnswer(ctx context.Context, row inbox.Row) (*everhook.Answer, error) {
	i := a.server.inbox.Load()
	if i == nil {
		return nil, inbox.ErrNoRow
	}
	input, err := i.Box().Input(ctx, row)
	if err != nil {
		return nil, err
	}
	return runs.EarlyAnswer(input)
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
