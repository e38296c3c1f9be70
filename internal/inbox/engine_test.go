package inbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/inbox"
)

// mood is how the fake Temporal behaves.
type mood int

const (
	quick mood = iota
	slow
	away
	// lies: it starts the run and says that it failed.
	lies
	moods
)

var errAway = errors.New("the engine is away")

// engine stands for Temporal and the starter in front of it.
type engine struct {
	mutex sync.Mutex
	mood  mood
	runs  map[everhook.RunID]*run
	// busy counts the starts under way by flow, most is the highest number of all.
	busy, most int
	order      []string
}

// run is what the engine knows of a run ID.
type run struct {
	// started are the deliveries of its executions, digest is that of the last.
	started []string
	digest  string
	failed  bool
}

func newEngine() *engine { return &engine{runs: map[everhook.RunID]*run{}} }

func (e *engine) set(m mood) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.mood = m
}

// starts are the deliveries of a flow whose runs were started, in that order.
func (e *engine) starts(flow string) (ids []string) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	for _, id := range e.order {
		if of, delivery, _ := strings.Cut(id, "/"); of == flow {
			ids = append(ids, delivery)
		}
	}
	return ids
}

// fail ends a run as failed without an answer.
func (e *engine) fail(id everhook.RunID) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if e.runs[id] != nil {
		e.runs[id].failed = true
	}
}

// start makes a run durable as runs.Starter does.
func (e *engine) start(ctx context.Context, d *inbox.Entry) (everhook.Started, error) {
	e.mutex.Lock()
	mood := e.mood
	e.busy++
	e.most = max(e.most, e.busy)
	e.mutex.Unlock()
	defer func() {
		e.mutex.Lock()
		defer e.mutex.Unlock()
		e.busy--
	}()
	switch mood {
	case slow:
		select {
		case <-time.After(time.Duration(rand.IntN(150)) * time.Millisecond):
		case <-ctx.Done():
			return everhook.Started{}, ctx.Err()
		}
	case away:
		return everhook.Started{}, errAway
	}
	started, err := e.confirm(d)
	if mood == lies {
		return everhook.Started{}, errAway
	}
	return started, err
}

func (e *engine) confirm(d *inbox.Entry) (everhook.Started, error) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	r := e.runs[d.Run]
	switch {
	case r == nil:
		e.runs[d.Run] = &run{started: []string{d.Delivery}, digest: d.Digest}
		e.order = append(e.order, d.Flow+"/"+d.Delivery)
		return everhook.Started{}, nil
	case r.started[len(r.started)-1] == d.Delivery || d.Duplicates == nil:
		return everhook.Started{}, nil
	case d.Duplicates.SamePayload && r.digest != d.Digest:
		return everhook.Started{}, everhook.Failuref(everhook.TypeKeyReused, "the key came with another body")
	case !r.failed || !d.Duplicates.Rerun:
		return everhook.Started{Duplicate: true}, nil
	default:
		r.started, r.failed = append(r.started, d.Delivery), false
		return everhook.Started{}, nil
	}
}

// startRow starts a row. The input is the entry as JSON.
func (e *engine) startRow(ctx context.Context, _ inbox.Row, input []byte) error {
	var d inbox.Entry
	if err := json.Unmarshal(input, &d); err != nil {
		return err
	}
	_, err := e.start(ctx, &d)
	return err
}

// delivery makes a delivery of an entry.
func (e *engine) delivery(d inbox.Entry) inbox.Delivery {
	d.Input = nil
	return inbox.Delivery{
		Entry:  d,
		Encode: func() ([]byte, error) { return json.Marshal(d) },
		Direct: func(ctx context.Context) (everhook.Started, error) { return e.start(ctx, &d) },
	}
}
