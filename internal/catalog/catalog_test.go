package catalog

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/secrets"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/trigger"
	"github.com/everhook/everhook/receiver"
)

// fixture is a catalog with its own store and directory of secrets.
type fixture struct {
	*Catalog
	store   *store.Store
	path    string
	secrets string
	log     *bytes.Buffer
	env     map[string]string
	rules   secrets.Rules
}

func fresh(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{path: filepath.Join(t.TempDir(), "everhook.db"), secrets: t.TempDir(), log: &bytes.Buffer{},
		env: map[string]string{}}
	var err error
	f.store, err = store.Open(t.Context(), f.path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.store.Close()) })
	f.Catalog = f.with(t, nodes.Standard())
	return f
}

// with returns another catalog over the same store, of a program with these kinds.
func (f *fixture) with(t *testing.T, registry *kind.Registry) *Catalog {
	t.Helper()
	provider, err := secrets.New(secrets.Options{Dir: f.secrets, Rules: f.rules})
	require.NoError(t, err)
	c := New(Options{
		Store: f.store, Versions: compile.NewVersions(registry), Secrets: provider,
		Logger: slog.New(slog.NewTextHandler(f.log, nil)),
		Env:    func() map[string]string { return f.env },
	})
	require.NoError(t, c.Refresh(t.Context()))
	return c
}

func parse(t *testing.T, text string) *everhook.Definition {
	t.Helper()
	flow, problems := flowfile.Load("flow.yaml", []byte(text), nodes.Standard())
	require.NoError(t, problems.Err())
	return flow.Definition
}

func (f *fixture) apply(t *testing.T, text string) everhook.Version {
	t.Helper()
	version, err := f.Apply(t.Context(), parse(t, text), "test")
	require.NoError(t, err)
	return version
}

// unread returns a flow that this program cannot read. It has no route, because its callers cannot be authenticated.
func unread(t *testing.T, c *Catalog, key string) Flow {
	t.Helper()
	for _, flow := range c.Flows() {
		if flow.Key == key {
			_, ok := c.Route(flow.Token)
			require.False(t, ok)
			require.False(t, flow.Served)
			return flow
		}
	}
	t.Fatalf("no flow %s", key)
	return Flow{}
}

// flow returns a flow with its route.
func flow(t *testing.T, c *Catalog, key string) (Flow, *receiver.Route) {
	t.Helper()
	for _, flow := range c.Flows() {
		if flow.Key == key {
			route, ok := c.Route(flow.Token)
			require.True(t, ok)
			require.Equal(t, key, route.Flow)
			require.Equal(t, flow.Served, route.Enabled)
			return flow, route
		}
	}
	require.Fail(t, "no such flow", key)
	return Flow{}, nil
}

const orders = `
key: orders
title: Orders
mode: async
trigger:
  type: webhook
  maxBody: 2KiB
  auth: { basic: [ { username: shop, password: { secret: SHOP } }, { username: test, password: written-out } ] }
  request: { headers: [X-Id], query: [page], body: [] }
  response: { status: 201, body: { run: '{{ system.runId }}', id: '{{ trigger.headers["x-id"] }}', region: '{{ env.REGION }}', other: '{{ env.OTHER }}' } }
`

const plain = "key: plain\nmode: sync\ntrigger: { type: webhook }\n"

func (f *fixture) writeSecret(t *testing.T, name, value string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(f.secrets, name), []byte(value), 0o600))
}

func TestAnAppliedFlowIsServedAtOnce(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.writeSecret(t, "SHOP", "hunter2")
	version := f.apply(t, orders)
	shown, route := flow(t, f.Catalog, "orders")
	require.Equal(t, Flow{Key: "orders", Title: "Orders", Token: shown.Token, Trigger: "webhook", Mode: everhook.Async,
		Version: 1, Served: true, Unset: []string{"OTHER", "REGION"}, Source: "test"}, shown)
	require.Equal(t, version.Hash, route.Version.Hash)
	require.Equal(t, everhook.Async, route.Mode)
	require.EqualValues(t, 2048, route.MaxBody)
	require.Equal(t, []string{"X-Id"}, route.Headers)
	require.Len(t, route.Query, 1)
	require.NotNil(t, route.Body)
	require.Empty(t, route.Body)
	require.Equal(t, 30*time.Second, route.Wait)
	require.Len(t, route.Basic, 2)
	for i, want := range []string{"hunter2", "written-out"} {
		password, err := route.Basic[i].Password()
		require.NoError(t, err)
		require.Equal(t, want, password)
	}
	f.writeSecret(t, "SHOP", "changed")
	password, err := route.Basic[0].Password()
	require.NoError(t, err)
	require.Equal(t, "changed", password, "a secret is looked up for each call")
}

