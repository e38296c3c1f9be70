package store

import (
	"context"
	"time"

	"github.com/everhook/everhook"
)

// ClosedRun is an execution of a run that has ended.
type ClosedRun struct {
	// Execution names it uniquely: a run that is run again has another one.
	Execution string
	Flow      string
	Run       everhook.RunID
	Version   int
	Status    everhook.Status
	ClosedAt  time.Time
	// Tell is set if a flow is to be told that the run did not resolve, see Unresolved.
	Tell bool
}

// Counter says how many runs of a version ended with a status.
type Counter struct {
	Version int
	Status  everhook.Status
	Runs    int64
}

// countWindow is how long an execution may appear after others that closed later. Executions that closed earlier than
// the cursor by more than that are taken as counted.
const countWindow = time.Hour

// cursorOfCount names the cursor: the time of the last execution that was counted.
const cursorOfCount = "count"

// CountRuns adds ended runs to the counters of their flows. A run that was counted before is not counted again. Cursor
// is the time up to which the caller has read; see CountCursor.
func (s *Store) CountRuns(ctx context.Context, runs []ClosedRun, cursor time.Time) error {
	return s.change(ctx, func(tx *transaction) error {
		last, err := lockCursor(ctx, tx, cursorOfCount)
		if err != nil {
			return err
		}
		horizon := last.Add(-countWindow)
		for _, run := range runs {
			if !last.IsZero() && run.ClosedAt.Before(horizon) {
				continue
			}
			isNew, err := tx.exec(ctx, insertCounted, run.Execution, moment(run.ClosedAt))
			if err != nil {
				return err
			}
			if isNew == 0 {
				continue
			}
			if _, err := tx.exec(ctx, countRun, run.Flow, run.Version, string(run.Status)); err != nil {
				return err
			}
			if err := tx.noteUnresolved(ctx, run); err != nil {
				return err
			}
		}
		if !cursor.After(last) {
			return nil
		}
		if _, err := tx.exec(ctx, moveCursor, moment(cursor), cursorOfCount); err != nil {
			return err
		}
		_, err = tx.exec(ctx, forgetCounted, moment(cursor.Add(-countWindow)))
		return err
	})
}

// CountCursor returns the time up to which runs were counted; zero if none were.
func (s *Store) CountCursor(ctx context.Context) (time.Time, error) {
	cursor, _, err := one(ctx, s.db, value[moment], selectCursor, cursorOfCount)
	return time.Time(cursor), err
}

// CountWindow is how far before the cursor of CountRuns a run may have closed in order to be counted still.
func CountWindow() time.Duration { return countWindow }

// Counters returns the counters of a flow by version and status.
func (s *Store) Counters(ctx context.Context, flow string) ([]Counter, error) {
	return collect(ctx, s.db, func(row scanner) (c Counter, err error) {
		err = row.Scan(&c.Version, &c.Status, &c.Runs)
		return c, err
	}, selectCounters, flow)
}

// AllCounters returns the number of ended runs by flow and status, over all versions.
func (s *Store) AllCounters(ctx context.Context) (map[string]map[everhook.Status]int64, error) {
	type total struct {
		flow   string
		status everhook.Status
		runs   int64
	}
	totals, err := collect(ctx, s.db, func(row scanner) (t total, err error) {
		err = row.Scan(&t.flow, &t.status, &t.runs)
		return t, err
	}, sumCounters)
	if err != nil {
		return nil, err
	}
	all := map[string]map[everhook.Status]int64{}
	for _, t := range totals {
		if all[t.flow] == nil {
			all[t.flow] = map[everhook.Status]int64{}
		}
		all[t.flow][t.status] = t.runs
	}
	return all, nil
}

// lockCursor returns the position of a cursor, which it makes if there is none, and locks it.
func lockCursor(ctx context.Context, tx *transaction, name string) (time.Time, error) {
	if _, err := tx.exec(ctx, insertCursor, name); err != nil {
		return time.Time{}, err
	}
	position, _, err := one(ctx, tx.conn, value[moment], tx.forUpdate(selectCursor), name)
	return time.Time(position), err
}

const (
	insertCursor  = `INSERT INTO cursors (name, position) VALUES (?, 0) ON CONFLICT (name) DO NOTHING`
	selectCursor  = `SELECT position FROM cursors WHERE name = ?`
	moveCursor    = `UPDATE cursors SET position = ? WHERE name = ?`
	insertCounted = `INSERT INTO counted (execution, closed_at) VALUES (?, ?) ON CONFLICT (execution) DO NOTHING`
	forgetCounted = `DELETE FROM counted WHERE closed_at < ?`
	countRun      = `INSERT INTO counters (flow, version, status, runs) VALUES (?, ?, ?, 1)
		ON CONFLICT (flow, version, status) DO UPDATE SET runs = counters.runs + 1`
	selectCounters = `SELECT version, status, runs FROM counters WHERE flow = ? ORDER BY version, status`
	sumCounters    = `SELECT flow, status, CAST(sum(runs) AS BIGINT) FROM counters GROUP BY flow, status`
	deleteCounters = `DELETE FROM counters WHERE flow = ?`
)
