// Package sources runs the triggers that find out by themselves when a run is due (kind.Source): one for each flow
// that is served, started again when it fails, and ended when its flow changes or the process stops.
package sources

import (
	"bytes"
	"context"
	"log/slog"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/catalog"
)

// Options say what sources work with.
type Options struct {
	// Flows gives the flows to serve now.
	Flows func() []catalog.Sourced
	// Start makes the run of a delivery durable, as runs.Starter does.
	Start func(ctx context.Context, version *everhook.Version, d everhook.Delivery) (everhook.Started, error)
	// Secret gives the value of a secret.
	Secret func(name string) (string, error)
	// Redact takes the values of secrets out of a text.
	Redact func(text string) string
	// Observe is called for each event that was given, with its flow, how long its start took and how it ended. Nil:
	// nothing.
	Observe func(Record)
	// Clock is time.Now unless a test has its own.
	Clock  func() time.Time
	Logger *slog.Logger
	// Pause is that before a source that failed is started again, the first time. Default 1s.
	Pause time.Duration
}

// Record is what metrics learn of one event.
type Record struct {
	Flow string
	Run  everhook.RunID
	// Bytes is the size of the event's data as JSON.
	Bytes int
	// Took is how long it took to make the run durable.
	Took time.Duration
	// Duplicate tells that an event with the same key had started the run before, Failed that it is not known to be
	// durable.
	Duplicate, Failed bool
}

// maxPause bounds the pause before a source is started again. One that worked for as long is taken for sound.
const maxPause = time.Minute

// Sources serves the sources of flows. It is safe for concurrent use.
type Sources struct {
	options Options
	changed chan struct{}
	// ctx is that of all sources, and ends with Stop.
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
}

// New makes a Sources and begins to serve.
func New(o Options) *Sources {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(Record) {}
	}
	if o.Pause == 0 {
		o.Pause = time.Second
	}
	s := &Sources{options: o, changed: make(chan struct{}, 1), done: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	go s.follow()
	s.Changed()
	return s
}

// Changed reports that the flows may have changed. It does not block.
func (s *Sources) Changed() {
	select {
	case s.changed <- struct{}{}:
	default: // it will be looked at anyway
	}
}

// Stop ends all sources and returns when they have ended, or with the context's error before.
func (s *Sources) Stop(ctx context.Context) error {
	s.cancel()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// follow keeps one source running for each flow. What runs is known here alone.
func (s *Sources) follow() {
	defer close(s.done)
	running := map[string]*running{}
	for {
		select {
		case <-s.ctx.Done():
			for _, one := range running {
				<-one.done
			}
			return
		case <-s.changed:
		}
		s.reconcile(running)
	}
}

// reconcile ends the sources of changed flows, and starts the missing ones.
func (s *Sources) reconcile(running map[string]*running) {
	wanted := map[string]catalog.Sourced{}
	for _, flow := range s.options.Flows() {
		wanted[flow.Version.Definition.Key] = flow
	}
	for key, one := range running {
		if flow, ok := wanted[key]; !ok || !one.serves(flow) {
			one.stopped = true
			one.cancel()
		}
	}
	for key, flow := range wanted {
		if before := running[key]; before == nil || before.stopped {
			running[key] = s.launch(flow, before)
		}
	}
}

// running is the source of one version, from when it is served. It stays when the source has ended by itself: it is not
// begun again.
type running struct {
	flow   catalog.Sourced
	cancel context.CancelFunc
	done   chan struct{}
	// stopped tells that its flow is no longer served, or by another version.
	stopped bool
}

// serves reports whether it is the one for the flow as it is now.
func (r *running) serves(flow catalog.Sourced) bool {
	return r.flow.Version.Number == flow.Version.Number && bytes.Equal(r.flow.Secret, flow.Secret)
}

// launch serves a flow as soon as the source before, if there is one, has ended.
func (s *Sources) launch(flow catalog.Sourced, before *running) *running {
	ctx, cancel := context.WithCancel(s.ctx)
	one := &running{flow: flow, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(one.done)
		defer cancel()
		if before != nil {
			<-before.done
		}
		s.serve(ctx, flow)
	}()
	return one
}
