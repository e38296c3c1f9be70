// Package catalog serves the flows of a store: it keeps the enabled versions compiled in memory and gives the receiver a route for each token.
package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/receiver"
)

// Secrets gives a secret's value; its error names the secret and says how to set it.
type Secrets interface {
	Lookup(name string) (string, error)
}

// Options say what a Catalog works with.
type Options struct {
	Store    *store.Store
	Registry *nodes.Registry
	Secrets  Secrets
	// Env gives the settings that flows see as env.<NAME>.
	Env    func() map[string]string
	Logger *slog.Logger
}

// Catalog is the snapshot of the store that is served. It is safe for concurrent use.
type Catalog struct {
	options  Options
	mutex    sync.Mutex
	revision int64
	compiled map[string]compiled
	snapshot atomic.Pointer[snapshot]
}

type snapshot struct {
	routes map[string]*receiver.Route
	flows  []Flow
}

// compiled is a version that was compiled once; flow is nil if it does not compile with this program.
type compiled struct {
	flow    *nodes.Flow
	problem string
}

// Flow is a flow as pages show it.
type Flow struct {
	Key, Title, Token string
	Mode              everhook.Mode
	// Version is the enabled one; 0 when the flow is disabled.
	Version int
	// Served is set when calls of the webhook start runs; else Note says why not.
	Served bool
	Note   string
	Source string
}

// New makes a Catalog; nothing is served before Refresh.
func New(o Options) *Catalog {
	c := &Catalog{options: o, revision: -1, compiled: map[string]compiled{}}
	c.snapshot.Store(&snapshot{})
	return c
}

// Route gives the route of a token.
func (c *Catalog) Route(token string) (*receiver.Route, bool) {
	route, ok := c.snapshot.Load().routes[token]
	return route, ok
}

// Flows gives all flows, sorted by key.
func (c *Catalog) Flows() []Flow { return c.snapshot.Load().flows }

// Mode tells whether callers of a flow wait for its answer.
func (c *Catalog) Mode(key string) everhook.Mode {
	for _, flow := range c.Flows() {
		if flow.Key == key {
			return flow.Mode
		}
	}
	return everhook.Sync
}

// Refresh takes over what the store has now.
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
	next := &snapshot{routes: make(map[string]*receiver.Route, len(flows))}
	for _, flow := range flows {
		shown, route := c.serve(ctx, flow)
		next.flows = append(next.flows, shown)
		next.routes[flow.Token] = route
	}
	slices.SortFunc(next.flows, func(a, b Flow) int { return strings.Compare(a.Key, b.Key) })
	c.tell(next.flows)
	c.snapshot.Store(next)
	c.revision = revision
	return nil
}

// tell logs flows that stopped being served, once.
func (c *Catalog) tell(flows []Flow) {
	before := map[string]Flow{}
	for _, flow := range c.snapshot.Load().flows {
		before[flow.Key] = flow
	}
	for _, flow := range flows {
		if flow.Version > 0 && !flow.Served && before[flow.Key].Note != flow.Note {
			c.options.Logger.Error("flow is not served", "flow", flow.Key, "version", flow.Version, "reason", flow.Note)
		}
	}
}

// serve makes the route of a flow. A flow that is disabled or cannot be served has one too: answers of its runs are still given.
func (c *Catalog) serve(ctx context.Context, flow store.Flow) (Flow, *receiver.Route) {
	shown := Flow{Key: flow.Key, Title: flow.Key, Token: flow.Token, Version: flow.Enabled, Source: flow.Source}
	route := &receiver.Route{Flow: flow.Key}
	number := flow.Enabled
	if number == 0 {
		shown.Note, number = "disabled", flow.Latest
	}
	version, err := c.options.Store.Version(ctx, flow.Key, number)
	if err != nil {
		shown.Note = err.Error()
		return shown, route
	}
	shown.Title, shown.Mode, route.Mode = version.Definition.Name(), version.Definition.Mode, version.Definition.Mode
	known := c.compile(&version)
	if known.flow == nil {
		shown.Note = known.problem
		return shown, route
	}
	webhook, ok := known.flow.Trigger.(*nodes.Webhook)
	if !ok {
		shown.Note = "its trigger is no webhook"
		return shown, route
	}
	c.fill(route, known.flow, webhook, &version)
	if shown.Note == "" {
		shown.Note = c.missingSecrets(known.flow, webhook)
	}
	shown.Served = shown.Note == ""
	route.Enabled = shown.Served
	return shown, route
}

