// Package live tells open pages which runs and flows have changed. However many pages are open, one loop asks for
// changes, once a second, and only while there are pages.
package live

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/everhook/everhook/internal/runs"
)

// Changes reads what has changed; *runs.Operator implements it.
type Changes interface {
	// Changed returns the runs that started or ended at a time or later, at most limit, and whether there are more.
	Changed(ctx context.Context, since time.Time, limit int) (changed []runs.Summary, more bool, err error)
}

// Options configure a Hub.
type Options struct {
	Changes Changes
	// Flows returns the time of the last change of the served flows.
	Flows func() time.Time
	// Every is the time between two looks for changes. Default one second.
	Every time.Duration
	// Logger logs failed looks. Nil means no log.
	Logger *slog.Logger
}

// Event is one change.
type Event struct {
	// ID grows with every event, also over restarts of the process.
	ID int64
	// Runs are the runs that have changed; none: something else has.
	Runs []runs.Summary
	// Flows is set if flows have changed.
	Flows bool
	// Reset is set if events were lost: everything may have changed.
	Reset bool
	at    time.Time
}

// Bounds of a Hub.
const (
	// maxStreams bounds all streams, and maxOwn those of one actor.
	maxStreams = 256
	maxOwn     = 32
	// keptEvents is how many events a stream can resume over.
	keptEvents = 1024
	// lookedFor is how many changed runs one look reads. If there are more, streams are reset.
	lookedFor = 200
	// overlap is how far a look goes back before the one before: lists show a change within this time.
	overlap = 3 * time.Second
	// idle is how long the hub looks for changes after the last stream has ended, so that it can resume.
	idle = 30 * time.Second
	// lookTimeout bounds one look.
	lookTimeout = 5 * time.Second
)

// ErrTooMany means that there are as many streams as there may be.
var ErrTooMany = errors.New("too many streams are open")

// ErrClosed means that the hub was closed.
var ErrClosed = errors.New("the server stops")

// Hub looks for changes while there are streams. It is safe for concurrent use.
type Hub struct {
	options Options
	ctx     context.Context
	close   context.CancelFunc
	loop    sync.WaitGroup

	mutex   sync.Mutex
	events  []Event
	latest  int64
	grown   chan struct{} // closed by the next event
	own     map[string]int
	streams int
	looking bool
	ended   time.Time // when the last stream ended
}

// New returns a Hub without streams.
func New(o Options) *Hub {
	if o.Every == 0 {
		o.Every = time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	return &Hub{options: o, ctx: ctx, close: stop, latest: time.Now().UnixMicro(), grown: make(chan struct{}),
		own: map[string]int{}}
}

// Close ends all streams.
func (h *Hub) Close() {
	h.close()
	h.loop.Wait()
}

// Stream is the events of one page. It is not safe for concurrent use.
type Stream struct {
	hub   *Hub
	actor string
	at    int64
	lost  bool
}

// Open begins a stream after the event with an ID; 0 begins a few seconds before now, because a page was read before
// its stream was opened. If that event is unknown, the stream begins with a reset. It returns ErrTooMany if there are
// too many streams.
func (h *Hub) Open(actor string, after int64) (*Stream, error) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	switch {
	case h.ctx.Err() != nil:
		return nil, ErrClosed
	case h.streams >= maxStreams || h.own[actor] >= maxOwn:
		return nil, ErrTooMany
	}
	h.streams++
	h.own[actor]++
	if !h.looking {
		// What happened in the meantime is not known.
		h.latest++
		h.events = nil
		h.looking = true
		h.loop.Go(h.look)
	}
	s := &Stream{hub: h, actor: actor, at: h.latest}
	switch oldest := h.latest - int64(len(h.events)); {
	case after == 0:
		for i := len(h.events) - 1; i >= 0 && time.Since(h.events[i].at) < overlap; i-- {
			s.at = h.events[i].ID - 1
		}
	case after < oldest || after > h.latest:
		s.lost = true
	default:
		s.at = after
	}
	return s, nil
}

// Close ends the stream.
func (s *Stream) Close() {
	h := s.hub
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.streams--
	if h.own[s.actor]--; h.own[s.actor] == 0 {
		delete(h.own, s.actor)
	}
	h.ended = time.Now()
}

// At is the ID of the last event of the stream, or of the one after which it began.
func (s *Stream) At() int64 { return s.at }

// Next returns the next events, as soon as there is one. It returns the error of ctx when that ends, and ErrClosed when
// the hub does.
func (s *Stream) Next(ctx context.Context) ([]Event, error) {
	for {
		events, grown := s.hub.after(s)
		if len(events) > 0 {
			s.at = events[len(events)-1].ID
			return events, nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.hub.ctx.Done():
			return nil, ErrClosed
		}
	}
}

// after returns the events that a stream has not had yet, and a channel that is closed by the next one.
func (h *Hub) after(s *Stream) ([]Event, <-chan struct{}) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	missing := h.latest - s.at
	if s.lost || missing > int64(len(h.events)) {
		s.lost = false
		return []Event{{ID: h.latest, Reset: true}}, h.grown
	}
	return append([]Event(nil), h.events[int64(len(h.events))-missing:]...), h.grown
}

// tell gives an event to all streams.
func (h *Hub) tell(e Event) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.latest++
	e.ID, e.at = h.latest, time.Now()
	h.events = append(h.events, e)
	if len(h.events) > keptEvents {
		h.events = append([]Event(nil), h.events[len(h.events)-keptEvents:]...)
	}
	close(h.grown)
	h.grown = make(chan struct{})
}

// abandoned ends the looking if no page has been open for a while.
func (h *Hub) abandoned() bool {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if h.streams > 0 || time.Since(h.ended) < idle {
		return false
	}
	h.looking = false
	return true
}
