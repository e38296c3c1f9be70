package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/workflows"
)

// ReplayOptions configure a replay.
type ReplayOptions struct {
	// Of is the delivery on record.
	Of string
	// Run is the run that it started; empty for a delivery that started none.
	Run everhook.RunID
	// Version is the version to run.
	Version *everhook.Version
	// ID is the ID of the new run. Replays with one ID are one replay.
	ID everhook.RunID
	// Delivery makes the new delivery for a run ID, which is that of the first run of the delivery. Nil: the delivery
	// is that of the run.
	Delivery func(first everhook.RunID) (everhook.Delivery, error)
	// NewID is the ID of the new delivery, where Delivery is nil.
	NewID string
}

// Replayed is the new run of a replay.
type Replayed struct {
	// ID is the new run.
	ID      everhook.RunID `json:"id"`
	Flow    string         `json:"flow"`
	Version int            `json:"version"`
	// Delivery is the new delivery.
	Delivery string `json:"delivery"`
	// ReplayOf is the delivery that is repeated.
	ReplayOf string `json:"replayOf"`
}

// Replay starts a run with a delivery on record, under a new run ID, and returns when it is durable. If the delivery
// had started a run, idempotency keys derive from that one, as with a retry. No dedupe key is looked at. The answer of
// the run has no caller.
//
// A *Refusal says that the replay is not possible. After any other error it is not known whether the new run exists.
func (s *Starter) Replay(ctx context.Context, flow string, o ReplayOptions) (Replayed, error) {
	replayed := Replayed{ID: o.ID, Flow: flow, Version: o.Version.Number, Delivery: o.NewID, ReplayOf: o.Of}
	origin := o.Run
	if o.Run != "" {
		earlier, err := s.ended(ctx, flow, o.Run)
		switch {
		case errors.Is(err, everhook.ErrNoRun) && o.Delivery == nil:
			return Replayed{}, Refusef("what the delivery had is kept no longer: its run has expired, and its " +
				"request is not on record; set `record: body` in the trigger for deliveries to come")
		case errors.Is(err, everhook.ErrNoRun):
		case err != nil:
			return Replayed{}, err
		case o.Delivery == nil:
			_, err := s.Retry(ctx, flow, o.Run, RetryOptions{Version: o.Version, ID: o.ID, Delivery: o.NewID,
				ReplayOf: o.Of})
			return replayed, err
		default:
			origin = earlier.start.First()
		}
	}
	if o.Delivery == nil {
		return Replayed{}, Refusef("the delivery started no run, and its request is not on record; set `record: " +
			"body` in the trigger for deliveries to come")
	}
	compiled, err := s.compiled(o.Version)
	if err != nil {
		return Replayed{}, Refusef("%v", err)
	}
	d, err := o.Delivery(cmp.Or(origin, o.ID))
	if err != nil {
		return Replayed{}, Refusef("%v", err)
	}
	replayed.Delivery, d.RunID = d.ID, o.ID
	definition, err := s.definition(compiled)
	if err != nil {
		return Replayed{}, err
	}
	c, err := s.arrange(o.Version, compiled, definition, workflows.Start{Version: o.Version.Number, Delivery: d,
		Env: s.settings(compiled), Origin: origin})
	if err != nil {
		return Replayed{}, pointTooLarge(err, nil)
	}
	c.options.EnableEagerStart = s.options.Eager
	if origin != "" {
		c.options.Memo[workflows.MemoRetryOf] = string(o.Run)
	}
	describeReplay(c, o.Of)
	if err := s.start(ctx, c); err != nil {
		return Replayed{}, fmt.Errorf("it is not known whether the replay was started as run %s; look for it before "+
			"you try again: %w", o.ID, err)
	}
	return replayed, nil
}

// describeReplay adds the delivery that is repeated to the memo and details of a run.
func describeReplay(c *call, of string) {
	if of == "" {
		return
	}
	c.options.Memo[workflows.MemoReplayOf] = of
	c.options.StaticDetails += "\n* replay of delivery " + of
}
