package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/everhook/everhook"
)

// drain starts the runs of rows: the oldest of each flow first, and the flows in turns. One goroutine schedules.
type drain struct {
	inbox *Inbox
	// queues has the rows that were taken and are not being started, and turns the flows that may have more.
	queues map[string][]*tried
	turns  []string
	// later are rows that have to wait before they are tried again.
	later []*tried
	// busy counts the rows that are being started, and busyBytes their sizes.
	busy      int
	busyBytes int
	ended     chan outcome
	starting  sync.WaitGroup
	// refreshed is when the flows were last read, and stale is set if there may be more since.
	refreshed time.Time
	stale     bool
}

// tried is a row with its failures.
type tried struct {
	Row
	// failures counts those of the row alone: others succeeded in between. Successes is the number of these at the last
	// failure.
	failures, successes int
	due                 time.Time
}

// outcome is how the start of a row ended.
type outcome struct {
	row   *tried
	began time.Time
	err   error
}

// Bounds of the drain.
const (
	// takeRows is how many rows of a flow are taken at once.
	takeRows = 32
	// maxBusyBytes bounds the inputs of the rows that are being started together.
	maxBusyBytes = 32 << 20
	// maxFailures is how often a row may fail while others succeed, before it goes to the dead letters.
	maxFailures = 8
	// firstDelay is the pause after the first failure of a row alone; it doubles up to maxDelay.
	firstDelay, maxDelay = 100 * time.Millisecond, 30 * time.Second
	// refreshEvery is how often the flows are read while there is work.
	refreshEvery = 20 * time.Millisecond
	// boxPause is the pause after an error of the box.
	boxPause = 500 * time.Millisecond
	// buryTimeout bounds the writing of a dead letter, and startTimeout one start.
	buryTimeout, startTimeout = 10 * time.Second, 15 * time.Second
	// maxReason bounds the reason of a dead letter, in bytes.
	maxReason = 1000
)

func newDrain(i *Inbox) *drain {
	return &drain{inbox: i, queues: map[string][]*tried{}, ended: make(chan outcome, maxDrain)}
}

// run schedules until ctx ends, and then waits for the starts under way.
func (d *drain) run(ctx context.Context) {
	defer d.stop()
	d.refresh()
	for ctx.Err() == nil {
		pause := d.startAll(ctx)
		if d.stale && (pause == 0 || pause > refreshEvery) {
			pause = refreshEvery
		}
		var timer <-chan time.Time
		if pause > 0 {
			timer = time.After(pause)
		}
		select {
		case <-ctx.Done():
		case <-timer:
		case ended := <-d.ended:
			d.note(ended)
		case <-d.inbox.options.Box.Changed():
			d.stale = true
		case <-d.inbox.wake:
			d.stale = true
		}
		if d.stale && (len(d.turns) == 0 || time.Since(d.refreshed) >= refreshEvery) {
			d.refresh()
		}
	}
}

// stop gives all rows back.
func (d *drain) stop() {
	go func() {
		d.starting.Wait()
		close(d.ended)
	}()
	for ended := range d.ended {
		d.note(ended)
	}
	var rows []Row
	for _, queue := range d.queues {
		for _, row := range queue {
			rows = append(rows, row.Row)
		}
	}
	for _, row := range d.later {
		rows = append(rows, row.Row)
	}
	ctx, cancel := context.WithTimeout(context.Background(), buryTimeout)
	defer cancel()
	if err := d.inbox.options.Box.Release(ctx, rows); err != nil {
		d.inbox.options.Logger.Warn("rows of the inbox are not given back; they are taken again later", "error", err)
	}
}

// refresh gives every flow with rows its turn, except for those that are paused.
func (d *drain) refresh() {
	d.refreshed, d.stale = time.Now(), false
	known := make(map[string]bool, len(d.turns))
	for _, flow := range d.turns {
		known[flow] = true
	}
	for flow := range d.inbox.options.Box.Flows() {
		if !known[flow] && !d.inbox.options.Paused(flow) {
			d.turns = append(d.turns, flow)
		}
	}
}

// startAll starts as many rows as the pace allows. It returns when to call it again although nothing happened; 0:
// never.
func (d *drain) startAll(ctx context.Context) time.Duration {
	d.recall()
	for ctx.Err() == nil {
		room, wait := d.inbox.pace.room()
		if wait > 0 {
			return wait
		}
		if len(d.turns) == 0 {
			return d.untilDue()
		}
		if d.busy >= room {
			d.inbox.yield.addFull()
			return d.untilDue()
		}
		if wait := d.inbox.yield.wait(); wait > 0 {
			return wait
		}
		row, err := d.next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				d.inbox.options.Logger.Error("the inbox cannot be read", "error", err)
			}
			return boxPause
		}
		if row == nil {
			continue
		}
		if d.busy > 0 && d.busyBytes+row.Bytes > maxBusyBytes {
			d.putBack(row)
			return d.untilDue()
		}
		d.start(ctx, row)
	}
	return 0
}

