//go:build !noembedded

package embedded

import (
	"database/sql"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	persistencesql "go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/schema/sqlite"
)

func TestADirectoryThatCannotBeUsedIsExplained(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, test := range map[string]struct{ path, want string }{
		"it is a file":       {file, "is a file or lies below one: choose another path"},
		"it is below a file": {filepath.Join(file, "data"), "is a file or lies below one: choose another path"},
		"it can't be made":   {unwritableDirectory(), "is not writable for user"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Start(t.Context(), Options{Directory: test.path})
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, test.path)
		})
	}
}

// unwritableDirectory is a directory in which no user can create files, not even root.
func unwritableDirectory() string {
	if runtime.GOOS == "linux" {
		return "/sys/everhook"
	}
	return "/everhook"
}

func TestErrorsOfTheFileSystemSayWhatToDo(t *testing.T) {
	t.Parallel()
	for err, want := range map[syscall.Errno]string{
		syscall.EACCES: "change its owner or permissions",
		syscall.EROFS:  "change its owner or permissions",
		syscall.ENOSPC: "free some space",
		syscall.EIO:    "can't be used",
	} {
		require.ErrorContains(t, unusable("/data", err), want)
		require.ErrorIs(t, unusable("/data", err), err)
	}
}

func TestTheHolderOfADirectoryIsNamedWhereItIsKnown(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), lockFile)
	require.Equal(t, "another process", holder(file))
	require.NoError(t, os.WriteFile(file, []byte("12345\n"), 0o600))
	require.Equal(t, "process 12345", holder(file))
}

func TestOnlyThisUserCanReadANewDirectory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a", "b")
	d, err := openDirectory(path, quiet())
	require.NoError(t, err)
	defer d.close()
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

func TestANewDatabaseIsStampedWithTheVersionOfItsSchema(t *testing.T) {
	t.Parallel()
	history, visibility := newStores(t)
	for _, s := range []store{history, visibility} {
		require.NoError(t, s.prepare(t.Context()))
		require.NoError(t, s.prepare(t.Context()), "what is up to date stays")
		require.Equal(t, s.version, query(t, s, "SELECT curr_version FROM schema_version"))
	}
	require.Equal(t, "0", query(t, history, "SELECT count(*) FROM sqlite_master WHERE name = 'executions_visibility'"))
}

func TestADatabaseOfAnOlderServerIsMigrated(t *testing.T) {
	t.Parallel()
	s, _ := newStores(t)
	require.NoError(t, s.prepare(t.Context()))
	execute(t, s, "DROP TABLE current_chasm_executions", "UPDATE schema_version SET curr_version = '0.10'")
	require.NoError(t, s.prepare(t.Context()))
	require.Equal(t, sqlite.Version, query(t, s, "SELECT curr_version FROM schema_version"))
	require.Equal(t, "0", query(t, s, "SELECT count(*) FROM current_chasm_executions"))
	require.Equal(t, "1", query(t, s, "SELECT count(*) FROM schema_update_history WHERE old_version = '0.10' AND "+
		"new_version = '0.11'"))
}

func TestAMigrationThatFailsChangesNothing(t *testing.T) {
	t.Parallel()
	s, _ := newStores(t)
	require.NoError(t, s.prepare(t.Context()))
	execute(t, s, "UPDATE schema_version SET curr_version = '0.3'", "DROP TABLE nexus_endpoints")
	require.ErrorContains(t, s.prepare(t.Context()), "duplicate column name", "0.6 adds a column that is there")
	require.Equal(t, "0.3", query(t, s, "SELECT curr_version FROM schema_version"))
	require.Equal(t, "0", query(t, s, "SELECT count(*) FROM sqlite_master WHERE name = 'nexus_endpoints'"),
		"what 0.5 adds is gone")
}

