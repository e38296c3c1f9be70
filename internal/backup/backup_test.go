package backup_test

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/backup"
)

// counting makes two databases of one data directory, whose counters a writer increments one after the other. So their
// difference is at most one at every moment, and the first is never the smaller one.
func counting(t *testing.T) (data string, count func(ctx context.Context)) {
	t.Helper()
	data = t.TempDir()
	var databases []*sql.DB
	for _, name := range []string{"everhook.db", "temporal.db"} {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(data, name)+
			"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate")
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		db.SetMaxOpenConns(1)
		_,
			err = db.Exec(`CREATE TABLE counter (n INTEGER); INSERT INTO counter VALUES (0);
			CREATE TABLE filler (x BLOB)`)
		require.NoError(t, err)
		databases = append(databases, db)
	}
	return data, func(ctx context.Context) {
		for ctx.Err() == nil {
			for _, db := range databases {
				if _,
					err := db.Exec(`UPDATE counter SET n = n + 1;
					INSERT INTO filler VALUES (randomblob(2000))`); err != nil {
					t.Error(err)
					return
				}
			}
		}
	}
}

func countOf(t *testing.T, path string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer db.Close()
	var check string
	require.NoError(t, db.QueryRow("PRAGMA integrity_check").Scan(&check))
	require.Equal(t, "ok", check)
	require.NoError(t, db.QueryRow("SELECT n FROM counter").Scan(&n))
	return n
}

func TestAllDatabasesAreOfOneMoment(t *testing.T) {
	t.Parallel()
	data, count := counting(t)
	ctx, cancel := context.WithCancel(t.Context())
	var writing sync.WaitGroup
	writing.Go(func() { count(ctx) })
	last := -1
	for i := range 10 {
		destination := filepath.Join(t.TempDir(), "backup")
		result, err := backup.Make(t.Context(), data, filepath.Join(data, "payloads"), destination)
		require.NoError(t, err)
		require.Equal(t, []string{"everhook.db", "temporal.db"}, result.Databases)
		first, second := countOf(t, filepath.Join(destination, "everhook.db")),
			countOf(t, filepath.Join(destination, "temporal.db"))
		require.GreaterOrEqual(t, first, second, "backup %d", i)
		require.LessOrEqual(t, first-second, 1, "backup %d", i)
		require.GreaterOrEqual(t, first, last)
		last = first
	}
	cancel()
	writing.Wait()
	require.Positive(t, last, "the writer wrote meanwhile")
}

func TestLargeValuesAreCopied(t *testing.T) {
	t.Parallel()
	data, _ := counting(t)
	payloads := t.TempDir()
	for _, name := range []string{"ns/ab/abcd/value", "ns/tmp/unfinished"} {
		path := filepath.Join(payloads, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte("large"), 0o600))
	}
	destination := filepath.Join(t.TempDir(), "backup")
	result, err := backup.Make(t.Context(), data, payloads, destination)
	require.NoError(t, err)
	require.Equal(t, 1, result.Payloads)
	read, err := os.ReadFile(filepath.Join(destination, "payloads", "ns", "ab", "abcd", "value"))
	require.NoError(t, err)
	require.Equal(t, "large", string(read))
	require.NoDirExists(t, filepath.Join(destination, "payloads", "ns", "tmp"))
	for _, name := range []string{destination, filepath.Join(destination, "everhook.db")} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, "only its owner may read %s", name)
	}
}

func TestABackupIsRefused(t *testing.T) {
	t.Parallel()
	data, _ := counting(t)
	folder := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(folder, "there"), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "cut.part"), 0o700))
	for want, args := range map[string][2]string{
		"exists; name a new folder":                     {data, "there"},
		"is being made, or was cut off; delete it":      {data, "cut"},
		"has no data of Everhook; name the data direct": {t.TempDir(), "empty"},
		"no such file or directory":                     {data, "not/there"},
	} {
		_, err := backup.Make(t.Context(), args[0], "", filepath.Join(folder, args[1]))
		require.ErrorContains(t, err, want)
		require.NoDirExists(t, filepath.Join(folder, "empty.part"))
	}
}
