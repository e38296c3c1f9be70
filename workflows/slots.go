package workflows

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/everhook/everhook/activities"
)

// slots bound the effects that the workers of this process have under way, of all flows together and of each flow. The
// last fifth is only for flows that have few under way. So effects that take long, of however many runs of one flow,
// never keep those of other flows waiting.
//
// Task queues serve flows in turns, but a worker learns the flow of a task only when it has it. So while only the last
// fifth is free, few tasks are asked for in a second, and a task of a flow that has its part is handed back.
type slots struct {
	most int
	// pace is the pause between two slots of the last fifth.
	pace time.Duration

	mutex sync.Mutex
	// issued slots are reserved by a poller, or used. Changed is closed when one is given back.
	issued  int
	changed chan struct{}
	// next is when a slot of the last fifth may be issued.
	next time.Time
	// running counts effects by their flow, total all of them.
	running map[string]int
	total   int
}

const (
	// DefaultEffects is how many effects of all flows are under way at the same time in one process.
	DefaultEffects = 500
	// shareForFew divides the slots: the last part is for flows that have fewer than a part by fewOf under way.
	shareForFew, fewOf = 5, 10
	// slotPace is what another flow waits for a slot at most, while one flow has its part and tasks of both wait.
	slotPace = 50 * time.Millisecond
)

func newSlots(most int) *slots {
	return &slots{most: most, pace: slotPace, changed: make(chan struct{}), running: map[string]int{}}
}

var _ worker.SlotSupplier = (*slots)(nil)

// open are the slots that every flow may use.
func (s *slots) open() int { return s.most - s.most/shareForFew }

// few is how many effects a flow may have under way when the open slots are used.
func (s *slots) few() int { return max(1, s.most/fewOf) }

// enter takes a place for an effect of a flow, and returns how to give it back. It returns false if the flow has its
// part.
func (s *slots) enter(flow string) (leave func(), ok bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.total >= s.open() && s.running[flow] >= s.few() {
		return nil, false
	}
	return s.take(flow), true
}

// force takes a place in any case.
func (s *slots) force(flow string) (leave func()) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.take(flow)
}

func (s *slots) take(flow string) (leave func()) {
	s.running[flow]++
	s.total++
	return func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.total--
		if s.running[flow]--; s.running[flow] == 0 {
			delete(s.running, flow)
		}
	}
}

// ReserveSlot is called before a worker asks for a task. It returns when there is a slot.
func (s *slots) ReserveSlot(ctx context.Context, _ worker.SlotReservationInfo) (*worker.SlotPermit, error) {
	for {
		wait, changed := s.reserve(time.Now())
		if wait == 0 {
			return &worker.SlotPermit{}, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		case <-changed:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// reserve issues a slot, or returns after how long, or after which change, there may be one.
func (s *slots) reserve(now time.Time) (wait time.Duration, changed <-chan struct{}) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch {
	case s.issued >= s.most:
		return time.Hour, s.changed
	case s.total >= s.open() && now.Before(s.next):
		return s.next.Sub(now), s.changed
	case s.total >= s.open():
		s.next = now.Add(s.pace)
	}
	s.issued++
	return 0, nil
}

// TryReserveSlot is called for an effect that follows in the same worker: it gets no slot of the last fifth.
func (s *slots) TryReserveSlot(worker.SlotReservationInfo) *worker.SlotPermit {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.issued >= s.open() {
		return nil
	}
	s.issued++
	return &worker.SlotPermit{}
}

// MarkSlotUsed is not needed: see enter.
func (s *slots) MarkSlotUsed(worker.SlotMarkUsedInfo) {}

// ReleaseSlot gives a slot back.
func (s *slots) ReleaseSlot(worker.SlotReleaseInfo) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.issued--
	close(s.changed)
	s.changed = make(chan struct{})
}

// MaxSlots is how many slots there are.
func (s *slots) MaxSlots() int { return s.most }

// tuner gives a worker these slots for effects, and the SDK's numbers of slots for all else.
func (s *slots) tuner() (worker.WorkerTuner, error) {
	others, err := worker.NewFixedSizeTuner(worker.FixedSizeTunerOptions{NumActivitySlots: s.most})
	if err != nil {
		return nil, err
	}
	return worker.NewCompositeTuner(worker.CompositeTunerOptions{
		WorkflowSlotSupplier:        others.GetWorkflowTaskSlotSupplier(),
		ActivitySlotSupplier:        s,
		LocalActivitySlotSupplier:   others.GetLocalActivitySlotSupplier(),
		NexusSlotSupplier:           others.GetNexusSlotSupplier(),
		SessionActivitySlotSupplier: others.GetSessionActivitySlotSupplier(),
	})
}

// placing gives each effect a place, or hands it back.
type placing struct {
	interceptor.WorkerInterceptorBase
	slots *slots
}

// InterceptActivity is called once for each attempt.
func (p *placing) InterceptActivity(_ context.Context,
	next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &placedActivity{slots: p.slots}
	i.Next = next
	return i
}

type placedActivity struct {
	interceptor.ActivityInboundInterceptorBase
	slots *slots
}

func (i *placedActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	if info.IsLocalActivity || info.ActivityType.Name == activities.Yield {
		return i.Next.ExecuteActivity(ctx, in)
	}
	flow := info.Priority.FairnessKey
	leave, ok := i.slots.enter(flow)
	if !ok {
		if err, ok := activities.HandBack(ctx); ok {
			return nil, err
		}
		leave = i.slots.force(flow)
	}
	defer leave()
	return i.Next.ExecuteActivity(ctx, in)
}
