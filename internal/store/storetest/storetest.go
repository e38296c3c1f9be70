// Package storetest runs tests of the store on both engines.
package storetest

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/store"
)

// Place is where the database of one test is: a file or a URL.
type Place string

// Each runs a test on SQLite and on PostgreSQL, with an empty place for each.
func Each(t *testing.T, test func(t *testing.T, at Place)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, Place(filepath.Join(t.TempDir(), "everhook.db")))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, Place(Postgres(t)))
	})
}

// Open opens the place. Several stores of one place stand for several processes.
func (p Place) Open(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), string(p))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}
