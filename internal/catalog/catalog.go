// Package catalog serves the flows of a store: it keeps the enabled versions compiled in memory and gives the receiver
// a route for each token.
package catalog

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/secrets"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/receiver"
)

// Secrets looks up secrets. The error of a look-up names the secret and says how to set it.
type Secrets interface {
	Lookup(name string) (string, error)
	// Permit returns an error if the operator's rules do not let a flow use a secret.
	Permit(flow, name string) error
}

// Options configure a Catalog.
type Options struct {
	Store *store.Store
	// Versions compiles the flows.
	Versions *compile.Versions
	Secrets  Secrets
	// Env returns the settings that flows see as env.<NAME>.
	Env func() map[string]string
	// PublicURL returns the base of the public URLs; nil: it is unknown.
	PublicURL func() string
	// KnowsURL is set if PublicURL is what senders call. Without it, flows whose senders sign the URL are not served.
	KnowsURL bool
	Logger   *slog.Logger
	// Changed is called after each refresh; it must not block. Nil: it is not called.
	Changed func()
}

// Catalog is the snapshot of the store that is served. It is safe for concurrent use.
type Catalog struct {
	options  Options
	mutex    sync.Mutex
	revision int64
	snapshot atomic.Pointer[snapshot]
	// refreshed is the time of the last Refresh.
	refreshed time.Time
}

// snapshot is immutable once it is served.
type snapshot struct {
	routes map[string]*receiver.Route
	// rotated are routes by tokens that are used for a grace time.
	rotated map[string]rotated
	// resumables are all flows by their resume tokens, stored all flows by their keys.
	resumables map[string]*receiver.Resumable
	stored     map[string]store.Flow
	flows      []Flow
	sources    []Sourced
	// compiled are the shown versions.
	compiled map[identity]*compiled
	// waiting are the versions that lack a secret, with their notes. They are served once the secret is set.
	waiting map[*compiled]string
	// unread is set if a version could not be read from the store.
	unread bool
}

// rotated is the route of a token that was replaced.
type rotated struct {
	route *receiver.Route
	until time.Time
}

// Flow is a flow as the pages show it.
type Flow struct {
	Key, Title string
	// Token is the secret part of its URL; empty if its trigger is not a webhook.
	Token string
	// Trigger is the kind of its trigger; empty if the version cannot be read.
	Trigger string
	// Callable is set if other flows can call it.
	Callable bool
	Mode     everhook.Mode
	// Version is the enabled version; 0 if the flow is disabled.
	Version int
	// Served is set if its trigger starts runs; if not, Note says why.
	Served bool
	Note   string
	// Unset are the settings that the enabled version refers to but that are not set: their value is nil.
	Unset  []string
	Source string
}

// New returns a Catalog that serves nothing before Refresh.
func New(o Options) *Catalog {
	c := &Catalog{options: o, revision: -1}
	c.snapshot.Store(&snapshot{})
	return c
}

// Route returns the route of a token.
func (c *Catalog) Route(token string) (*receiver.Route, bool) {
	now := c.snapshot.Load()
	if route, ok := now.routes[token]; ok {
		return route, true
	}
	if old, ok := now.rotated[token]; ok && time.Now().Before(old.until) {
		return old.route, true
	}
	return nil, false
}

// addRoute adds the route of a flow, also under the token that it had before the last rotation.
func (s *snapshot) addRoute(flow store.Flow, route *receiver.Route) {
	s.routes[flow.Token] = route
	if flow.OldToken != "" && time.Now().Before(flow.OldTokenUntil) {
		s.rotated[flow.OldToken] = rotated{route, flow.OldTokenUntil}
	}
}

// Flows returns all flows, sorted by key.
func (c *Catalog) Flows() []Flow { return c.snapshot.Load().flows }

// Accepts reports whether there is an async flow with a webhook: its deliveries can wait for Temporal.
func (c *Catalog) Accepts() bool {
	return slices.ContainsFunc(c.Flows(), func(f Flow) bool {
		return f.Served && f.Token != "" && f.Mode == everhook.Async
	})
}

// Paused reports whether deliveries to a flow are kept and not run.
func (c *Catalog) Paused(key string) bool { return c.snapshot.Load().stored[key].Paused }

// Mode returns whether callers of a flow wait for its answer.
func (c *Catalog) Mode(key string) everhook.Mode {
	for _, flow := range c.Flows() {
		if flow.Key == key {
			return flow.Mode
		}
	}
	return everhook.Sync
}

// Refresh loads the current state of the store. It reads only versions that it does not have yet.
func (c *Catalog) Refresh(ctx context.Context) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	revision, err := c.options.Store.Revision(ctx)
	if err != nil {
		return err
	}
	flows, err := c.options.Store.Flows(ctx)
	if err != nil {
		return err
	}
	next := &snapshot{
		routes: make(map[string]*receiver.Route, len(flows)), rotated: map[string]rotated{},
		resumables: make(map[string]*receiver.Resumable, len(flows)), stored: make(map[string]store.Flow, len(flows)),
		compiled: make(map[identity]*compiled, len(flows)), waiting: map[*compiled]string{},
	}
	for _, flow := range flows {
		id := identify(flow)
		version, err := c.version(ctx, id)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, store.ErrNotFound): // deleted since the flows were read; the revision changed too
			continue
		case err != nil:
			version, next.unread = &compiled{problem: err.Error()}, true
		default:
			next.compiled[id] = version
		}
		next.stored[flow.Key], next.resumables[everhook.ResumeToken(flow.Secret)] = flow, c.resumable(flow)
		shown, waits := c.show(flow, version)
		next.flows = append(next.flows, shown)
		if waits {
			next.waiting[version] = shown.Note
		}
		if version.webhook != nil { // without a readable webhook, callers cannot be authenticated
			next.addRoute(flow, c.route(flow, shown.Served, version))
		}
		if shown.Served {
			next.addSource(flow, version)
		}
	}
	c.tell(next.flows)
	c.snapshot.Store(next)
	c.revision, c.refreshed = revision, time.Now()
	if c.options.Changed != nil {
		c.options.Changed()
	}
	return nil
}

