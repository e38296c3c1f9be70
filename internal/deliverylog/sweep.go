package deliverylog

import (
	"context"
	"database/sql"
	"encoding/json"
	"time"

	"github.com/everhook/everhook"
)

// Bounds of the sweep.
const (
	sweepEvery = time.Minute
	// sweptAtOnce is how many records are deleted in one transaction.
	sweptAtOnce = 1000
)

// sweep deletes records that are kept no longer, until ctx ends.
func (l *Log) sweep(ctx context.Context) {
	ticker := time.NewTicker(sweepEvery)
	defer ticker.Stop()
	for {
		if err := l.Sweep(ctx); err != nil && ctx.Err() == nil {
			l.options.Failed(err, 0)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Sweep deletes records that are older than Keep, and the oldest ones while all take more than MaxBytes.
func (l *Log) Sweep(ctx context.Context) error {
	oldest := everhook.FirstDeliveryID(time.Now().Add(-l.options.Keep))
	for {
		deleted, err := l.deleteOldest(ctx, oldest)
		if err != nil {
			return err
		}
		if deleted < sweptAtOnce {
			break
		}
	}
	for {
		total, err := l.Total(ctx)
		if err != nil || total.Bytes <= l.options.MaxBytes || total.Records == 0 {
			return err
		}
		if deleted, err := l.deleteOldest(ctx, highest); err != nil || deleted == 0 {
			return err
		}
	}
}

// Total is how much a log has.
type Total struct {
	Records int64
	// Bytes is about what they take on disk.
	Bytes int64
}

// Total returns how much the log has.
func (l *Log) Total(ctx context.Context) (t Total, err error) {
	err = l.db.QueryRowContext(ctx, `SELECT records, bytes FROM delivery_total`).Scan(&t.Records, &t.Bytes)
	return t, err
}

func (l *Log) deleteOldest(ctx context.Context, below string) (deleted int, err error) {
	return l.delete(ctx, `id IN (SELECT id FROM deliveries WHERE id < ? ORDER BY id LIMIT ?)`, below, sweptAtOnce)
}

// Delete deletes records, at most 1,000, and returns how many there were.
func (l *Log) Delete(ctx context.Context, ids []string) (deleted int, err error) {
	if len(ids) == 0 {
		return 0, nil
	}
	return l.delete(ctx, `id IN (`+places(len(ids))+`)`, anys(ids)...)
}

// gone is what a deleted record has elsewhere.
type gone struct {
	id, flow string
	fields   string
	size     int
}

// delete deletes the records that a condition selects.
func (l *Log) delete(ctx context.Context, condition string, args ...any) (deleted int, err error) {
	err = l.change(ctx, func(tx *sql.Tx) error {
		all, err := collect(ctx, l, tx, func(row *sql.Rows) (g gone, err error) {
			err = row.Scan(&g.id, &g.flow, &g.fields, &g.size)
			return g, err
		}, `DELETE FROM deliveries WHERE `+condition+` RETURNING id, flow, fields, size`, args...)
		if err != nil || len(all) == 0 {
			return err
		}
		deleted = len(all)
		ids, bytes := make([]any, len(all)), 0
		for i, g := range all {
			ids[i] = g.id
			bytes += g.size
			if err := l.deleteFields(ctx, tx, g); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, l.bind(`DELETE FROM delivery_requests WHERE id IN (`+places(len(ids))+`)`),
			ids...); err != nil {
			return err
		}
		return l.count(ctx, tx, -len(all), -bytes)
	})
	return deleted, err
}

func (l *Log) deleteFields(ctx context.Context, tx *sql.Tx, g gone) error {
	if g.fields == "" {
		return nil
	}
	var fields []Field
	if err := json.Unmarshal([]byte(g.fields), &fields); err != nil {
		return err
	}
	for _, f := range fields {
		if _, err := tx.ExecContext(ctx, l.bind(`DELETE FROM delivery_fields WHERE flow = ? AND name = ? AND value = ?
			AND id = ?`), g.flow, f.Name, f.Value, g.id); err != nil {
			return err
		}
	}
	return nil
}
