package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// pragmas hold for every connection. A connection waits up to ten seconds for a writer of another process. Synchronous
// FULL makes a commit durable.
var pragmas = url.Values{
	"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"},
	"_txlock": {"immediate"},
}

// maxConnections bounds the readers of SQLite.
const maxConnections = 4

// openSQLite opens the file at path, or creates it. A new file is readable by its owner only, because it contains
// tokens and secrets of flows.
func openSQLite(path string) (*sql.DB, *engine, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, nil, err
	}
	if err := file.Close(); err != nil {
		return nil, nil, err
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: pragmas.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(maxConnections)
	return db, &engine{
		name: "sqlite", bind: func(query string) string { return query },
		clean:      func(args []any) ([]any, error) { return args, nil },
		migrate:    migrateSQLite,
		explain:    func(err error) error { return explainSQLite(path, err) },
		repeatable: func(error) bool { return false },
	}, nil
}

// explainSQLite adds to an error what to do about a file that is not a usable database.
func explainSQLite(path string, err error) error {
	failure, ok := errors.AsType[*sqlite.Error](err)
	switch {
	case ok && failure.Code()&0xff == sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%s is not a database; move it away, or use another data directory: %w", path, err)
	case ok && failure.Code()&0xff == sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%s is damaged; restore it from a backup: %w", path, err)
	default:
		return fmt.Errorf("%s: %w", path, err)
	}
}

// applicationID marks the file as Everhook's (SQLite's application_id): "ehok".
const applicationID = 0x65686f6b

const schemaState = `SELECT (SELECT application_id FROM pragma_application_id),
	(SELECT user_version FROM pragma_user_version),
	(SELECT count(*) FROM sqlite_schema)`

// migrateSQLite brings the schema up to date in one transaction. SQLite's user_version is the number of steps taken.
func migrateSQLite(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var application, taken, tables int
	if err := tx.QueryRowContext(ctx, schemaState).Scan(&application, &taken, &tables); err != nil {
		return err
	}
	if application != applicationID && (tables > 0 || application != 0) {
		return fmt.Errorf("the database is not Everhook's; use another data directory")
	}
	steps, err := stepsOf("sqlite")
	if err != nil {
		return err
	}
	if err := steps.check(taken); err != nil || taken == len(steps) {
		return err
	}
	if err := steps[taken:].take(ctx, tx); err != nil {
		return err
	}
	// A pragma takes no parameters.
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID,
		len(steps))); err != nil {
		return err
	}
	return tx.Commit()
}