func TestARouteHasDefaults(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.apply(t, plain)
	shown, route := flow(t, f.Catalog, "plain")
	require.Equal(t, "plain", shown.Title)
	require.EqualValues(t, trigger.DefaultMaxBody, route.MaxBody)
	require.Nil(t, route.Query)
	require.Nil(t, route.Body)
	require.Nil(t, route.AsyncAnswer)
	require.Equal(t, everhook.Sync, f.Mode("plain"))
	require.Equal(t, everhook.Sync, f.Mode("unknown"))
	f.apply(t, plain+"options: { wait: 5s }\n")
	_, route = flow(t, f.Catalog, "plain")
	require.Equal(t, 5*time.Second, route.Wait)
}

func TestAnUnknownTokenHasNoRoute(t *testing.T) {
	t.Parallel()
	_, ok := fresh(t).Route("nobody")
	require.False(t, ok)
}

func TestAsyncAnswersSeeTheSettingsOfTheMoment(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.writeSecret(t, "SHOP", "hunter2")
	f.apply(t, orders)
	_, route := flow(t, f.Catalog, "orders")
	trigger := everhook.Mapping{"headers": map[string]any{"x-id": "7"}}
	for _, region := range []string{"eu", "us"} {
		f.env = map[string]string{"REGION": region, "UNRELATED": "x"}
		answer, err := route.AsyncAnswer(trigger, "r1")
		require.NoError(t, err)
		require.Equal(t, 201, answer.Status)
		require.Equal(t, map[string]any{"run": "r1", "id": "7", "region": region, "other": nil}, answer.Body.V)
	}
}

func TestADisabledFlowHasARouteThatAcceptsNothing(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.apply(t, plain)
	require.NoError(t, f.Disable(t.Context(), "plain"))
	shown, route := flow(t, f.Catalog, "plain")
	require.Equal(t, "disabled", shown.Note)
	require.Zero(t, shown.Version)
	require.False(t, route.Enabled)
	require.NotNil(t, route.Version, "answers of its runs are still given")
	require.NoError(t, f.Disable(t.Context(), "unknown"))
	sources, err := f.Sources(t.Context())
	require.NoError(t, err)
	require.Empty(t, sources)
	f.apply(t, plain)
	sources, err = f.Sources(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]string{"plain": "test"}, sources)
}

func TestAFlowIsServedWithinASecondOfItsSecretsComing(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.apply(t, orders)
	shown, _ := flow(t, f.Catalog, "orders")
	require.Equal(t, "the secret SHOP is not set or empty; set the variable EVERHOOK_SECRET_SHOP or write the file "+
		"SHOP in the directory of secrets", shown.Note)
	require.Contains(t, f.log.String(), "flow is not served")
	require.Contains(t, f.log.String(), "EVERHOOK_SECRET_SHOP")
	follow(t, f.Catalog)
	f.writeSecret(t, "SHOP", "hunter2")
	require.Eventually(t, func() bool { return f.Flows()[0].Served }, time.Minute, 10*time.Millisecond)
}

func TestASettingThatIsNotSetIsToldOnce(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.env["REGION"] = "eu"
	f.apply(t, plain+"nodes: [ { key: a, type: output, config: { value: '{{ env.REGOIN }} {{ env.REGION }}' } } ]")
	require.NoError(t, f.Refresh(t.Context()))
	shown, _ := flow(t, f.Catalog, "plain")
	require.True(t, shown.Served, "nil may be what is meant")
	require.Equal(t, []string{"REGOIN"}, shown.Unset)
	require.Equal(t, 1, strings.Count(f.log.String(), "is not set, and nil"))
	require.Contains(t, f.log.String(), "level=WARN")
	require.Contains(t, f.log.String(), "flow=plain version=1 setting=env.REGOIN variable=EVERHOOK_ENV_REGOIN")
}

