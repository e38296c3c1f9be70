//go:build !noembedded

package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/blang/semver/v4"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/tools/common/schema"
	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// store is one of the server's two SQLite files.
type store struct {
	path    string
	schema  string // the folder of the server's schemas
	version string // the version of the schema that this server works with
}

func stores(d *directory) (history, visibility store) {
	return store{d.file(historyFile), "sqlite/v3/temporal", sqlite.Version},
		store{d.file(visibilityFile), "sqlite/v3/visibility", sqlite.VisibilityVersion}
}

// prepare creates the tables in a new file, and migrates the tables of an older server, in one transaction: if the
// process is killed meanwhile, the file is unchanged.
func (s store) prepare(ctx context.Context) error { return s.transact(ctx, s.migrate) }

// transact runs a function in one transaction on the file, which no server may have open.
func (s store) transact(ctx context.Context, change func(context.Context, *sql.Tx) error) (err error) {
	defer func() { err = s.explain(err) }()
	db, err := s.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := change(ctx, tx); err != nil {
		return err
	}
	return tx.Commit()
}

func (s store) migrate(ctx context.Context, tx *sql.Tx) error {
	target := schemaTarget{ctx: ctx, tx: tx, name: filepath.Base(s.path)}
	var tables int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables); err != nil {
		return err
	}
	if tables == 0 {
		return schema.NewSetupSchemaTask(target,
			&schema.SetupConfig{SchemaName: s.schema, InitialVersion: s.version}, log.NewNoopLogger()).Run()
	}
	stored, err := target.ReadSchemaVersion()
	if err != nil {
		return fmt.Errorf("it has no schema version, so it is not a database of this program; move it away, or "+
			"choose another directory (%w)", err)
	}
	have, err := semver.ParseTolerant(stored)
	if err != nil {
		return fmt.Errorf("its schema version %q can't be read; restore the file from a backup (%w)", stored, err)
	}
	switch want := semver.MustParse(s.version + ".0"); {
	case have.GT(want):
		return fmt.Errorf("its schema version %s is newer than %s, the one of this program; use the program that "+
			"wrote it, or a later one", stored, s.version)
	case have.LT(want):
		return schema.NewUpdateSchemaTask(target,
			&schema.UpdateConfig{SchemaName: s.schema, TargetVersion: s.version}, log.NewNoopLogger()).Run()
	default:
		return nil
	}
}

// checkpoint moves the write-ahead log into the database file, so that a backup of that file alone is complete.
func (s store) checkpoint(ctx context.Context) (err error) {
	defer func() { err = s.explain(err) }()
	db, err := s.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

func (s store) open() (*sql.DB, error) {
	db, err := sql.Open("sqlite", dataSource(s.path))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// explain adds to SQLite's error codes what the operator can do.
func (s store) explain(err error) error {
	if err == nil {
		return nil
	}
	var failure *driver.Error
	if !errors.As(err, &failure) {
		return fmt.Errorf("database %s: %w", s.path, err)
	}
	switch failure.Code() & 0xff {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("database %s is damaged or no database: restore it from a backup, or move it away to begin "+
			"anew (%w)", s.path, err)
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return unwritable(s.path, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("database %s is locked by another program: close that one first (%w)", s.path, err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("database %s: the disk is full: free some space (%w)", s.path, err)
	default:
		return fmt.Errorf("database %s: %w", s.path, err)
	}
}

// schemaTarget runs the server's schema tasks within one transaction.
type schemaTarget struct {
	ctx  context.Context
	tx   *sql.Tx
	name string
}

var _ schema.DB = schemaTarget{}

func (t schemaTarget) Exec(statement string, args ...any) error {
	_, err := t.tx.ExecContext(t.ctx, statement, args...)
	return err
}

func (t schemaTarget) CreateSchemaVersionTables() error {
	return errors.Join(
		t.Exec(`CREATE TABLE schema_version (
			version_partition INT NOT NULL, db_name VARCHAR(255) NOT NULL, creation_time DATETIME(6),
			curr_version VARCHAR(64), min_compatible_version VARCHAR(64), PRIMARY KEY (version_partition, db_name))`),
		t.Exec(`CREATE TABLE schema_update_history (
			version_partition INT NOT NULL, year INT NOT NULL, month INT NOT NULL, update_time DATETIME(6) NOT NULL,
			description VARCHAR(255), manifest_md5 VARCHAR(64), new_version VARCHAR(64), old_version VARCHAR(64),
			PRIMARY KEY (version_partition, year, month, update_time))`))
}

func (t schemaTarget) ReadSchemaVersion() (version string, err error) {
	err = t.tx.QueryRowContext(t.ctx,
		"SELECT curr_version FROM schema_version WHERE version_partition = 0 AND db_name = ?", t.name).Scan(&version)
	return version, err
}

func (t schemaTarget) UpdateSchemaVersion(version, minCompatible string) error {
	return t.Exec(`REPLACE INTO schema_version (version_partition, db_name, creation_time, curr_version, min_compatible_version)
		VALUES (0, ?, ?, ?, ?)`, t.name, time.Now().UTC(), version, minCompatible)
}

func (t schemaTarget) WriteSchemaUpdateLog(from, to, manifestMD5, description string) error {
	now := time.Now().UTC()
	return t.Exec(`INSERT INTO schema_update_history
		(version_partition, year, month, update_time, old_version, new_version, manifest_md5, description)
		VALUES (0, ?, ?, ?, ?, ?, ?, ?)`, now.Year(), int(now.Month()), now, from, to, manifestMD5, description)
}

// DropAllTables refuses: no task may drop a user's data.
func (schemaTarget) DropAllTables() error {
	return errors.New("tables of an existing database are never dropped")
}

// Close does nothing: the transaction belongs to the caller.
func (schemaTarget) Close() {}

func (schemaTarget) Type() string { return "sql" }
