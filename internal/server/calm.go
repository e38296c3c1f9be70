package server

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Bounds of repeated messages: so many of one message in that time. A full disk makes the embedded server log hundreds
// of errors a second, which say the same.
const (
	repeatsEach = 10 * time.Second
	repeats     = 5
)

// calm makes a logger that leaves out repeated messages. The first message afterwards says how many were left out. Only
// names the messages that may be left out; nil: all.
func calm(logger *slog.Logger, only []string) *slog.Logger {
	return slog.New(calmed{logger.Handler(), only, &heard{byMessage: map[string]*hearing{}}})
}

type calmed struct {
	slog.Handler
	only  []string
	heard *heard
}

// heard counts the messages of a logger and of all that were derived from it.
type heard struct {
	mutex     sync.Mutex
	byMessage map[string]*hearing
}

type hearing struct {
	since           time.Time
	passed, leftOut int
}

// maxMessages bounds what heard keeps. Messages are constants, so there are few.
const maxMessages = 1000

// take reports whether a message may pass, and how many were left out before it.
func (h *heard) take(message string, at time.Time) (passes bool, leftOut int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	known := h.byMessage[message]
	if known == nil {
		if len(h.byMessage) >= maxMessages {
			return true, 0
		}
		known = &hearing{since: at}
		h.byMessage[message] = known
	}
	if at.Sub(known.since) >= repeatsEach {
		leftOut = known.leftOut
		*known = hearing{since: at}
	}
	if known.passed >= repeats {
		known.leftOut++
		return false, 0
	}
	known.passed++
	return true, leftOut
}

func (c calmed) Handle(ctx context.Context, record slog.Record) error {
	if c.only != nil && !slices.Contains(c.only, record.Message) {
		return c.Handler.Handle(ctx, record)
	}
	passes, leftOut := c.heard.take(record.Message, record.Time)
	if !passes {
		return nil
	}
	if leftOut > 0 {
		record.AddAttrs(slog.Int("leftOut", leftOut))
	}
	return c.Handler.Handle(ctx, record)
}

func (c calmed) WithAttrs(attrs []slog.Attr) slog.Handler {
	return calmed{c.Handler.WithAttrs(attrs), c.only, c.heard}
}

func (c calmed) WithGroup(name string) slog.Handler {
	return calmed{c.Handler.WithGroup(name), c.only, c.heard}
}
