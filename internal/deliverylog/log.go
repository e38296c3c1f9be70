package deliverylog

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver of OpenFile
)

// Log keeps records in a file of its own, or in the tables of a PostgreSQL database that processes share. It is safe
// for concurrent use, and several processes can have one file open.
type Log struct {
	options Options
	db      *sql.DB
	// owned is set if Close closes the database, numbered if its parameters have numbers.
	owned, numbered bool
	queue           *queue
	// writing is held by one writer of this process at a time.
	writing sync.Mutex
	lost    atomic.Int64
	end     context.CancelFunc
	done    sync.WaitGroup
}

// Options configure a Log.
type Options struct {
	// Keep is how long records are kept. Default DefaultKeep.
	Keep time.Duration
	// MaxBytes bounds what they take on disk, about. The oldest go first. Default DefaultMaxBytes.
	MaxBytes int64
	// Redact replaces secrets in a text. Nil: there are none.
	Redact func(text string) string
	// Failed is called with errors of writes, and with the number of records that were lost by them, which is mostly 0.
	// Nil: it is not called.
	Failed func(err error, lost int)
}

// Defaults of Options.
const (
	DefaultKeep           = 30 * 24 * time.Hour
	DefaultMaxBytes int64 = 2 << 30
)

// ErrNoRecord: there is no record with that ID, or it is not kept any longer.
var ErrNoRecord = errors.New("there is no such delivery on record")

const (
	// applicationID marks the file as Everhook's delivery log: "ehdl".
	applicationID = 0x6568646c
	schemaVersion = 1
)

//go:embed schema.sqlite.sql
var sqliteSchema string

// maxConnections bounds the connections to a file.
const maxConnections = 4

// OpenFile opens the log in a file, or creates it. Its folder must exist.
func OpenFile(ctx context.Context, path string, o Options) (_ *Log, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("the delivery log %s: %w", path, err)
		}
	}()
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(absolute, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	// A power cut may lose the last records, as a killed process does.
	pragmas := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(normal)",
		"wal_autocheckpoint(4000)", "journal_size_limit(67108864)", "cache_size(-16000)", "temp_store(memory)"}, "_txlock": {"immediate"}}
	name := url.URL{Scheme: "file", OmitHost: true, Path: absolute, RawQuery: pragmas.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(maxConnections)
	db.SetMaxIdleConns(maxConnections)
	if err := migrate(ctx, db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return open(db, true, false, o), nil
}

// OpenShared opens the log in a PostgreSQL database that has its tables. The caller closes the database afterwards.
func OpenShared(db *sql.DB, o Options) *Log { return open(db, false, true, o) }

func open(db *sql.DB, owned, numbered bool, o Options) *Log {
	if o.Keep == 0 {
		o.Keep = DefaultKeep
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.Redact == nil {
		o.Redact = func(text string) string { return text }
	}
	if o.Failed == nil {
		o.Failed = func(error, int) {}
	}
	ctx, end := context.WithCancel(context.Background())
	l := &Log{options: o, db: db, owned: owned, numbered: numbered, queue: newQueue(), end: end}
	l.done.Go(func() { l.write(ctx) })
	l.done.Go(func() { l.sweep(ctx) })
	return l
}

// Close writes the records that wait and closes the log.
func (l *Log) Close() error {
	l.end()
	l.done.Wait()
	if l.owned {
		return l.db.Close()
	}
	return nil
}

func migrate(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	var application, version, tables int
	if err := tx.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)`).Scan(&application,
		&version, &tables); err != nil {
		return err
	}
	switch {
	case application != applicationID && (tables > 0 || application != 0):
		return errors.New("the database is not a delivery log of Everhook; use another data directory")
	case version > schemaVersion:
		return fmt.Errorf("it was written by a newer Everhook (schema %d, this one knows %d); use that one", version,
			schemaVersion)
	case version == schemaVersion:
		return nil
	}
	if _, err := tx.ExecContext(ctx, sqliteSchema+fmt.Sprintf(
		"PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, schemaVersion)); err != nil {
		return err
	}
	return tx.Commit()
}

// bind gives a statement the parameters of its database.
func (l *Log) bind(query string) string {
	if !l.numbered {
		return query
	}
	var bound strings.Builder
	for n, part := range slices.Collect(strings.SplitSeq(query, "?")) {
		if n > 0 {
			fmt.Fprintf(&bound, "$%d", n)
		}
		bound.WriteString(part)
	}
	return bound.String()
}

// querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// collect returns what scan makes of each row.
func collect[T any](ctx context.Context, l *Log, q querier, scan func(row *sql.Rows) (T, error), query string,
	args ...any) (all []T, err error) {
	rows, err := q.QueryContext(ctx, l.bind(query), args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// text scans a row of one text.
func text(row *sql.Rows) (t string, err error) {
	err = row.Scan(&t)
	return t, err
}

// places are the parameters of a list of n values.
func places(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// anys are values as arguments of a statement.
func anys[T any](values []T) []any {
	all := make([]any, len(values))
	for i, value := range values {
		all[i] = value
	}
	return all
}
