package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// health knows what is wrong with the process and its machine. It looks in the background, so that pages and probes
// have the answer at once.
type health struct {
	server *Server
	clock  *clock
	// now gives the time of day without its monotonic reading, and the monotonic time since some moment.
	now func() (wall time.Time, elapsed time.Duration)

	disk *disk

	mutex sync.Mutex
	// timekeeping is the trouble with the clock; nil: none.
	timekeeping error
	// The difference by which the wall clock was set back, at the last check.
	behind time.Duration

	end  context.CancelFunc
	done sync.WaitGroup
}

const (
	// lookEvery is the pause between two looks at the clock.
	lookEvery = time.Second
	// maxBehind is how far the clock may be set back before the embedded server is restarted. A smaller step is over
	// sooner than a restart.
	maxBehind = 5 * time.Second
	// restartTimeout bounds a restart of the embedded server.
	restartTimeout = 30 * time.Second
)

// reader reads the wall clock and the monotonic clock.
func reader(wall func() time.Time) func() (time.Time, time.Duration) {
	if wall == nil {
		wall = time.Now
	}
	began := time.Now()
	return func() (time.Time, time.Duration) { return wall().Round(0), time.Since(began) }
}

// startHealth begins to look.
func (s *Server) startHealth() error {
	ctx, end := context.WithCancel(context.Background())
	now := reader(s.with.WallClock)
	s.health = &health{server: s, clock: newClock(now()), now: now, end: end, disk: newDisk(s.options.Data, s.logger)}
	s.health.done.Go(func() { s.health.watchClock(ctx) })
	s.health.done.Go(func() { s.health.disk.watch(ctx) })
	return s.watch.WatchEngine(func() int { return int(s.health.behindNow().Seconds()) }, s.engineRestarts)
}

func (s *Server) stopHealth() {
	if s.health != nil {
		s.health.end()
		s.health.done.Wait()
	}
}

func (s *Server) engineRestarts() int {
	if s.temporal == nil || s.temporal.embedded == nil {
		return 0
	}
	return s.temporal.embedded.Restarts()
}

// trouble is the reason why calls are not served well, as far as it is known without asking Temporal; nil: none.
func (s *Server) trouble() error {
	var failing, engine error
	if s.starts != nil {
		failing = s.starts.Failing()
	}
	if s.temporal != nil && s.temporal.embedded != nil {
		engine = s.temporal.embedded.Failing()
	}
	return errors.Join(s.machineTrouble(), engine, failing)
}

// machineTrouble is what is wrong with the machine; nil: nothing.
func (s *Server) machineTrouble() error {
	if s.health == nil {
		return nil
	}
	s.health.mutex.Lock()
	defer s.health.mutex.Unlock()
	_, full := s.health.disk.state()
	return errors.Join(s.health.timekeeping, full)
}

func (h *health) behindNow() time.Duration {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.behind
}

func (h *health) watchClock(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			h.lookAtClock(ctx)
		}
	}
}

// lookAtClock reports a clock that was set, and restarts the embedded server if it lost its way.
func (h *health) lookAtClock(ctx context.Context) {
	log, embedded := h.server.logger, h.server.temporal.embedded
	step, behind := h.clock.tick(h.now())
	if step != 0 {
		log.Warn("the wall clock was set", "step", step.Round(time.Millisecond))
	}
	if embedded == nil { // a cluster has clocks of its own
		return
	}
	h.note(behind)
	failure := embedded.Failing()
	if _, full := h.disk.state(); behind <= maxBehind && (failure == nil || full != nil) {
		return
	}
	log.Error("the embedded Temporal server is restarted", "clockSetBack", behind.Round(time.Millisecond), "error",
		failure)
	restarting, cancel := context.WithTimeout(ctx, restartTimeout)
	defer cancel()
	if err := embedded.Restart(restarting); err != nil {
		if ctx.Err() == nil {
			h.server.failed <- fmt.Errorf("restart the embedded Temporal server: %w", err)
		}
		return
	}
	log.Warn("the embedded Temporal server has started again")
	h.clock.healed()
	h.note(0)
}

func (h *health) note(behind time.Duration) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.behind, h.timekeeping = behind, nil
	if behind > 0 {
		h.timekeeping = fmt.Errorf("the wall clock was set back and is %s behind: runs wait until the embedded "+
			"Temporal server has restarted, or the clock has caught up", behind.Round(time.Millisecond))
	}
}
