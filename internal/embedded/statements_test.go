//go:build !noembedded

package embedded

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"modernc.org/sqlite"
)

func TestDatabasesOfThePluginKeepStatements(t *testing.T) {
	t.Parallel()
	s, _ := newStores(t)
	require.NoError(t, s.prepare(t.Context()))
	_, ours := both(t, s)
	connection := connectionOf(ours.(*boundedDB).DB)
	require.NotNil(t, connection, "the server's plugin has another layout: see keepStatements")
	require.IsType(t, keepingDriver{}, connection.Driver())
}

// openKeeping opens a new file by one connection that keeps statements.
func openKeeping(t *testing.T) *sql.DB {
	t.Helper()
	db := sql.OpenDB(keepingConnector{driver: keepingDriver{&sqlite.Driver{}},
		source: dataSource(filepath.Join(t.TempDir(), "kept.db"))})
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	_, err := db.ExecContext(t.Context(), "CREATE TABLE numbers (n INTEGER); CREATE INDEX by_n ON numbers (n)")
	require.NoError(t, err)
	for n := range 5 {
		_, err := db.ExecContext(t.Context(), "INSERT INTO numbers VALUES (?)", n)
		require.NoError(t, err)
	}
	return db
}

// kept returns how many statements the connection of a database keeps.
func kept(t *testing.T, db *sql.DB) (count int) {
	t.Helper()
	c, err := db.Conn(t.Context())
	require.NoError(t, err)
	require.NoError(t, c.Raw(func(inner any) error {
		count = len(inner.(*keepingConnection).kept)
		return nil
	}))
	require.NoError(t, c.Close())
	return count
}

func TestAStatementIsPreparedOnce(t *testing.T) {
	t.Parallel()
	db := openKeeping(t)
	before := kept(t, db)
	for n := range 5 {
		var found int
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT n FROM numbers WHERE n = ?", n).Scan(&found))
		require.Equal(t, n, found)
	}
	require.Equal(t, before+1, kept(t, db))
}

// The statement whose rows are read must not be used again before they are closed.
func TestAStatementIsUsedWhileItsRowsAreRead(t *testing.T) {
	t.Parallel()
	db := openKeeping(t)
	tx, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	const query = "SELECT n FROM numbers ORDER BY n"
	outer, err := tx.QueryContext(t.Context(), query)
	require.NoError(t, err)
	defer func() { require.NoError(t, outer.Close()) }()
	var seen []int
	for outer.Next() {
		var n, first int
		require.NoError(t, outer.Scan(&n))
		require.NoError(t, tx.QueryRowContext(t.Context(), query).Scan(&first))
		require.Zero(t, first)
		seen = append(seen, n)
	}
	require.NoError(t, outer.Err())
	require.Equal(t, []int{0, 1, 2, 3, 4}, seen)
}

func TestKeptStatementsAreBounded(t *testing.T) {
	t.Parallel()
	db := openKeeping(t)
	for n := range 2*keptStatements + 10 {
		var found int
		require.NoError(t, db.QueryRowContext(t.Context(), fmt.Sprintf("SELECT %d", n)).Scan(&found))
		require.Equal(t, n, found)
	}
	require.LessOrEqual(t, kept(t, db), keptStatements)
}

func TestAKeptStatementSeesAChangedSchema(t *testing.T) {
	t.Parallel()
	db := openKeeping(t)
	count := func() (n int) {
		require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM numbers WHERE n > 1").Scan(&n))
		return n
	}
	require.Equal(t, 3, count())
	_, err := db.ExecContext(t.Context(), "DROP INDEX by_n; ALTER TABLE numbers ADD COLUMN word TEXT")
	require.NoError(t, err)
	require.Equal(t, 3, count())
}

func TestAKeptStatementSurvivesErrors(t *testing.T) {
	t.Parallel()
	db := openKeeping(t)
	_, err := db.ExecContext(t.Context(), "CREATE UNIQUE INDEX once ON numbers (n)")
	require.NoError(t, err)
	insert := func(ctx context.Context, n int) error {
		_, err := db.ExecContext(ctx, "INSERT INTO numbers VALUES (?)", n)
		return err
	}
	require.Error(t, insert(t.Context(), 1))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, insert(ended, 8), context.Canceled)
	require.NoError(t, insert(t.Context(), 9))
	_, err = db.ExecContext(t.Context(), "SELECT n FROM nowhere")
	require.ErrorContains(t, err, "nowhere")
}
