package deliverylog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/everhook/everhook"
)

// Intervals of writing.
const (
	writeEvery = 250 * time.Millisecond
	// retryAfter is the pause after a write that failed, and writeTimeout bounds one.
	retryAfter   = time.Second
	writeTimeout = 30 * time.Second
	// rowsAtOnce is how many rows are inserted by one statement in PostgreSQL, which is asked over a network. SQLite
	// gets them one by one: it needs no journal for such a statement.
	rowsAtOnce = 50
)

// errLost is the error of records for which there was no room.
var errLost = errors.New("deliveries came quicker than they could be recorded; the deliveries themselves are safe")

// write writes what waits, in groups, until ctx ends; then once more.
func (l *Log) write(ctx context.Context) {
	ticker := time.NewTicker(writeEvery)
	defer ticker.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-l.queue.wake:
		}
		l.flush(ctx)
	}
}

// flush writes what waits. While it cannot be written, it is tried again; once ctx has ended, it is lost.
func (l *Log) flush(ctx context.Context) {
	g := l.queue.take()
	defer l.queue.written()
	if g.lost > 0 {
		l.lose(errLost, g.lost)
	}
	for _, r := range g.records {
		l.redact(r)
	}
	for len(g.records)+len(g.omitted) > 0 {
		err := l.insert(context.WithoutCancel(ctx), g)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			l.lose(err, len(g.records))
			return
		}
		l.options.Failed(err, 0)
		select {
		case <-ctx.Done():
		case <-time.After(retryAfter):
		}
	}
}

// lose counts records that are not written.
func (l *Log) lose(err error, records int) {
	l.lost.Add(int64(records))
	l.options.Failed(err, records)
}

// Lost counts the records that could not be written since the process began.
func (l *Log) Lost() int64 { return l.lost.Load() }

// Flush writes what waits now, and returns when it can be read.
func (l *Log) Flush(ctx context.Context) error {
	for {
		l.queue.mutex.Lock()
		waits := len(l.queue.records) + l.queue.writing
		l.queue.mutex.Unlock()
		if waits == 0 {
			return nil
		}
		select {
		case l.queue.wake <- struct{}{}:
		default:
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// columns are those of a record in the table of deliveries, in the order of values.
const columns = `id, flow, version, node, outcome, cause, status, bytes, duration, run, duplicate, replay_of, client,
	caller, signature, fields, omitted, kept`

// values are the values of columns, and the size.
func (r *Record) values() ([]any, error) {
	fields := ""
	if len(r.Fields) > 0 {
		data, err := json.Marshal(r.Fields)
		if err != nil {
			return nil, err
		}
		fields = string(data)
	}
	return []any{r.ID, r.Flow, r.Version, r.Node, r.Outcome, clean(r.Cause), r.Status, r.Bytes,
		r.Duration.Microseconds(), string(r.Run), number(r.Duplicate), r.ReplayOf, clean(r.Client), clean(r.Caller),
		r.Signature, fields, r.Omitted, number(r.Request != nil), r.size()}, nil
}

// clean is a text that PostgreSQL can hold.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

func number(set bool) int {
	if set {
		return 1
	}
	return 0
}

// insert writes a group in one transaction.
func (l *Log) insert(ctx context.Context, g group) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	var rows, fields, requests [][]any
	total := 0
	for _, r := range g.records {
		row, err := r.values()
		if err != nil {
			return err
		}
		rows = append(rows, row)
		total += r.size()
		for _, f := range r.Fields {
			fields = append(fields, []any{r.Flow, f.Name, f.Value, r.ID})
		}
		if r.Request != nil {
			data, err := encode(r.Request)
			if err != nil {
				return err
			}
			requests = append(requests, []any{r.ID, data})
		}
	}
	return l.change(ctx, func(tx *sql.Tx) error {
		added, err := l.insertRows(ctx, tx, "deliveries ("+columns+", size)", rows)
		if err != nil {
			return err
		}
		for _, part := range []struct {
			into string
			rows [][]any
		}{
			{"delivery_fields (flow, name, value, id)", fields},
			{"delivery_requests (id, request)", requests},
		} {
			if _, err := l.insertRows(ctx, tx, part.into, part.rows); err != nil {
				return err
			}
		}
		for _, id := range everhook.SortedKeys(g.omitted) {
			if _, err := tx.ExecContext(ctx, l.bind(`UPDATE deliveries SET omitted = omitted + ? WHERE id = ?`),
				g.omitted[id], id); err != nil {
				return err
			}
		}
		return l.count(ctx, tx, added, total*added/max(1, len(rows)))
	})
}

// insertRows inserts rows into a table, and returns how many were not there already: their group may have been written,
// and the answer lost.
func (l *Log) insertRows(ctx context.Context, tx *sql.Tx, into string, rows [][]any) (added int, err error) {
	most := 1
	if l.numbered {
		most = rowsAtOnce
	}
	var statement *sql.Stmt
	var prepared int
	for len(rows) > 0 {
		n := min(most, len(rows))
		if n != prepared {
			one := "(" + places(len(rows[0])) + ")"
			if statement, err = tx.PrepareContext(ctx, l.bind("INSERT INTO "+into+" VALUES "+
				strings.TrimSuffix(strings.Repeat(one+", ", n), ", ")+" ON CONFLICT DO NOTHING")); err != nil {
				return 0, err
			}
			prepared = n
		}
		result, err := statement.ExecContext(ctx, slices.Concat(rows[:n]...)...)
		if err != nil {
			return 0, err
		}
		changed, err := result.RowsAffected()
		if err != nil {
			return 0, err
		}
		added += int(changed)
		rows = rows[n:]
	}
	return added, nil // the transaction closes its statements
}

// count adds to how much the log has.
func (l *Log) count(ctx context.Context, tx *sql.Tx, records, bytes int) error {
	_, err := tx.ExecContext(ctx, l.bind(`UPDATE delivery_total SET records = records + ?, bytes = bytes + ?`), records,
		bytes)
	return err
}

// change runs a transaction that writes.
func (l *Log) change(ctx context.Context, do func(tx *sql.Tx) error) (err error) {
	l.writing.Lock()
	defer l.writing.Unlock()
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("the delivery log: %w", err)
	}
	defer func() {
		if err != nil {
			_ = tx.Rollback()
			err = fmt.Errorf("the delivery log: %w", err)
		}
	}()
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit()
}