// tell logs flows that are no longer served, and settings that are not set, once each.
func (c *Catalog) tell(flows []Flow) {
	before := map[string]Flow{}
	for _, flow := range c.snapshot.Load().flows {
		before[flow.Key] = flow
	}
	for _, flow := range flows {
		if flow.Version > 0 && !flow.Served && before[flow.Key].Note != flow.Note {
			c.options.Logger.Error("flow is not served", "flow", flow.Key, "version", flow.Version, "reason", flow.Note)
		}
		if last := before[flow.Key]; last.Version != flow.Version || !slices.Equal(last.Unset, flow.Unset) {
			for _, name := range flow.Unset {
				c.options.Logger.Warn("a setting that a flow uses is not set, and nil", "flow", flow.Key, "version",
					flow.Version, "setting", "env."+name, "variable", secrets.EnvPrefix+name)
			}
		}
	}
}

// Refreshed returns when the served flows changed last.
func (c *Catalog) Refreshed() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.refreshed
}

// refreshEvery is the interval of polls of the store for changes and of missing secrets.
const refreshEvery = 500 * time.Millisecond

// rereadAfter is the pause before an unreadable version is read again.
const rereadAfter = 5 * time.Second

// Follow refreshes when the store changes or a missing secret is set, until ctx ends.
func (c *Catalog) Follow(ctx context.Context) {
	changed := c.options.Store.Watch(ctx, store.Flows)
	ticker := time.NewTicker(refreshEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-ticker.C:
		}
		if err := c.refreshIfChanged(ctx); err != nil && ctx.Err() == nil {
			c.options.Logger.Error("the flows cannot be read; the last ones stay", "error", err)
		}
	}
}

func (c *Catalog) refreshIfChanged(ctx context.Context) error {
	revision, err := c.options.Store.Revision(ctx)
	if err != nil {
		return err
	}
	c.mutex.Lock()
	same, last := revision == c.revision, c.refreshed
	c.mutex.Unlock()
	now := c.snapshot.Load()
	if same && !c.secretsChanged(now) && (!now.unread || time.Since(last) < rereadAfter) {
		return nil
	}
	return c.Refresh(ctx)
}

// secretsChanged reports whether the missing secret of a version is set now, or another one is missing. It does not
// read the store.
func (c *Catalog) secretsChanged(now *snapshot) bool {
	for version, note := range now.waiting {
		if c.missingSecret(version) != note {
			return true
		}
	}
	return false
}

// Apply makes a definition the enabled version of its flow, and returns when it is served. It refuses a flow that uses
// a secret which the operator's rules give to others only.
func (c *Catalog) Apply(ctx context.Context, definition *everhook.Definition, source string) (everhook.Version, error) {
	applied, err := c.Deploy(ctx, definition, source, store.ApplyOptions{Enable: true})
	return applied.Version, err
}

// ApplyFile is Apply for a file that a server watches, but it does not wait until the flow is served: there may be
// thousands of files, and Await is for all of them. Text is the file as it is written.
func (c *Catalog) ApplyFile(ctx context.Context, definition *everhook.Definition, source,
	text string) (everhook.Version, error) {
	applied, err := c.apply(ctx, definition, source,
		store.ApplyOptions{Enable: true, Text: text, Managed: store.ManagedByFiles})
	return applied.Version, err
}

// Deploy applies a definition as the options say, and returns when the change is served. It refuses what Permit does.
func (c *Catalog) Deploy(ctx context.Context, definition *everhook.Definition, source string,
	o store.ApplyOptions) (store.Applied, error) {
	applied, err := c.apply(ctx, definition, source, o)
	if err != nil {
		return store.Applied{}, err
	}
	return applied, c.Await(ctx)
}

func (c *Catalog) apply(ctx context.Context, definition *everhook.Definition, source string,
	o store.ApplyOptions) (store.Applied, error) {
	if err := c.Permit(definition); err != nil {
		return store.Applied{}, err
	}
	return c.options.Store.Apply(ctx, definition, source, o)
}

// Stored returns the flows by their keys, as they were when the served ones were read. The mapping must not be changed.
func (c *Catalog) Stored() map[string]store.Flow { return c.snapshot.Load().stored }

// Await returns when all changes that the store has are served.
func (c *Catalog) Await(ctx context.Context) error { return c.refreshIfChanged(ctx) }

// Disable disables a flow and stops serving it.
func (c *Catalog) Disable(ctx context.Context, key string) error {
	if err := c.options.Store.Disable(ctx, key); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return c.Refresh(ctx)
}

// Sources returns the sources of the enabled flows by key.
func (c *Catalog) Sources(ctx context.Context) (map[string]string, error) {
	flows, err := c.options.Store.Flows(ctx)
	if err != nil {
		return nil, err
	}
	sources := map[string]string{}
	for _, flow := range flows {
		if flow.Enabled > 0 {
			sources[flow.Key] = flow.Source
		}
	}
	return sources, nil
}
