//go:build !noembedded

package embedded

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// journal is a database with a write-ahead log, and the connection that writes to it.
func journal(t *testing.T) (s store, writer *sql.DB) {
	s = store{path: filepath.Join(t.TempDir(), "journal.db")}
	writer, err := s.open()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, writer.Close()) })
	_, err = writer.ExecContext(t.Context(), "CREATE TABLE entries (text BLOB)")
	require.NoError(t, err)
	return s, writer
}

// grow commits so many transactions, of a page each or more.
func grow(t *testing.T, writer *sql.DB, commits int) {
	for range commits {
		_, err := writer.ExecContext(t.Context(), "INSERT INTO entries VALUES (randomblob(5000))")
		require.NoError(t, err)
	}
}

func size(t *testing.T, file string) int64 {
	info, err := os.Stat(file)
	require.NoError(t, err)
	return info.Size()
}

func TestALogIsMovedOutsideOfCommits(t *testing.T) {
	t.Parallel()
	s, writer := journal(t)
	grow(t, writer, 3000)
	require.Less(t, size(t, s.path), int64(1<<20), "no commit moves thousands of pages")

	other, err := s.open()
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	require.NoError(t, moveLog(t.Context(), other, longLog, longestLog))
	require.Greater(t, size(t, s.path), int64(3000*5000))
}

// A commit that goes on keeps a passive checkpoint from the end of the log, but not from the beginning, and does not
// wait for it.
func TestCommitsGoOnDuringACheckpoint(t *testing.T) {
	t.Parallel()
	s, writer := journal(t)
	grow(t, writer, 100)
	other, err := s.open()
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	tx, err := writer.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "INSERT INTO entries VALUES (randomblob(5000))")
	require.NoError(t, err)
	pages, moved, err := checkpoint(t.Context(), other, "PASSIVE")
	require.NoError(t, err)
	require.Positive(t, moved)
	require.LessOrEqual(t, moved, pages)
	require.NoError(t, tx.Commit())
}

func TestALongLogBeginsAnew(t *testing.T) {
	t.Parallel()
	s, writer := journal(t)
	other, err := s.open()
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	grow(t, writer, 200)
	before := size(t, s.path+"-wal")
	for range 10 {
		require.NoError(t, moveLog(t.Context(), other, 100, longestLog))
		grow(t, writer, 100)
	}
	require.LessOrEqual(t, size(t, s.path+"-wal"), before, "the same log is written again from its start")
	var entries int
	require.NoError(t, writer.QueryRowContext(t.Context(), "SELECT count(*) FROM entries").Scan(&entries))
	require.Equal(t, 1200, entries)
}
