package receiver

import "sync"

// places bounds the callers that wait at one time. The last fifth of the places is for flows that hold less than a
// twentieth of all, so that no flow shuts out the others.
type places struct {
	mutex  sync.Mutex
	total  int
	taken  int
	byFlow map[string]int
}

func newPlaces(total int) *places { return &places{total: total, byFlow: map[string]int{}} }

// take gives a flow a place; false: there is none for it.
func (p *places) take(flow string) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.taken >= p.total || p.taken >= p.total-p.total/5 && p.byFlow[flow] >= p.total/20 {
		return false
	}
	p.taken++
	p.byFlow[flow]++
	return true
}

// free gives a place back.
func (p *places) free(flow string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.taken--
	if p.byFlow[flow]--; p.byFlow[flow] == 0 {
		delete(p.byFlow, flow)
	}
}

func (p *places) count() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.taken
}
