package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// ErrNotEmpty is wrapped by the error of Copy for a target that has data.
var ErrNotEmpty = errors.New("the target is not empty")

// batchRows is how many rows are inserted by one statement; batchBytes bounds their size.
const (
	batchRows  = 500
	batchBytes = 8 << 20
)

// Copy copies all rows from a SQLite store to an empty PostgreSQL store, in one transaction, and returns how many of
// each table. The source is read as it is at one moment.
func Copy(ctx context.Context, from, to *Store) (rows map[string]int64, err error) {
	if from.Shared() || !to.Shared() {
		return nil, errors.New("a store is copied from SQLite to PostgreSQL")
	}
	source, err := from.pool.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	defer func() { _ = source.Rollback() }()
	tables, err := tablesOf(ctx, source)
	if err != nil {
		return nil, err
	}
	rows = map[string]int64{}
	err = to.change(ctx, func(tx *transaction) error {
		if err := tx.empty(ctx, tables); err != nil {
			return err
		}
		for _, table := range tables {
			if rows[table], err = copyTable(ctx, source, tx, table); err != nil {
				return fmt.Errorf("table %s: %w", table, err)
			}
		}
		if err := tx.advanceIdentities(ctx); err != nil {
			return err
		}
		return tx.wake(ctx, Flows)
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// seeded is the table that a new store has a row in.
const seeded = "revision"

// empty locks the tables and refuses a store that has data.
func (t *transaction) empty(ctx context.Context, tables []string) error {
	for _, table := range tables {
		name := pgx.Identifier{table}.Sanitize()
		if _, err := t.exec(ctx, "LOCK TABLE "+name); err != nil {
			return err
		}
		if table == seeded {
			if _, err := t.exec(ctx, "DELETE FROM "+name); err != nil {
				return err
			}
			continue
		}
		filled, err := value[bool](t.row(ctx, "SELECT EXISTS (SELECT 1 FROM "+name+")"))
		if err != nil {
			return err
		}
		if filled {
			return fmt.Errorf("%w: its table %s has rows; copy to a new database, or to another schema by "+
				"?search_path=NAME in the URL", ErrNotEmpty, table)
		}
	}
	return nil
}

// tablesOf returns the tables of a SQLite store, each after those that it refers to.
func tablesOf(ctx context.Context, source *sql.Tx) (tables []string, err error) {
	here := conn{source, &engine{bind: func(q string) string { return q },
		clean: func(args []any) ([]any, error) { return args, nil }}}
	names, err := collect(ctx, here, value[string], `SELECT name FROM sqlite_schema WHERE type = 'table'
		AND name NOT LIKE 'sqlite_%' ORDER BY name`)
	if err != nil {
		return nil, err
	}
	var add func(name string) error
	add = func(name string) error {
		if slices.Contains(tables, name) {
			return nil
		}
		references, err := collect(ctx, here, value[string], `SELECT DISTINCT "table" FROM pragma_foreign_key_list(?)
			WHERE "table" <> ?`, name, name)
		if err != nil {
			return err
		}
		for _, reference := range references {
			if err := add(reference); err != nil {
				return err
			}
		}
		tables = append(tables, name)
		return nil
	}
	for _, name := range names {
		if err := add(name); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

func copyTable(ctx context.Context, source *sql.Tx, tx *transaction, table string) (copied int64, err error) {
	name := pgx.Identifier{table}.Sanitize()
	rows, err := source.QueryContext(ctx, "SELECT * FROM "+name)
	if err != nil {
		return 0, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return 0, err
	}
	batch := &insertion{tx: tx, into: "INSERT INTO " + name + " (" + strings.Join(quoted(columns), ", ") + ") VALUES ",
		row: "(" + strings.TrimSuffix(strings.Repeat("?, ", len(columns)), ", ") + ")"}
	for rows.Next() {
		values := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return 0, err
		}
		if err := batch.add(ctx, values); err != nil {
			return 0, err
		}
		copied++
	}
	return copied, errors.Join(rows.Err(), batch.flush(ctx))
}

func quoted(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = pgx.Identifier{name}.Sanitize()
	}
	return all
}

// insertion collects rows of one table.
type insertion struct {
	tx        *transaction
	into, row string
	args      []any
	rows      int
	bytes     int
}

func (b *insertion) add(ctx context.Context, values []any) error {
	for _, value := range values {
		switch value := value.(type) {
		case string:
			b.bytes += len(value)
		case []byte:
			b.bytes += len(value)
		}
	}
	b.args = append(b.args, values...)
	if b.rows++; b.rows < batchRows && b.bytes < batchBytes {
		return nil
	}
	return b.flush(ctx)
}

func (b *insertion) flush(ctx context.Context) error {
	if b.rows == 0 {
		return nil
	}
	statement := b.into + strings.TrimSuffix(strings.Repeat(b.row+", ", b.rows), ", ")
	_, err := b.tx.exec(ctx, statement, b.args...)
	b.args, b.rows, b.bytes = nil, 0, 0
	return err
}

// advanceIdentities makes PostgreSQL count on from the numbers that were copied.
func (t *transaction) advanceIdentities(ctx context.Context) error {
	type identity struct{ table, column string }
	identities, err := collect(ctx, t.conn, func(row scanner) (i identity, err error) {
		err = row.Scan(&i.table, &i.column)
		return i, err
	}, `SELECT table_name::text, column_name::text FROM information_schema.columns
		WHERE table_schema = current_schema() AND is_identity = 'YES'`)
	if err != nil {
		return err
	}
	for _, i := range identities {
		name, column := pgx.Identifier{i.table}.Sanitize(), pgx.Identifier{i.column}.Sanitize()
		if _, err := t.exec(ctx, "SELECT setval(pg_get_serial_sequence(?, ?), (SELECT coalesce(max("+column+
			"), 0) + 1 FROM "+name+"), false)", name, i.column); err != nil {
			return err
		}
	}
	return nil
}
