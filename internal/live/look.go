package live

import (
	"context"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/runs"
)

// look tells of changes until no stream is open.
func (h *Hub) look() {
	ticker := time.NewTicker(h.options.Every)
	defer ticker.Stop()
	l := looker{Hub: h, since: time.Now(), flows: h.options.Flows(), known: map[string]seen{}}
	l.runs()
	for !h.abandoned() {
		select {
		case <-h.ctx.Done():
			return
		case <-ticker.C:
			l.runs()
			if at := h.options.Flows(); !at.Equal(l.flows) {
				l.flows = at
				h.tell(Event{Flows: true})
			}
		}
	}
}

// looker knows what streams were told of.
type looker struct {
	*Hub
	// since is the time of the last look that succeeded.
	since time.Time
	flows time.Time
	// known are the executions that the last looks found.
	known   map[string]seen
	failing bool
}

type seen struct {
	status everhook.Status
	at     time.Time
}

// runs tells of the runs that changed since the last look.
func (l *looker) runs() {
	ctx, cancel := context.WithTimeout(l.ctx, lookTimeout)
	defer cancel()
	began := time.Now()
	found, more, err := l.options.Changes.Changed(ctx, l.since.Add(-overlap), lookedFor)
	if err != nil {
		if !l.failing && l.ctx.Err() == nil {
			l.options.Logger.Warn("open pages are not told of runs", "error", err)
		}
		l.failing = true
		return
	}
	l.since, l.failing = began, false
	if changed := l.unknown(found, began); more {
		l.tell(Event{Reset: true})
	} else if len(changed) > 0 {
		l.tell(Event{Runs: changed})
	}
}

// unknown returns the runs that are new or have another status, and forgets those that no look finds any more.
func (l *looker) unknown(found []runs.Summary, now time.Time) []runs.Summary {
	var changed []runs.Summary
	for _, run := range found {
		if before, ok := l.known[run.Execution]; !ok || before.status != run.Status {
			changed = append(changed, run)
		}
		l.known[run.Execution] = seen{run.Status, now}
	}
	for execution, last := range l.known {
		if last.at != now {
			delete(l.known, execution)
		}
	}
	return changed
}
