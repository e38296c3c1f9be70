package inbox

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// writer is the only writer of a file. It commits the changes of all callers that wait at the time in one transaction,
// a group, and answers them after its flush.
type writer struct {
	conn *sql.Conn
	// statements are prepared once, by their text.
	statements map[string]*sql.Stmt
	changes    chan *change
	// failed is called if changes that no caller waits for cannot be written.
	failed func(error)
	ended  chan struct{}
	// killed is set by tests: no group is written any longer.
	killed atomic.Bool
}

// change is one caller's part of a group.
type change struct {
	apply func(tx *transaction) error
	// lazy: no caller waits for it, so it goes with the next group.
	lazy bool
	// refused is the error of a change that wrote nothing. The others of its group are written.
	refused error
	done    chan error
}

// Bounds of a group.
const (
	maxGroup = 512
	// lazyFor is how long a group of lazy changes alone waits for others.
	lazyFor = 100 * time.Millisecond
	// retryAfter is the pause after a group of lazy changes failed.
	retryAfter = time.Second
)

// transaction is the group that is being written. Its methods are called by apply alone.
type transaction struct {
	*writer
	after []func()
}

var errClosed = errors.New("the inbox is closed")

func newWriter(ctx context.Context, db *sql.DB, failed func(error)) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{conn: conn, statements: map[string]*sql.Stmt{}, changes: make(chan *change, maxGroup), failed: failed,
		ended: make(chan struct{})}
	go w.run()
	return w, nil
}

// write applies a change and returns when it is durable. If ctx ends before, it is not known whether it is written.
func (w *writer) write(ctx context.Context, apply func(tx *transaction) error) error {
	c := &change{apply: apply, done: make(chan error, 1)}
	select {
	case w.changes <- c:
	case <-w.ended:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-c.done:
		return err
	case <-w.ended:
		return errClosed
	case <-ctx.Done():
		return fmt.Errorf("the inbox did not commit in time: %w", ctx.Err())
	}
}

// written applies a change and returns its result once it is durable. The result of a change that was given up is lost.
func written[T any](ctx context.Context, w *writer, apply func(tx *transaction) (T, error)) (T, error) {
	result := new(T)
	err := w.write(ctx, func(tx *transaction) (err error) {
		*result, err = apply(tx)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return *result, nil
}

// later applies a change with one of the next groups. A process that is killed may lose it.
func (w *writer) later(apply func(tx *transaction) error) {
	select {
	case w.changes <- &change{apply: apply, lazy: true}:
	case <-w.ended:
	}
}

// close writes what is left and closes the connection.
func (w *writer) close() error {
	select {
	case w.changes <- nil:
	case <-w.ended:
		return nil
	}
	<-w.ended
	for _, statement := range w.statements {
		_ = statement.Close()
	}
	return w.conn.Close()
}

// run writes groups until it receives nil.
func (w *writer) run() {
	defer close(w.ended)
	var owed []*change
	for closing := false; !closing; {
		var group []*change
		group, closing = w.collect(len(owed) > 0)
		group = append(owed, group...)
		owed = nil
		err := w.commit(group)
		for _, c := range group {
			if !c.lazy {
				c.done <- cmp.Or(err, c.refused)
			} else if err != nil {
				owed = append(owed, c)
			}
		}
		if len(owed) > 0 {
			w.failed(fmt.Errorf("%d changes of the inbox are not written yet: %w", len(owed), err))
		}
	}
}

// collect returns the next group: the first change and all that wait. Closing is set after the last one. If changes are
// owed, it returns after a pause without any.
func (w *writer) collect(owed bool) (group []*change, closing bool) {
	var wait <-chan time.Time
	if owed {
		wait = time.After(retryAfter)
	}
	urgent := false
	for len(group) < maxGroup {
		var next *change
		if urgent {
			select {
			case next = <-w.changes:
			default:
				return group, false
			}
		} else {
			select {
			case next = <-w.changes:
			case <-wait:
				return group, false
			}
		}
		if next == nil {
			return group, true
		}
		group = append(group, next)
		urgent = urgent || !next.lazy
		if wait == nil {
			wait = time.After(lazyFor)
		}
	}
	return group, false
}

// commit applies a group in one transaction. A *sql.Tx would prepare each statement again, so the transaction is made
// of statements.
func (w *writer) commit(group []*change) (err error) {
	if len(group) == 0 {
		return nil
	}
	if w.killed.Load() {
		return errClosed
	}
	t := &transaction{writer: w}
	if err := t.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_, _ = w.conn.ExecContext(context.Background(), "ROLLBACK")
		}
	}()
	for _, c := range group {
		if err := c.apply(t); errors.Is(err, ErrNoRow) {
			c.refused = err
		} else if err != nil {
			return err
		}
	}
	if err := t.exec("COMMIT"); err != nil {
		return err
	}
	for _, then := range t.after {
		then()
	}
	return nil
}

// then calls a function after the commit.
func (t *transaction) then(after func()) { t.after = append(t.after, after) }

// statement returns a prepared statement.
func (t *transaction) statement(query string) (*sql.Stmt, error) {
	prepared := t.statements[query]
	if prepared == nil {
		var err error
		if prepared, err = t.conn.PrepareContext(context.Background(), query); err != nil {
			return nil, err
		}
		t.statements[query] = prepared
	}
	return prepared, nil
}

func (t *transaction) exec(query string, args ...any) error {
	_, err := t.count(query, args...)
	return err
}

// count executes a statement and returns how many rows it changed.
func (t *transaction) count(query string, args ...any) (int64, error) {
	statement, err := t.statement(query)
	if err != nil {
		return 0, err
	}
	result, err := statement.Exec(args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// row queries one row.
func (t *transaction) row(query string, args ...any) interface{ Scan(into ...any) error } {
	statement, err := t.statement(query)
	if err != nil {
		return failedRow{err}
	}
	return statement.QueryRow(args...)
}

type failedRow struct{ err error }

func (f failedRow) Scan(...any) error { return f.err }
