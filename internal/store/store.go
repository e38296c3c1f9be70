// Package store keeps flows and their versions in a SQLite database. A write is on disk when its method returns.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrNotFound is wrapped by errors of calls that name a flow or version that does not exist.
var ErrNotFound = errors.New("not found")

// ErrTokenTaken is wrapped by the error for a version whose trigger has the token of another flow.
var ErrTokenTaken = errors.New("the token is taken")

// Store is an open database. It is safe for concurrent use, also by several processes: writers wait for each other.
type Store struct {
	db *sql.DB
	// writing serializes the writes of this process. Without it, writers would poll for the lock of the database.
	writing sync.Mutex
}

// pragmas hold for every connection. A connection waits up to ten seconds for a writer of another process. Synchronous
// FULL makes a commit durable.
var pragmas = url.Values{
	"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"},
	"_txlock": {"immediate"},
}

// maxConnections bounds the readers.
const maxConnections = 4

// Open opens the database at path, creates it if there is no such file, and brings its schema up to date. The folder
// must exist. A new file is readable by its owner only, because it contains tokens and secrets of flows.
func Open(ctx context.Context, path string) (*Store, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: pragmas.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(maxConnections)
	s := &Store{db: db}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(explain(path, err), db.Close())
	}
	return s, nil
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// explain adds to an error what to do about a file that is not a usable database.
func explain(path string, err error) error {
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

// write runs one transaction, and increments the revision if it changed anything. If it returns an error, nothing was
// changed.
func (s *Store) write(ctx context.Context, change func(tx *sql.Tx) (changed bool, err error)) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	changed, err := change(tx)
	if err != nil || !changed {
		return err
	}
	if _, err := tx.ExecContext(ctx, countRevision); err != nil {
		return err
	}
	return tx.Commit()
}
