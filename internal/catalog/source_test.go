package catalog

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/trigger"
)

// watcher is a kind.Source with a secret.
type watcher struct {
	Password *trigger.Credential `json:"password,omitempty"`
}

func (*watcher) Spec() kind.TriggerSpec {
	return kind.TriggerSpec{Kind: "watcher", Summary: "Watches.", Example: "type: watcher\n"}
}
func (*watcher) Validate(*kind.Validation)                      {}
func (*watcher) Shape() *expression.Shape                       { return &expression.Shape{} }
func (*watcher) FieldRoots(string) map[string]*expression.Shape { return nil }
func (*watcher) Serve(context.Context, kind.SourceFlow) error   { return nil }
func (w *watcher) Secrets() []string {
	if w.Password == nil {
		return nil
	}
	return []string{w.Password.Secret}
}

// watched is a flow with a watcher.
func watched(config everhook.Mapping) *everhook.Definition {
	return &everhook.Definition{Key: "w", Mode: everhook.Async, Trigger: everhook.Trigger{Type: "watcher",
		Config: config}}
}

func TestAFlowWithASourceIsServedWithoutAURL(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	registry := nodes.Standard()
	kind.AddTrigger[watcher](registry)
	changes := 0
	c := New(Options{Store: f.store, Versions: compile.NewVersions(registry), Secrets: f.options.Secrets,
		Env:    f.options.Env,
		Logger: f.options.Logger, Changed: func() { changes++ }})
	for _, definition := range []*everhook.Definition{watched(nil), parse(t, plain)} {
		_, err := c.Apply(t.Context(), definition, "test")
		require.NoError(t, err)
	}
	require.Positive(t, changes)
	require.Equal(t, Flow{Key: "w", Title: "w", Trigger: "watcher", Mode: "async", Version: 1, Served: true,
		Source: "test"}, c.Flows()[1])
	_, ok := c.Route("")
	require.False(t, ok)
	sourced := c.Sourced()
	require.Len(t, sourced, 1)
	require.Equal(t, "w", sourced[0].Version.Definition.Key)
	require.Len(t, sourced[0].Secret, 32)

	require.NoError(t, c.Refresh(t.Context()))
	require.Same(t, sourced[0].Version, c.Sourced()[0].Version)
	require.NoError(t, c.Disable(t.Context(), "w"))
	require.Empty(t, c.Sourced())
}

func TestASourceIsServedWhenItsSecretsAreThere(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	registry := nodes.Standard()
	kind.AddTrigger[watcher](registry)
	c := f.with(t, registry)
	_, err := c.Apply(t.Context(), watched(everhook.Mapping{"password": map[string]any{"secret": "MAILBOX"}}), "test")
	require.NoError(t, err)
	require.Empty(t, c.Sourced())
	require.Contains(t, unread(t, c, "w").Note, "the secret MAILBOX is not set")
	require.NoError(t, os.WriteFile(filepath.Join(f.secrets, "MAILBOX"), []byte("x"), 0o600))
	require.NoError(t, c.refreshIfChanged(t.Context()))
	require.Len(t, c.Sourced(), 1)
}
