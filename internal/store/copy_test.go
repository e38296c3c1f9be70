package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/internal/store/storetest"
)

// filled is a SQLite store with rows in its tables.
func filled(t *testing.T) *store.Store {
	t.Helper()
	s := open(t, filepath.Join(t.TempDir(), "everhook.db"))
	for i := range 700 {
		apply(t, s, define(fmt.Sprintf("flow-%d", i%50), fmt.Sprint(i), ""), true)
	}
	require.NoError(t, s.SetLabels(ann(t), "flow-1", []string{"shop"}))
	_, err := s.PutDraft(ann(t), store.DraftPut{Flow: "flow-1", Text: "key: flow-1", Base: 1})
	require.NoError(t, err)
	require.NoError(t, s.CountRuns(t.Context(), []store.ClosedRun{{Execution: "e", Flow: "flow-1", Version: 1,
		Status: everhook.Resolved, ClosedAt: time.Now()}}, time.Now()))
	require.NoError(t, s.Payloads("ns").Put(t.Context(), "owner", "workflow", "name", []byte("large\x00\xff")))
	return s
}

func TestACopiedStoreGoesOn(t *testing.T) {
	t.Parallel()
	from, to := filled(t), storetest.Place(storetest.Postgres(t)).Open(t)
	rows, err := store.Copy(t.Context(), from, to)
	require.NoError(t, err)
	require.Equal(t, int64(50), rows["flows"])
	require.Equal(t, int64(700), rows["versions"])

	ctx := t.Context()
	same(t, from, to, func(s *store.Store) (any, error) { return s.EnabledVersions(ctx) })
	same(t, from, to, func(s *store.Store) (any, error) { return s.Versions(ctx, "flow-1") })
	same(t, from, to, func(s *store.Store) (any, error) { return s.Draft(ctx, "flow-1") })
	same(t, from, to, func(s *store.Store) (any, error) { return s.AllCounters(ctx) })
	same(t, from, to, func(s *store.Store) (any, error) { return s.Revision(ctx) })
	same(t, from, to, func(s *store.Store) (any, error) { return s.Audit(ctx, store.AuditFilter{Limit: 1000}) })
	same(t, from, to, func(s *store.Store) (any, error) { return s.Payloads("ns").Get(ctx, "owner", "name") })

	// It is worked with: a new version, a roll back, a new entry of the audit trail.
	require.Equal(t, 15, apply(t, to, define("flow-1", "new", ""), true).Version.Number)
	require.NoError(t, to.Enable(ctx, "flow-1", 1))
	entries, err := to.Audit(ctx, store.AuditFilter{Limit: 1})
	require.NoError(t, err)
	require.Equal(t, "enable", entries[0].Action)
	require.NoError(t, to.Delete(ctx, "flow-2"))

	_, err = store.Copy(ctx, from, to)
	require.ErrorIs(t, err, store.ErrNotEmpty)
}

// same compares what two stores return.
func same(t *testing.T, a, b *store.Store, read func(*store.Store) (any, error)) {
	t.Helper()
	want, err := read(a)
	require.NoError(t, err)
	got, err := read(b)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.NotEmpty(t, got)
}

func TestACopyThatIsCutOffLeavesTheTargetEmpty(t *testing.T) {
	t.Parallel()
	from, to := filled(t), storetest.Place(storetest.Postgres(t)).Open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	_, err := store.Copy(ctx, from, to)
	require.Error(t, err)
	flows, err := to.Flows(t.Context())
	require.NoError(t, err)
	require.Empty(t, flows)
	_, err = store.Copy(t.Context(), from, to)
	require.NoError(t, err)
	_, err = store.Copy(t.Context(), to, from)
	require.EqualError(t, err, "a store is copied from SQLite to PostgreSQL")
}
