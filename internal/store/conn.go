package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"sync"
)

// conn is a database or a transaction. It takes the statements of this package, which are written for SQLite.
type conn struct {
	handle
	*engine
}

// handle is a *sql.DB or a *sql.Tx.
type handle interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// engine is what differs between SQLite and PostgreSQL.
type engine struct {
	// name is that of the engine's files of migrations.
	name string
	// locking is the clause of a SELECT that locks its rows until the end of the transaction.
	locking string
	// notify is the statement that tells other processes of a topic; empty if there is none.
	notify string
	// bind and clean make a statement and its arguments those of the engine.
	bind  func(query string) string
	clean func(args []any) ([]any, error)
	// migrate brings the schema up to date.
	migrate func(ctx context.Context, db *sql.DB) error
	// explain adds to an error what to do about it.
	explain func(err error) error
	// repeatable reports whether a transaction that ended with the error can be run again.
	repeatable func(err error) bool
}

// exec runs a statement and returns the number of rows that it changed.
func (c conn) exec(ctx context.Context, query string, args ...any) (changed int64, err error) {
	args, err = c.clean(args)
	if err != nil {
		return 0, err
	}
	result, err := c.ExecContext(ctx, c.bind(query), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// row runs a query that returns at most one row.
func (c conn) row(ctx context.Context, query string, args ...any) scanner {
	args, err := c.clean(args)
	if err != nil {
		return failedRow{err}
	}
	return c.QueryRowContext(ctx, c.bind(query), args...)
}

// forUpdate makes a SELECT lock its rows until the transaction ends. A SQLite transaction has the whole database.
func (c conn) forUpdate(query string) string { return query + c.locking }

// scanner is a row.
type scanner interface{ Scan(into ...any) error }

// failedRow is the row of a query that could not be asked.
type failedRow struct{ error }

func (r failedRow) Scan(...any) error { return r.error }

// collect gives the rows of a query.
func collect[T any](ctx context.Context, c conn, scan func(scanner) (T, error), query string, args ...any) ([]T,
	error) {
	args, err := c.clean(args)
	if err != nil {
		return nil, err
	}
	rows, err := c.QueryContext(ctx, c.bind(query), args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// one gives the row of a query. Found is false if there is none.
func one[T any](ctx context.Context, c conn, scan func(scanner) (T, error), query string,
	args ...any) (row T, found bool, err error) {
	row, err = scan(c.row(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		var zero T
		return zero, false, nil
	}
	return row, err == nil, err
}

// value scans a row of one column.
func value[T any](row scanner) (v T, err error) {
	err = row.Scan(any(&v))
	return v, err
}

// numbered are statements with the parameters of PostgreSQL ($1), by their text with those of SQLite (?).
var numbered sync.Map

// bindPostgres numbers the parameters of a statement. Statements have no ? in texts.
func bindPostgres(query string) string {
	if bound, ok := numbered.Load(query); ok {
		return bound.(string)
	}
	var bound strings.Builder
	n := 0
	for part := range strings.SplitAfterSeq(query, "?") {
		before, isParameter := strings.CutSuffix(part, "?")
		bound.WriteString(before)
		if isParameter {
			n++
			bound.WriteString("$" + strconv.Itoa(n))
		}
	}
	numbered.Store(query, bound.String())
	return bound.String()
}
