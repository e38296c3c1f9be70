package deliverylog

import (
	"sync"
	"time"
)

// Bounds of the records that wait to be written.
const (
	maxQueued      = 50_000
	maxQueuedBytes = 32 << 20
	// wakeAt is how many records wake the writer before its time.
	wakeAt = 1000
	// sampledSecond and sampledMinute are how many refused deliveries of one flow with one outcome are recorded, so
	// that a stranger who knows a URL does not push the others out of the log.
	sampledSecond = 10
	sampledMinute = 100
)

// queue has the records that wait to be written.
type queue struct {
	mutex   sync.Mutex
	records []*Record
	bytes   int
	// writing and writingBytes count the records that were taken and are not written yet.
	writing, writingBytes int
	// lost counts records for which there was no room.
	lost    int
	samples map[kind]*sample
	wake    chan struct{}
}

// kind is what refused deliveries are counted by.
type kind struct{ flow, outcome string }

// sample counts the refused deliveries of a kind.
type sample struct {
	// second is the last one, and inSecond and inMinute how many were recorded in it and in its minute.
	second             int64
	inSecond, inMinute int
	// last is the record that was made last, omitted how many deliveries after it were not recorded.
	last    string
	omitted int
}

func newQueue() *queue { return &queue{samples: map[kind]*sample{}, wake: make(chan struct{}, 1)} }

// Add records a delivery soon. It does not block, and keeps the record: it must not be changed.
func (l *Log) Add(r *Record) { l.queue.add(r) }

// Sample records a refused delivery soon, unless ten of its flow with its outcome were recorded within the second, or
// 100 within the minute. Then it is counted in the last record of them.
func (l *Log) Sample(r *Record) {
	q, now := l.queue, time.Now().Unix()
	q.mutex.Lock()
	of := kind{r.Flow, r.Outcome}
	s := q.samples[of]
	if s == nil {
		s = &sample{}
		q.samples[of] = s
	}
	if s.second/60 != now/60 {
		s.inMinute = 0
	}
	if s.second != now {
		s.second, s.inSecond = now, 0
	}
	if s.inSecond >= sampledSecond || s.inMinute >= sampledMinute {
		s.omitted++
		q.mutex.Unlock()
		return
	}
	s.inSecond++
	s.inMinute++
	s.last = r.ID
	q.mutex.Unlock()
	q.add(r)
}

func (q *queue) add(r *Record) {
	r.bound()
	size := r.size()
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if len(q.records)+q.writing >= maxQueued || q.bytes+q.writingBytes+size > maxQueuedBytes {
		q.lost++
		return
	}
	q.records = append(q.records, r)
	q.bytes += size
	if len(q.records) == wakeAt {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// group is what is written in one transaction.
type group struct {
	records []*Record
	// omitted are numbers to add to records, by their IDs.
	omitted map[string]int
	// lost counts records that were lost before.
	lost int
}

// take returns what waits.
func (q *queue) take() group {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	g := group{records: q.records, omitted: map[string]int{}, lost: q.lost}
	q.writing, q.writingBytes = len(q.records), q.bytes
	q.records, q.bytes, q.lost = nil, 0, 0
	now := time.Now().Unix()
	for of, s := range q.samples {
		if s.omitted > 0 {
			g.omitted[s.last] += s.omitted
			s.omitted = 0
		} else if s.second/60 < now/60 {
			delete(q.samples, of)
		}
	}
	return g
}

// written frees the room of what was taken.
func (q *queue) written() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.writing, q.writingBytes = 0, 0
}
