package inbox

import (
	"context"
	"database/sql"
	"maps"
	"sync"
)

// loads counts what waits in a box of this process, and tells the drain of rows that came. Both boxes embed it.
type loads struct {
	changed chan struct{}

	mutex  sync.Mutex
	byFlow map[string]Load
	total  Load
	// gone are the rows whose removal is not written yet.
	gone map[int64]bool
}

func newLoads() *loads {
	return &loads{changed: make(chan struct{}, 1), byFlow: map[string]Load{}, gone: map[int64]bool{}}
}

// add counts rows that came or went.
func (l *loads) add(flow string, rows, bytes int) {
	l.mutex.Lock()
	load := l.byFlow[flow].plus(rows, int64(bytes))
	l.total = l.total.plus(rows, int64(bytes))
	if load.Rows > 0 {
		l.byFlow[flow] = load
	} else {
		delete(l.byFlow, flow)
	}
	l.mutex.Unlock()
	if rows > 0 {
		l.tell()
	}
}

// count replaces the counts by those of the database.
func (l *loads) count(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, selectLoads)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	byFlow, total := map[string]Load{}, Load{}
	for rows.Next() {
		var flow string
		var load Load
		if err := rows.Scan(&flow, &load.Rows, &load.Bytes); err != nil {
			return err
		}
		byFlow[flow], total = load, total.plus(load.Rows, load.Bytes)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	l.mutex.Lock()
	l.byFlow, l.total = byFlow, total
	l.mutex.Unlock()
	if total.Rows > 0 {
		l.tell()
	}
	return nil
}

func (l *loads) tell() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// Changed implements Box.
func (l *loads) Changed() <-chan struct{} { return l.changed }

// Load implements Box.
func (l *loads) Load(flow string) (of, total Load) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.byFlow[flow], l.total
}

// Flows implements Box.
func (l *loads) Flows() map[string]Load {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return maps.Clone(l.byFlow)
}

// remove counts a row that goes, and notes that its removal is not written yet.
func (l *loads) remove(row Row) {
	l.add(row.Flow, -1, -row.Bytes)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.gone[row.ID] = true
}

// removed notes that the removal of rows is written.
func (l *loads) removed(rows ...Row) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, row := range rows {
		delete(l.gone, row.ID)
	}
}

// isGone reports whether a row that was read is to be removed.
func (l *loads) isGone(row Row) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.gone[row.ID] && row.DeadAt.IsZero()
}