func TestAFlowThatNeedsASecretInANodeIsNotServedWithoutIt(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.apply(t, plain+`nodes: [ { key: call, type: http-request, config: { url: 'https://a.example/', headers: { `+
		`Authorization: 'Bearer {{ secret.API }}' } } } ]`)
	shown, _ := flow(t, f.Catalog, "plain")
	require.False(t, shown.Served)
	require.Contains(t, shown.Note, "the secret API is not set")
}

// follow runs Follow until the test ends.
func follow(t *testing.T, c *Catalog) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() { c.Follow(ctx) })
	t.Cleanup(func() {
		cancel()
		following.Wait()
	})
}

func TestWhatOthersWriteIntoTheStoreIsFollowed(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	follow(t, f.Catalog)
	_, err := f.with(t, nodes.Standard()).Apply(t.Context(), parse(t, plain), "another program")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(f.Flows()) == 1 }, time.Minute, 10*time.Millisecond)
}

func TestEnablingAnOlderVersionServesIt(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	first := f.apply(t, plain)
	second := f.apply(t, plain+"title: Second\n")
	require.NoError(t, f.store.Enable(t.Context(), "plain", first.Number))
	require.NoError(t, f.refreshIfChanged(t.Context()))
	shown, route := flow(t, f.Catalog, "plain")
	require.Equal(t, 1, shown.Version)
	require.Equal(t, "plain", shown.Title)
	require.Equal(t, first.Hash, route.Version.Hash)
	require.NotEqual(t, first.Hash, second.Hash)
	require.Len(t, f.snapshot.Load().compiled, 1, "only versions that are served are kept")
}

func TestOnlyWhatChangedIsReadAgain(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.apply(t, plain)
	_, before := flow(t, f.Catalog, "plain")
	f.apply(t, "key: other\nmode: sync\ntrigger: { type: webhook }\n")
	_, after := flow(t, f.Catalog, "plain")
	require.Same(t, before.Version, after.Version)
	snapshot := f.snapshot.Load()
	require.NoError(t, f.refreshIfChanged(t.Context()))
	require.Same(t, snapshot, f.snapshot.Load(), "nothing changed")
}

func TestAFlowThatIsDeletedAndMadeAgainIsAnother(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.apply(t, plain)
	before, _ := flow(t, f.Catalog, "plain")
	require.NoError(t, f.store.Delete(t.Context(), "plain"))
	require.NoError(t, f.Refresh(t.Context()))
	require.Empty(t, f.Flows())
	require.Empty(t, f.snapshot.Load().compiled)
	f.apply(t, plain+"title: Again\n")
	after, route := flow(t, f.Catalog, "plain")
	require.Equal(t, "Again", route.Version.Definition.Title)
	require.NotEqual(t, before.Token, after.Token)
	_, ok := f.Route(before.Token)
	require.False(t, ok)
}

// tick is a trigger without a webhook and a source.
type tick struct{}

func (*tick) Validate(*kind.Validation)                      {}
func (*tick) Shape() *expression.Shape                       { return &expression.Shape{} }
func (*tick) FieldRoots(string) map[string]*expression.Shape { return nil }

func (*tick) Spec() kind.TriggerSpec {
	return kind.TriggerSpec{Kind: "webhook", Summary: "Starts a run now and then.", Example: "type: webhook\n"}
}

func TestAFlowThatThisProgramCannotRunSaysSo(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.apply(t, plain+"nodes: [ { key: wait, type: delay, config: { duration: 1s } } ]")
	few := kind.NewRegistry()
	kind.AddTrigger[trigger.Webhook](few)
	shown := unread(t, f.with(t, few), "plain")
	require.Contains(t, shown.Note, "this program cannot run it: ")
	require.Contains(t, shown.Note, `"delay"`)

	other := kind.NewRegistry()
	kind.Add[nodes.Delay](other)
	kind.AddTrigger[tick](other)
	require.Equal(t, "nothing starts its runs: its trigger webhook is no webhook, no call and no source",
		unread(t, f.with(t, other), "plain").Note)
}

