package store

import (
	"context"
	"time"

	"github.com/everhook/everhook"
)

// maxUnresolved bounds the runs of which a flow is still to be told. Later ones are left out while there are as many.
const maxUnresolved = 10_000

// cursorOfTelling names the time since which a flow is told of runs.
const cursorOfTelling = "telling"

// noteUnresolved keeps a run that has just been counted until a flow is told of it.
func (t *transaction) noteUnresolved(ctx context.Context, run ClosedRun) error {
	if !run.Tell || run.Status == everhook.Resolved {
		return nil
	}
	waiting, _, err := one(ctx, t.conn, value[int64], countUnresolved)
	if err != nil || waiting >= maxUnresolved {
		return err
	}
	_, err = t.exec(ctx, insertUnresolved, run.Execution, run.Flow, string(run.Run), run.Version, string(run.Status),
		moment(run.ClosedAt))
	return err
}

// TellSince returns since when a flow is told of runs that did not resolve: the time of the first call. With off it
// forgets that, and the runs of which no flow was told.
func (s *Store) TellSince(ctx context.Context, off bool) (since time.Time, err error) {
	err = s.change(ctx, func(tx *transaction) error {
		if off {
			if _, err := tx.exec(ctx, deleteCursor, cursorOfTelling); err != nil {
				return err
			}
			_, err := tx.exec(ctx, deleteAllUnresolved)
			return err
		}
		if since, err = lockCursor(ctx, tx, cursorOfTelling); err != nil || !since.IsZero() {
			return err
		}
		since = time.Now().UTC().Truncate(time.Microsecond)
		_, err := tx.exec(ctx, moveCursor, moment(since), cursorOfTelling)
		return err
	})
	return since, err
}

// Unresolved returns runs that were counted with Tell and did not resolve, the earliest first.
func (s *Store) Unresolved(ctx context.Context, limit int) ([]ClosedRun, error) {
	return collect(ctx, s.db, func(row scanner) (run ClosedRun, err error) {
		err = row.Scan(&run.Execution, &run.Flow, &run.Run, &run.Version, &run.Status, (*moment)(&run.ClosedAt))
		return run, err
	}, selectUnresolved, limit)
}

// Told forgets a run of which a flow was told.
func (s *Store) Told(ctx context.Context, execution string) error {
	return s.change(ctx, func(tx *transaction) error {
		_, err := tx.exec(ctx, deleteUnresolved, execution)
		return err
	})
}

const (
	countUnresolved  = `SELECT count(*) FROM unresolved`
	insertUnresolved = `INSERT INTO unresolved (execution, flow, run, version, status, closed_at)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (execution) DO NOTHING`
	selectUnresolved = `SELECT execution, flow, run, version, status, closed_at FROM unresolved
		ORDER BY closed_at, execution LIMIT ?`
	deleteUnresolved    = `DELETE FROM unresolved WHERE execution = ?`
	deleteAllUnresolved = `DELETE FROM unresolved`
	deleteCursor        = `DELETE FROM cursors WHERE name = ?`
)
