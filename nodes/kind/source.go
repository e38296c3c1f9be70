package kind

import (
	"context"
	"log/slog"

	"github.com/everhook/everhook"
)

// Source is implemented by triggers that start runs on their own: they watch a folder, a queue, a mailbox. Their flows
// are async and have no URL.
//
// The life of a source: for each flow that is served, every process with the role receiver calls Serve once. Serve
// works until its context ends, because the flow was changed or disabled, lacks a secret, or the process stops. The
// next Serve begins only after it has returned, and its config is not written in between. A source is not workflow
// code: it may use the clock, the network and files.
type Source interface {
	Trigger
	// Serve starts a run for each event until ctx ends, and then returns soon; its error does not matter then. If it
	// returns an error or panics before, that is logged, and Serve is called again after a pause of a second, which
	// doubles up to a minute while it keeps failing. If it returns nil before, no more events can come: it is not
	// called again until the flow changes or the process restarts.
	Serve(ctx context.Context, flow SourceFlow) error
}

// SourceFlow is the flow for which a Source starts runs, and the access that the process gives to it. Tests make their
// own.
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
	// Logger takes messages for the operator. It already names the flow.
	Logger *slog.Logger
}

// Event is the reason to start a run.
type Event struct {
	// Key identifies the event within the flow. It must be the same each time that the event is passed on: after a
	// restart, by another process that watches the same place, or because Start returned an error. There is one run for
	// a key. It is required.
	Key string
	// Data is what expressions see as trigger: JSON values. Its members are those of the trigger's Shape.
	Data map[string]any
	// Rerun starts the run of an earlier event with the same key again if it ended failed, in error or aborted.
	Rerun bool
}

// Started is a run that is durable.
type Started struct {
	RunID everhook.RunID
	// Duplicate is set if an earlier event with the same key has started the run.
	Duplicate bool
	// Skipped is set if the trigger's condition leaves the event out: there is no run.
	Skipped bool
}
