package store

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEveryConnectionIsDurableAndChecksReferences(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "everhook.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	for range maxConnections {
		connection, err := s.pool.Conn(t.Context())
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, connection.Close()) })
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1",
			"busy_timeout": "10000"} {
			var got string
			require.NoError(t, connection.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got))
			require.Equal(t, want, got, pragma)
		}
	}
}
