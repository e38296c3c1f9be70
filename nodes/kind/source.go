package kind

import (
	"context"
	"log/slog"

	"github.com/everhook/everhook"
)

// Source is implemented by triggers that find out by themselves when a run is due: they watch a folder, a queue, a
// mailbox. Flows with one are async, as nobody waits, and have no URL.
//
// The life of a source: for each flow that is served, every process with the role receiver calls Serve once. Serve
// works until its context ends: the flow was changed or disabled, lacks a secret, or the process stops. Its config is
// then never written again, and another Serve begins only after it has returned. What it does is not workflow code: the
// clock, the network and files are free.
type Source interface {
	Trigger
	// Serve starts a run for everything that happens, until ctx ends, and then returns soon; what it returns then does
	// not matter. An error, or a panic, before is logged, and Serve is called again after a pause of a second, which
	// doubles up to a minute while it keeps failing. Nil before means that nothing will happen any more: it is not
	// called again before the flow changes or the process starts again.
	Serve(ctx context.Context, flow SourceFlow) error
}

// SourceFlow is the flow that a Source starts runs of, and what the process gives it. A test of a source makes one of
// its own.
type SourceFlow struct {
	// Key and Version say which it is.
	Key     string
	Version int
	// Start starts a run for an event, or finds the one that an event with the same key had started before. It returns
	// when the run is durable: only then may the event be taken off where it came from. After an error it is not known
	// whether the run exists, so the event is given again, later, with the same key; an *everhook.Error of type limit
	// alone is final: the event is too large to start a run with. It goes on when ctx ends while it is under way, for
	// ten seconds at most.
	Start func(ctx context.Context, event Event) (Started, error)
	// Secret gives the value of a secret that the trigger names in Secrets.
	Secret func(name string) (string, error)
	// Logger takes what the operator should know; it names the flow already.
	Logger *slog.Logger
}

// Event is what a run is started for.
type Event struct {
	// Key tells this event from every other of the flow, and is the same each time that the event is given: after a
	// restart, by another process that watches the same, or because Start returned an error. There is one run for a
	// key. It is required.
	Key string
	// Data is what expressions see as trigger: JSON values. Its members are those of the trigger's Shape.
	Data map[string]any
	// Rerun starts the run of an earlier event with the same key again if it ended failed, in error or aborted.
	Rerun bool
}

// Started is a run that is durable.
type Started struct {
	RunID everhook.RunID
	// Duplicate tells that an earlier event with the same key had started it.
	Duplicate bool
}