// recall puts the rows whose pause is over back into their queues.
func (d *drain) recall() {
	now := d.inbox.options.Clock()
	d.later = slices.DeleteFunc(d.later, func(row *tried) bool {
		if row.due.After(now) {
			return false
		}
		d.putBack(row)
		return true
	})
}

// untilDue is the time until the next row of later is due; 0: there is none.
func (d *drain) untilDue() time.Duration {
	if len(d.later) == 0 {
		return 0
	}
	next := slices.MinFunc(d.later, func(a, b *tried) int { return a.due.Compare(b.due) })
	return max(next.due.Sub(d.inbox.options.Clock()), time.Millisecond)
}

// putBack makes a row the next of its flow.
func (d *drain) putBack(row *tried) {
	d.queues[row.Flow] = slices.Insert(d.queues[row.Flow], 0, row)
	if !slices.Contains(d.turns, row.Flow) {
		d.turns = append(d.turns, row.Flow)
	}
}

// next returns the oldest row of the flow whose turn it is; nil: that flow has none, or is paused.
func (d *drain) next(ctx context.Context) (*tried, error) {
	flow := d.turns[0]
	if d.inbox.options.Paused(flow) {
		d.turns = d.turns[1:]
		return nil, nil
	}
	queue := d.queues[flow]
	if len(queue) == 0 {
		rows, err := d.inbox.options.Box.Take(ctx, flow, takeRows)
		if err != nil {
			return nil, err
		}
		successes := d.inbox.pace.started()
		for _, row := range rows {
			queue = append(queue, &tried{Row: row, successes: successes})
		}
	}
	d.turns = d.turns[1:]
	if len(queue) == 0 {
		delete(d.queues, flow)
		return nil, nil
	}
	d.turns, d.queues[flow] = append(d.turns, flow), queue[1:]
	return queue[0], nil
}

// start reads the input of a row and starts its run. Inputs are read here, one after the other: many readers would wait
// for connections, and not in the order of the rows.
func (d *drain) start(ctx context.Context, row *tried) {
	d.inbox.yield.take()
	d.busy++
	d.busyBytes += row.Bytes
	began := d.inbox.options.Clock()
	input, err := d.inbox.options.Box.Input(ctx, row.Row)
	if err != nil {
		d.note(outcome{row, began, err})
		return
	}
	d.starting.Go(func() {
		starting, cancel := context.WithTimeout(withTrace(ctx, row.Trace), startTimeout)
		defer cancel()
		d.ended <- outcome{row, began, d.inbox.options.Start(starting, row.Row, input)}
	})
}

// note handles how the start of a row ended.
func (d *drain) note(ended outcome) {
	row, err, pace := ended.row, ended.err, d.inbox.pace
	busy := d.busy
	d.busy--
	d.busyBytes -= row.Bytes
	switch {
	case err == nil:
		pace.drained(ended.began, false, busy)
		d.inbox.yield.addStarted()
		d.inbox.options.Box.Done(row.Row)
	case errors.Is(err, ErrNoRow): // dropped meanwhile, or another process has started it
		return
	case errors.Is(err, context.Canceled):
		d.putBack(row)
	case errors.Is(err, ErrLater):
		row.due = d.inbox.options.Clock().Add(maxDelay)
		d.later = append(d.later, row)
	case isOwn(err):
		d.bury(row, err.Error())
	case errors.Is(err, everhook.ErrOverloaded):
		pace.refused(ended.began)
		d.putBack(row)
	default:
		pace.drained(ended.began, true, busy)
		d.failed(row, err)
	}
}

// failed decides when a row is tried again that failed for a reason that may pass.
func (d *drain) failed(row *tried, err error) {
	if successes := d.inbox.pace.started(); successes > row.successes {
		row.failures++
		row.successes = successes
	}
	if row.failures > maxFailures {
		d.bury(row, fmt.Sprintf("%d starts failed while others succeeded, the last with: %s", row.failures, err))
		return
	}
	if row.failures <= 1 {
		d.putBack(row)
		return
	}
	row.due = d.inbox.options.Clock().Add(min(firstDelay<<(row.failures-2), maxDelay))
	d.later = append(d.later, row)
}

// bury moves a row to the dead letters.
func (d *drain) bury(row *tried, reason string) {
	ctx, cancel := context.WithTimeout(context.Background(), buryTimeout)
	defer cancel()
	log := d.inbox.options.Logger.With("flow", row.Flow, "run", row.Run, "reason", reason)
	if err := d.inbox.options.Box.Bury(ctx, row.Row, everhook.Shorten(reason, maxReason)); err != nil {
		log.Error("a delivery that cannot be started could not be moved to the dead letters", "error", err)
		row.due = d.inbox.options.Clock().Add(maxDelay)
		d.later = append(d.later, row)
		return
	}
	log.Error("a delivery cannot be started and is among the dead letters; see `everhook inbox list --dead`")
}
