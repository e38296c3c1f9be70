package store_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/store"
)

// raw opens the database file without the store.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func TestWhatWasAppliedOutlivesAProcessThatNeverClosed(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	s := open(t, filepath.Join(folder, "everhook.db"))
	applied := apply(t, s, define("a", "one", ""), true)

	// A killed process leaves the files as they are while it runs.
	copied := t.TempDir()
	require.NoError(t, os.CopyFS(copied, os.DirFS(folder)))
	after := open(t, filepath.Join(copied, "everhook.db"))
	version, err := after.Version(t.Context(), "a", 1)
	require.NoError(t, err)
	require.Equal(t, applied.Version, version)
	flow, err := after.Flow(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, applied.Token, flow.Token)
}

func TestAReopenedStoreHasWhatItHad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "odd name?#%41 é.db")
	s, err := store.Open(t.Context(), path)
	require.NoError(t, err)
	apply(t, s, define("a", "one", ""), true)
	before, err := s.Flows(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.FileExists(t, path)

	after, err := open(t, path).Flows(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestOnlyTheOwnerMayReadTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "everhook.db")
	s := open(t, path)
	apply(t, s, define("a", "", ""), true)
	for _, name := range []string{path, path + "-wal"} {
		info, err := os.Stat(name)
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), name)
	}
}

func TestAnEmptyFileBecomesADatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "everhook.db")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	apply(t, open(t, path), define("a", "", ""), true)
}

func TestAVersionCannotBeChangedWithoutTheStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "everhook.db")
	apply(t, open(t, path), define("a", "", ""), true)
	_, err := raw(t, path).Exec(`UPDATE versions SET definition = '{}'`)
	require.ErrorContains(t, err, "a version never changes")
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"a file that is no database": {func(t *testing.T, path string) {
			require.NoError(t, os.WriteFile(path,
				[]byte("This is a text that is long enough to have a header of a hundred bytes, which SQLite needs "+
					"to look at it."), 0o600))
		}, "is not a database; move it away, or use another data directory"},
		"a database of something else": {func(t *testing.T, path string) {
			_, err := raw(t, path).Exec(`CREATE TABLE other (x)`)
			require.NoError(t, err)
		}, "the database is not Everhook's; use another data directory"},
		"an empty database that something else has marked": {func(t *testing.T, path string) {
			_, err := raw(t, path).Exec(`PRAGMA application_id = 7`)
			require.NoError(t, err)
		}, "the database is not Everhook's; use another data directory"},
		"a database of a newer program": {func(t *testing.T, path string) {
			open(t, path)
			_, err := raw(t, path).Exec(`PRAGMA user_version = 1000`)
			require.NoError(t, err)
		}, "the database was written by a newer Everhook (schema 1000, this one knows "},
		"a damaged database": {func(t *testing.T, path string) {
			s, err := store.Open(t.Context(), path)
			require.NoError(t, err)
			require.NoError(t, s.Close())
			file, err := os.OpenFile(path, os.O_RDWR, 0)
			require.NoError(t, err)
			_, err = file.WriteAt(make([]byte, 200), 100)
			require.NoError(t, err)
			require.NoError(t, file.Close())
		}, "is damaged; restore it from a backup"},
		"a folder": {func(t *testing.T, path string) { require.NoError(t, os.Mkdir(path, 0o700)) },
			"is a directory"},
		"a folder that is missing": {func(t *testing.T,
			path string) {
			require.NoError(t, os.Remove(filepath.Dir(path)))
		}, "no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "below", "everhook.db")
			require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
			test.make(t, path)
			_, err := store.Open(t.Context(), path)
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, path)
		})
	}
}
