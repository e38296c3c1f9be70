package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook/internal/engine"
)

// line is a line of execution on Temporal: a coroutine of the workflow with its context.
type line struct{ ctx workflow.Context }

var _ engine.Line = line{}

func (l line) Now() time.Time               { return now(l.ctx) }
func (l line) Err() error                   { return l.ctx.Err() }
func (l line) Await(done func() bool) error { return workflow.Await(l.ctx, done) }

func (l line) Go(name string, do func(engine.Line)) {
	workflow.GoNamed(l.ctx, name, func(ctx workflow.Context) { do(line{ctx}) })
}

func (l line) Cancellable() (engine.Line, func()) {
	ctx, cancel := workflow.WithCancel(l.ctx)
	return line{ctx}, cancel
}

func (l line) Detached() (engine.Line, func()) {
	ctx, cancel := workflow.NewDisconnectedContext(l.ctx)
	return line{ctx}, cancel
}

// contextOf returns the context of a line of this package.
func contextOf(l engine.Line) workflow.Context { return l.(line).ctx }
