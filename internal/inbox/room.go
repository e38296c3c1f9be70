package inbox

import "sync"

// room bounds what waits in a box. The last fifth is for flows that have less than a twentieth of all, so that no flow
// shuts out the others.
type room struct {
	maxRows  int
	maxBytes int64
	load     func(flow string) (of, total Load)

	mutex sync.Mutex
	// coming are entries that are being stored.
	coming Load
	byFlow map[string]Load
}

func newRoom(maxRows int, maxBytes int64, load func(flow string) (of, total Load)) *room {
	return &room{maxRows: maxRows, maxBytes: maxBytes, load: load, byFlow: map[string]Load{}}
}

// take reserves the place of one entry until leave; false: there is none.
func (r *room) take(flow string, size int) bool {
	of, total := r.load(flow)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	coming := r.byFlow[flow]
	of, total = of.plus(coming.Rows, coming.Bytes), total.plus(r.coming.Rows, r.coming.Bytes)
	if !within(int64(of.Rows), int64(total.Rows), 1, int64(r.maxRows)) ||
		!within(of.Bytes, total.Bytes, int64(size), r.maxBytes) {
		return false
	}
	r.byFlow[flow], r.coming = coming.plus(1, int64(size)), r.coming.plus(1, int64(size))
	return true
}

// within reports whether a flow that has of of total may have more.
func within(of, total, more, bound int64) bool {
	return total+more <= bound && (total+more <= bound-bound/5 || of+more <= bound/20)
}

// leave ends the reservation of an entry that is stored, or is not.
func (r *room) leave(flow string, size int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.coming = r.coming.plus(-1, -int64(size))
	if left := r.byFlow[flow].plus(-1, -int64(size)); left.Rows > 0 {
		r.byFlow[flow] = left
	} else {
		delete(r.byFlow, flow)
	}
}
