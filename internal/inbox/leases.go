package inbox

import (
	"maps"
	"slices"
	"sync"
)

// leases are the rows that a process has taken from a database. Only these are renewed and kept from the process's next
// Take: a row whose taking was committed, but not answered, is free again once its lease has expired.
type leases struct {
	mutex sync.Mutex
	ids   map[int64]bool
}

func (l *leases) add(rows []Row) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.ids == nil {
		l.ids = map[int64]bool{}
	}
	for _, row := range rows {
		l.ids[row.ID] = true
	}
}

func (l *leases) remove(rows ...Row) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, row := range rows {
		delete(l.ids, row.ID)
	}
}

// all returns the rows, not nil: PostgreSQL compares nothing with NULL.
func (l *leases) all() []int64 {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return slices.AppendSeq(make([]int64, 0, len(l.ids)), maps.Keys(l.ids))
}