func TestAVersionThatCannotBeReadStopsItsFlowAlone(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.apply(t, plain)
	f.apply(t, "key: other\nmode: sync\ntrigger: { type: webhook }\n")
	db, err := sql.Open("sqlite", f.path)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(),
		`DROP TRIGGER versions_never_change; UPDATE versions SET definition = '{' WHERE flow = 'plain'`)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	c := f.with(t, nodes.Standard())
	require.NotEmpty(t, unread(t, c, "plain").Note)
	shown, _ := flow(t, c, "other")
	require.True(t, shown.Served)
}

func TestAStoreThatFailsLeavesWhatIsServed(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.apply(t, plain)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, f.Refresh(ended), context.Canceled)
	require.ErrorIs(t, f.refreshIfChanged(ended), context.Canceled)
	_, err := f.Apply(ended, parse(t, plain), "test")
	require.Error(t, err)
	require.Error(t, f.Disable(ended, "plain"))
	_, err = f.Sources(ended)
	require.Error(t, err)
	shown, _ := flow(t, f.Catalog, "plain")
	require.True(t, shown.Served)
}

func TestRoutesAreReadWhileFlowsAreApplied(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.apply(t, plain)
	token := f.Flows()[0].Token
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				route, ok := f.Route(token)
				if !ok || !route.Enabled || route.Version == nil || len(f.Flows()) == 0 {
					t.Error("a flow was not served for a moment")
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := range 5 {
				if _, err := f.Apply(t.Context(), parse(t, fmt.Sprintf("%stitle: T%d\n", plain, 10*w+i)),
					"test"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(done)
	readers.Wait()
}

func TestAFlowThatOthersCallIsServedWithoutARoute(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.apply(t, "key: called\nmode: sync\ntrigger: { type: call, input: { type: object } }\nnodes: [ { key: a, type: "+
		"http-request, config: { url: 'https://a.example', headers: { X: '{{ secret.TOKEN }}' } } } ]\n")
	lacking := unread(t, f.Catalog, "called")
	require.Contains(t, lacking.Note, "TOKEN")
	f.writeSecret(t, "TOKEN", "hunter2")
	require.NoError(t, f.Refresh(t.Context()))
	shown := f.Flows()[0]
	require.Equal(t, Flow{Key: "called", Title: "called", Token: shown.Token, Mode: everhook.Sync, Trigger: "call",
		Callable: true, Version: 1, Served: true, Source: "test"}, shown)
	_, ok := f.Route(shown.Token)
	require.False(t, ok, "nobody calls it over HTTP")
}

func TestAMissingSecretDoesNotReadTheStoreAgain(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	var refreshes int
	f.options.Changed = func() { refreshes++ }
	f.apply(t, "key: waits\nmode: async\ntrigger: { type: webhook, auth: { bearer: { tokens: { secret: LATE } } } }\n")
	require.NoError(t, f.refreshIfChanged(t.Context()))
	before := refreshes
	for range 3 {
		require.NoError(t, f.refreshIfChanged(t.Context()))
	}
	require.Equal(t, before, refreshes)
}

func TestAFlowIsServedWithSecretsThatItMayUseOnly(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.writeSecret(t, "API", "hunter22")
	f.writeSecret(t, "SHOP", "hunter23")
	inNode := plain + `nodes: [ { key: call, type: http-request, config: { url: 'https://a.example/', headers: { ` +
		`Authorization: 'Bearer {{ secret.API }}' } } } ]`
	f.apply(t, inNode)
	f.apply(t, orders)
	shown, _ := flow(t, f.Catalog, "plain")
	require.True(t, shown.Served)

	f.rules = secrets.Rules{"API": {Flows: []string{"orders"}}, "SHOP": {Flows: []string{"plain"}}}
	other := f.with(t, nodes.Standard())
	for key, note := range map[string]string{"plain": "the flow plain may not use the secret API",
		"orders": "the flow orders may not use the secret SHOP"} {
		shown, _ := flow(t, other, key)
		require.False(t, shown.Served)
		require.Contains(t, shown.Note, note)
	}
	_, err := other.Apply(t.Context(), parse(t, strings.Replace(inNode, "key: plain", "key: copy", 1)), "test")
	require.ErrorContains(t, err, "the flow copy may not use the secret API")
	_, err = f.store.Flow(t.Context(), "copy")
	require.ErrorIs(t, err, store.ErrNotFound, "nothing was applied")
}