func (c *Catalog) compile(version *everhook.Version) compiled {
	if known, ok := c.compiled[version.Hash]; ok {
		return known
	}
	flow, problems := c.options.Registry.Compile(version.Definition)
	known := compiled{flow: flow}
	for _, p := range problems {
		if flow == nil && !p.Warning {
			known.problem = fmt.Sprintf("this program cannot run it: %v", p)
			break
		}
	}
	c.compiled[version.Hash] = known
	return known
}

// missingSecrets names the first secret that the flow refers to and that is not set.
func (c *Catalog) missingSecrets(flow *nodes.Flow, webhook *nodes.Webhook) string {
	names := slices.Clone(flow.Secrets)
	for _, user := range webhook.Auth.Basic {
		if user.Password.Secret != "" {
			names = append(names, user.Password.Secret)
		}
	}
	for _, name := range names {
		if _, err := c.options.Secrets.Lookup(name); err != nil {
			return err.Error()
		}
	}
	return ""
}

func (c *Catalog) fill(route *receiver.Route, flow *nodes.Flow, webhook *nodes.Webhook, version *everhook.Version) {
	route.Version = version
	route.MaxBody = int64(nodes.DefaultMaxBody)
	if webhook.MaxBody > 0 {
		route.MaxBody = int64(webhook.MaxBody)
	}
	for _, format := range webhook.Accept {
		route.Accept = append(route.Accept, receiver.Format(format))
	}
	route.Headers = webhook.Request.Headers
	route.Query, route.Body = nodes.Paths(webhook.Request.Query), nodes.Paths(webhook.Request.Body)
	route.Wait = nodes.DefaultWait.Std()
	if wait := flow.Definition.Options.Wait; wait > 0 {
		route.Wait = wait.Std()
	}
	for _, user := range webhook.Auth.Basic {
		route.Basic = append(route.Basic, receiver.BasicCredential{Username: user.Username, Password: c.credential(user.Password)})
	}
	if flow.Definition.Mode == everhook.Async {
		route.AsyncAnswer = c.asyncAnswer(flow, webhook)
	}
}

func (c *Catalog) credential(credential nodes.Credential) func() (string, error) {
	if credential.Secret == "" {
		return func() (string, error) { return credential.Literal, nil }
	}
	return func() (string, error) { return c.options.Secrets.Lookup(credential.Secret) }
}

// asyncAnswer evaluates the trigger's response on a delivery.
func (c *Catalog) asyncAnswer(flow *nodes.Flow, webhook *nodes.Webhook) func(everhook.Mapping, everhook.RunID) (everhook.Answer, error) {
	return func(trigger everhook.Mapping, run everhook.RunID) (everhook.Answer, error) {
		env := map[string]any{}
		settings := c.options.Env()
		for _, name := range flow.Env {
			if value, ok := settings[name]; ok {
				env[name] = value
			}
		}
		return webhook.AsyncAnswer(map[string]any{"trigger": map[string]any(trigger), "env": env, "system": map[string]any{"runId": string(run)}})
	}
}

// refreshEvery is how often the store is asked whether it changed.
const refreshEvery = 500 * time.Millisecond

// Follow refreshes whenever the store changed, and looks again for secrets that were missing, until ctx ends.
func (c *Catalog) Follow(ctx context.Context) {
	ticker := time.NewTicker(refreshEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
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
	same := revision == c.revision
	c.mutex.Unlock()
	for _, flow := range c.Flows() {
		// A flow that waits for a secret is looked at again: files of secrets come and go.
		same = same && (flow.Served || flow.Version == 0)
	}
	if same {
		return nil
	}
	return c.Refresh(ctx)
}

// Apply makes a definition the enabled version of its key and serves it when it returns.
func (c *Catalog) Apply(ctx context.Context, definition *everhook.Definition, source string) (everhook.Version, error) {
	applied, err := c.options.Store.Apply(ctx, definition, source, store.ApplyOptions{Enable: true})
	if err != nil {
		return everhook.Version{}, err
	}
	return applied.Version, c.Refresh(ctx)
}

// Disable ends the serving of a flow.
func (c *Catalog) Disable(ctx context.Context, key string) error {
	if err := c.options.Store.Disable(ctx, key); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return c.Refresh(ctx)
}

// Sources gives the sources of the enabled flows by key.
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
