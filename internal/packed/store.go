// Package packed keeps values of runs in little memory while the runs do not use them. A run that waits for days has
// the body of its delivery, and results of its nodes, which take ten to fifty times the size of their JSON in memory.
//
// A value is packed when it was not used for some time, or earlier if all values together take too much, and unpacked
// when it is used. Both change nothing that a run can notice: the value is the same before and after. So the clock may
// decide when it happens, although workflow code uses the values.
package packed

import (
	"cmp"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/klauspost/compress/zstd"
)

// Options are the settings of a store.
type Options struct {
	// Budget is about how many bytes the values may take that are unpacked, besides those in use.
	Budget int64
	// Idle is how long a value stays unpacked after its last use; up to twice as long. Default 1 s.
	Idle time.Duration
	// Above is the weight in bytes from which values are packed. Lighter ones would save little. Default 8 KiB.
	Above int
}

// maxWeight bounds the weight that is counted for one value.
const maxWeight = 1 << 30

// Store packs the values of many runs. It is safe for concurrent use.
type Store struct {
	options Options
	encode  *zstd.Encoder
	decode  *zstd.Decoder

	mu sync.Mutex
	// unpacked are the values to be packed, the ones that were unpacked first in front.
	unpacked []weak.Pointer[Value]
	// weight is the sum of their weights. It counts values that the garbage collector has not found yet.
	weight int64

	// full asks for packing at once.
	full chan struct{}
	done chan struct{}
	once sync.Once
	ends sync.WaitGroup
}

// NewStore makes a store.
func NewStore(o Options) (*Store, error) {
	o.Idle, o.Above = cmp.Or(o.Idle, time.Second), cmp.Or(o.Above, 8<<10)
	encode, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, err
	}
	decode, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0))
	if err != nil {
		return nil, err
	}
	s := &Store{options: o, encode: encode, decode: decode, full: make(chan struct{}, 1), done: make(chan struct{})}
	s.ends.Go(s.sweep)
	return s, nil
}

// Close ends the packing. Values can still be used. A second call does nothing.
func (s *Store) Close() {
	s.once.Do(func() { close(s.done) })
	s.ends.Wait()
}

// Run makes the part of the store that has the values of one run.
func (s *Store) Run() *Run { return &Run{store: s} }

// Run has the values of one run.
type Run struct {
	store *Store
	ended atomic.Bool
}

// Keep gives a *Value in place of a heavy value, and the value itself otherwise. The value must not be changed any
// more.
func (r *Run) Keep(v any) any {
	switch v.(type) {
	case string, []any, map[string]any:
	default:
		return v
	}
	above := r.store.options.Above
	bytes, canonical := weight(v, above)
	if !canonical || bytes <= above {
		return v
	}
	if bytes, canonical = weight(v, maxWeight); !canonical {
		return v
	}
	kept, tree := &Value{run: r, weight: int64(bytes)}, v
	kept.tree.Store(&tree)
	kept.used.Store(true)
	r.store.add(kept)
	return kept
}

// End says that the run is not executed any more: its values are not worth packing.
func (r *Run) End() { r.ended.Store(true) }

// Value is a value that is packed while it is not used.
type Value struct {
	run    *Run
	weight int64
	// tree is the value; nil while it is packed. used is set when it is read.
	tree atomic.Pointer[any]
	used atomic.Bool

	mu sync.Mutex
	// data is the packed form. It stays when the value is unpacked, because values do not change.
	data []byte
	// size is that of the packed form before compression.
	size int
}

// Load gives the value, which must not be changed.
func (v *Value) Load() any {
	if tree := v.tree.Load(); tree != nil {
		v.used.Store(true)
		return *tree
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if tree := v.tree.Load(); tree != nil {
		return *tree
	}
	plain, err := v.run.store.decode.DecodeAll(v.data, make([]byte, 0, v.size))
	if err != nil {
		panic("a packed value cannot be read: " + err.Error())
	}
	read := (&reader{data: plain}).read()
	v.used.Store(true)
	v.tree.Store(&read)
	v.run.store.add(v)
	return read
}

// pack drops the tree.
func (v *Value) pack() {
	v.mu.Lock()
	defer v.mu.Unlock()
	tree := v.tree.Load()
	if tree == nil {
		return
	}
	if v.data == nil {
		w := writer{keys: map[string]uint64{}}
		w.write(*tree)
		v.size = len(w.data)
		compressed := v.run.store.encode.EncodeAll(w.data, make([]byte, 0, len(w.data)/4))
		v.data = append(make([]byte, 0, len(compressed)), compressed...)
	}
	v.tree.Store(nil)
}

func (s *Store) add(v *Value) {
	s.mu.Lock()
	s.unpacked = append(s.unpacked, weak.Make(v))
	s.weight += v.weight
	over := s.weight > s.options.Budget
	s.mu.Unlock()
	if over {
		select {
		case s.full <- struct{}{}:
		default:
		}
	}
}

// sweep packs until the store is closed.
func (s *Store) sweep() {
	tick := time.NewTicker(s.options.Idle)
	defer tick.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-tick.C:
			s.pass(false)
		case <-s.full:
			s.pass(true)
		}
	}
}

// pass goes through the unpacked values once. It packs those that were not used since the pass before; under pressure
// all of them, oldest first, until half of the budget is free.
func (s *Store) pass(pressure bool) {
	s.mu.Lock()
	values := s.unpacked
	s.unpacked, s.weight = nil, 0
	s.mu.Unlock()
	left := int64(0)
	alive := make([]*Value, 0, len(values))
	for _, pointer := range values {
		if v := pointer.Value(); v != nil && !v.run.ended.Load() {
			alive = append(alive, v)
			left += v.weight
		}
	}
	kept := make([]weak.Pointer[Value], 0, len(alive))
	for i, v := range alive {
		alive[i] = nil
		used := v.used.Swap(false)
		if pressure {
			used = left <= s.options.Budget/2
		}
		if used {
			kept = append(kept, weak.Make(v))
			continue
		}
		v.pack()
		left -= v.weight
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unpacked = append(kept, s.unpacked...)
	s.weight += left
}
