// Package sources runs triggers that start runs by themselves (kind.Source): one for each served flow. A source is
// restarted when it fails, and stopped when its flow changes or the process stops.
package sources

import (
	"bytes"
	"context"
	"log/slog"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/catalog"
)

// Options configure Sources.
type Options struct {
	// Flows returns the flows to serve now.
	Flows func() []catalog.Sourced
	// Start makes the run of a delivery durable, as runs.Starter does.
	Start func(ctx context.Context, version *everhook.Version, d everhook.Delivery) (everhook.Started, error)
	// Secret returns the value of a secret.
	Secret func(name string) (string, error)
	// Redact removes the values of secrets from a text.
	Redact func(text string) string
	// Observe is called for each event, after its start. Nil: it is not called.
	Observe func(Record)
	// Clock returns the time. Default: time.Now.
	Clock  func() time.Time
	Logger *slog.Logger
	// Pause is the first pause before a failed source is restarted. Default 1s.
	Pause time.Duration
}

// Record describes one event for metrics.
type Record struct {
	Flow string
	Run  everhook.RunID
	// Bytes is the size of the event's data as JSON.
	Bytes int
	// Took is how long it took to make the run durable.
	Took time.Duration
	// Duplicate is set if an event with the same key had already started the run, Failed if the run is not known to be
	// durable.
	Duplicate, Failed bool
	// Skipped tells that the flow ignores the event: there is no run.
	Skipped bool
}

// maxPause bounds the pause before a source is restarted. If a source ran for as long, the pause begins small again.
const maxPause = time.Minute

// Sources serves the sources of flows. It is safe for concurrent use.
type Sources struct {
	options Options
	changed chan struct{}
	// ctx is the context of all sources; Stop ends it.
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
}

// New returns a Sources and starts to serve.
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
	default: // a reconciliation is pending already
	}
}

// Stop stops all sources and returns when they have ended, or with the context's error.
func (s *Sources) Stop(ctx context.Context) error {
	s.cancel()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// follow keeps one source running for each flow. Only this goroutine knows which sources run.
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

// reconcile stops the sources of changed flows, and starts the missing ones.
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

// running is the source of one version while that is served. It stays when the source has ended by itself, so that it
// is not started again.
type running struct {
	flow   catalog.Sourced
	cancel context.CancelFunc
	done   chan struct{}
	// stopped is set when its flow is no longer served, or served in another version.
	stopped bool
}

// serves reports whether it is the source of the flow's current version.
func (r *running) serves(flow catalog.Sourced) bool {
	return r.flow.Version.Number == flow.Version.Number && bytes.Equal(r.flow.Secret, flow.Secret)
}

// launch serves a flow after the previous source of the flow, if there is one, has ended.
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