func TestADatabaseThatCannotBeUsedIsExplained(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(*testing.T, store)
		want  string
	}{
		"a newer program wrote it": {func(t *testing.T, s store) {
			require.NoError(t, s.prepare(t.Context()))
			execute(t, s, "UPDATE schema_version SET curr_version = '9.1'")
		}, "its schema version 9.1 is newer than " + sqlite.Version},
		"its version is nonsense": {func(t *testing.T, s store) {
			require.NoError(t, s.prepare(t.Context()))
			execute(t, s, "UPDATE schema_version SET curr_version = 'new'")
		}, `its schema version "new" can't be read`},
		"another program wrote it": {func(t *testing.T, s store) {
			execute(t, s, "CREATE TABLE songs (title TEXT)")
		}, "not a database of this program"},
		"it is no database": {func(t *testing.T, s store) {
			require.NoError(t, os.WriteFile(s.path, []byte(strings.Repeat("no database ", 100)), 0o600))
		}, "is damaged or no database: restore it from a backup"},
		"it is damaged": {func(t *testing.T, s store) {
			require.NoError(t, s.prepare(t.Context()))
			content, err := os.ReadFile(s.path)
			require.NoError(t, err)
			for i := 100; i < 4096; i++ {
				content[i] = 0xff
			}
			require.NoError(t, os.WriteFile(s.path, content, 0o600))
		}, "is damaged or no database: restore it from a backup"},
		"it is a directory": {func(t *testing.T, s store) {
			require.NoError(t, os.Mkdir(s.path, 0o700))
		}, "can't be opened for writing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			s := store{filepath.Join(dir, historyFile), "sqlite/v3/temporal", sqlite.Version}
			test.spoil(t, s)
			_, err := Start(t.Context(), Options{Directory: dir})
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, s.path)
		})
	}
}

func TestThePragmasAreInForceOnTheServersConnection(t *testing.T) {
	t.Parallel()
	s, _ := newStores(t)
	require.NoError(t, s.prepare(t.Context()))
	db, err := persistencesql.NewSQLAdminDB(sqlplugin.DbKindMain, sqlConfig(s.path), resolver.NewNoopResolver(),
		log.NewNoopLogger(), metrics.NoopMetricsHandler)
	require.NoError(t, err)
	require.NoError(t, db.Exec(`CREATE TABLE in_force AS
		SELECT journal_mode, synchronous, timeout, cache_size
		FROM pragma_journal_mode, pragma_synchronous, pragma_busy_timeout, pragma_cache_size`))
	require.Equal(t, "wal 1 10000 -16000",
		query(t, s, "SELECT concat_ws(' ', journal_mode, synchronous, timeout, cache_size) FROM in_force"))
}

func newStores(t *testing.T) (history, visibility store) {
	t.Helper()
	return stores(&directory{path: t.TempDir()})
}

func query(t *testing.T, s store, statement string) (value string) {
	t.Helper()
	with(t, s, func(db *sql.DB) { require.NoError(t, db.QueryRow(statement).Scan(&value)) })
	return value
}

func execute(t *testing.T, s store, statements ...string) {
	t.Helper()
	with(t, s, func(db *sql.DB) {
		for _, statement := range statements {
			_, err := db.Exec(statement)
			require.NoError(t, err)
		}
	})
}

func with(t *testing.T, s store, do func(*sql.DB)) {
	t.Helper()
	db, err := s.open()
	require.NoError(t, err)
	do(db)
	require.NoError(t, db.Close())
}

func TestADirectoryThatWasOpenIsClosed(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	files := []string{historyFile, visibilityFile, historyFile + "-wal"}
	for _, name := range files {
		require.NoError(t, os.WriteFile(filepath.Join(path, name), nil, 0o644))
	}
	require.NoError(t, os.Chmod(path, 0o755))
	var logged strings.Builder
	d, err := openDirectory(path, slog.New(slog.NewTextHandler(&logged, nil)))
	require.NoError(t, err)
	defer d.close()
	require.Contains(t, logged.String(), "open to other users and is now closed")
	for _, name := range append(files, ".") {
		info, err := os.Stat(filepath.Join(path, name))
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&othersMask, name)
	}
}

func TestADirectoryThatUsersShareStaysOpen(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	require.NoError(t, os.Chmod(path, os.ModeSticky|0o777))
	var logged strings.Builder
	d, err := openDirectory(path, slog.New(slog.NewTextHandler(&logged, nil)))
	require.NoError(t, err)
	defer d.close()
	require.Contains(t, logged.String(), "give it to this user")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o777), info.Mode().Perm())
	database, err := os.Stat(filepath.Join(path, historyFile))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), database.Mode().Perm())
}
