package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
)

// ErrNotFound is wrapped by errors of calls that name something that does not exist.
var ErrNotFound = errors.New("not found")

// ErrTokenTaken is wrapped by the error for a version whose trigger has the token of another flow.
var ErrTokenTaken = errors.New("the token is taken")

// ErrTokenNamed is wrapped by the error for a new token of a flow whose trigger names its token.
var ErrTokenNamed = errors.New("the token cannot be rotated")

// Store is an open database. It is safe for concurrent use, also by several processes: writers wait for each other.
type Store struct {
	// db reads. Writes go through change.
	db   conn
	pool *sql.DB
	// writing serializes the writes of this process to SQLite; without it, writers would poll for the lock of the
	// database. Nil on PostgreSQL.
	writing  *sync.Mutex
	watchers watchers
	// listener brings the changes of other processes; nil on SQLite.
	listener *listener
}

// Open opens a database, creates it if it is a file that does not exist, and brings its schema up to date. Place is the
// path of a SQLite file, whose folder must exist, or the URL of a PostgreSQL database (see IsPostgres).
func Open(ctx context.Context, place string) (*Store, error) {
	if !IsPostgres(place) {
		db, engine, err := openSQLite(place)
		if err != nil {
			return nil, err
		}
		return open(ctx, &Store{db: conn{db, engine}, pool: db, writing: &sync.Mutex{}})
	}
	config, err := parsePostgres(place)
	if err != nil {
		return nil, err
	}
	db, engine := openPostgres(config)
	s := &Store{db: conn{db, engine}, pool: db}
	s.listener = &listener{connect: func(ctx context.Context) (*pgx.Conn, error) {
		return pgx.ConnectConfig(ctx, config)
	}, watchers: &s.watchers}
	return open(ctx, s)
}

func open(ctx context.Context, s *Store) (*Store, error) {
	if err := s.db.migrate(ctx, s.pool); err != nil {
		return nil, errors.Join(s.db.explain(err), s.pool.Close())
	}
	return s, nil
}

// Shared reports whether other processes on other machines may use the database at the same time.
func (s *Store) Shared() bool { return s.listener != nil }

// Postgres returns the PostgreSQL database, for tables that have their statements elsewhere; nil with SQLite.
func (s *Store) Postgres() *sql.DB {
	if !s.Shared() {
		return nil
	}
	return s.pool
}

// Close closes the database.
func (s *Store) Close() error {
	if s.listener != nil {
		s.listener.stop()
	}
	return s.pool.Close()
}

// transaction is a conn that writes.
type transaction struct {
	conn
	// revision is the one that the store has after a change to flows.
	revision int64
	// woken are the topics whose watchers are told after the commit.
	woken []Topic
}

// maxRepeats bounds how often a transaction is run that was in the way of another one.
const maxRepeats = 10

// change runs one transaction. If it returns an error, nothing was changed. PostgreSQL may end one of two transactions
// that wait for each other; then change is run again, so it must not depend on an earlier run of itself.
func (s *Store) change(ctx context.Context, change func(tx *transaction) error) (err error) {
	if s.writing != nil {
		s.writing.Lock()
		defer s.writing.Unlock()
	}
	for range maxRepeats {
		if err = s.try(ctx, change); err == nil || !s.db.repeatable(err) {
			return err
		}
	}
	return fmt.Errorf("other changes were in the way %d times: %w", maxRepeats, err)
}

// errUnchanged ends a transaction that has nothing to commit.
var errUnchanged = errors.New("nothing changed")

func (s *Store) try(ctx context.Context, change func(tx *transaction) error) error {
	sqlTx, err := s.pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = sqlTx.Rollback() }()
	tx := &transaction{conn: conn{sqlTx, s.db.engine}}
	switch err := change(tx); {
	case errors.Is(err, errUnchanged):
		return nil
	case err != nil:
		return err
	}
	if err := noteRequest(ctx, tx); err != nil {
		return err
	}
	if err := sqlTx.Commit(); err != nil {
		return err
	}
	for _, topic := range tx.woken {
		s.watchers.wake(topic)
	}
	return nil
}

// changeFlows runs one transaction that changes flows, after all others of its kind. If it changed anything, the
// revision grows and the watchers of flows are woken.
func (s *Store) changeFlows(ctx context.Context, change func(tx *transaction) (changed bool, err error)) error {
	return s.change(ctx, func(tx *transaction) error {
		if err := tx.row(ctx, tx.forUpdate(selectRevision)).Scan(&tx.revision); err != nil {
			return err
		}
		tx.revision++
		changed, err := change(tx)
		if err != nil {
			return err
		}
		if !changed {
			return errUnchanged
		}
		if _, err := tx.exec(ctx, countRevision); err != nil {
			return err
		}
		return tx.wake(ctx, Flows)
	})
}
