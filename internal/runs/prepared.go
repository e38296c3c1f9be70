package runs

import (
	"context"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/workflows"
)

// Prepared is a run that can be started. It has the delivery as Temporal gets it; the delivery itself can be dropped.
type Prepared struct {
	starter *Starter
	call    *call
}

// Size is how many bytes it holds.
func (p *Prepared) Size() int { return p.call.arguments.Size() }

// Prepare makes a run that can be started, without Temporal. It returns an *everhook.Error of type limit if definition
// and delivery are too large together.
func (s *Starter) Prepare(version *everhook.Version, d everhook.Delivery) (*Prepared, error) {
	flow, err := s.compiled(version)
	if err != nil {
		return nil, err
	}
	definition, err := s.definition(flow)
	if err != nil {
		return nil, err
	}
	c, err := s.arrange(version, flow, definition, workflows.Start{Version: version.Number, Delivery: d,
		Env: s.settings(flow)})
	if err != nil {
		return nil, err
	}
	return &Prepared{s, c}, nil
}

// Start prepares a run and starts it. Errors are those of both.
func (s *Starter) Start(ctx context.Context, version *everhook.Version,
	d everhook.Delivery) (everhook.Started, error) {
	prepared, err := s.Prepare(version, d)
	if err != nil {
		return everhook.Started{}, err
	}
	return prepared.Start(ctx)
}

// Run prepares a run, starts it, and waits for its answer. Errors are those of Prepare and Prepared.Run.
func (s *Starter) Run(ctx context.Context, version *everhook.Version, d everhook.Delivery,
	wait time.Duration) (everhook.Started, error) {
	prepared, err := s.Prepare(version, d)
	if err != nil {
		return everhook.Started{}, err
	}
	return prepared.Run(ctx, wait)
}
