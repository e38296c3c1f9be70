// Package places bounds the effects that a worker has under way, of all flows together and of each flow. The last fifth
// of the places is only for flows that have few effects under way. So effects that take long, of however many runs of
// one flow, never keep those of other flows waiting.
//
// Task queues serve flows in turns, but a worker learns the flow of a task only when it has it. So while only the last
// fifth is free, few tasks are asked for in a second, and a task of a flow that has its part is handed back.
package places

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/everhook/everhook/activities"
)

// Places are those of one process.
type Places struct {
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
	// Default is how many places a process has if it is not told.
	Default = 500
	// shareForFew divides the slots: the last part is for flows that have fewer than a part by fewOf under way.
	shareForFew, fewOf = 5, 10
	// pace is what another flow waits for a slot at most, while one flow has its part and tasks of both wait.
	pace = 50 * time.Millisecond
)

// New makes so many places for effects.
func New(most int) *Places {
	return &Places{most: most, pace: pace, changed: make(chan struct{}), running: map[string]int{}}
}

var _ worker.SlotSupplier = (*Places)(nil)

// open are the slots that every flow may use.
func (p *Places) open() int { return p.most - p.most/shareForFew }

// few is how many effects a flow may have under way when the open slots are used.
func (p *Places) few() int { return max(1, p.most/fewOf) }

// enter takes a place for an effect of a flow, and returns how to give it back. It returns false if the flow has its
// part.
func (p *Places) enter(flow string) (leave func(), ok bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.total >= p.open() && p.running[flow] >= p.few() {
		return nil, false
	}
	return p.take(flow), true
}

// force takes a place in any case.
func (p *Places) force(flow string) (leave func()) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.take(flow)
}

func (p *Places) take(flow string) (leave func()) {
	p.running[flow]++
	p.total++
	return func() {
		p.mutex.Lock()
		defer p.mutex.Unlock()
		p.total--
		if p.running[flow]--; p.running[flow] == 0 {
			delete(p.running, flow)
		}
	}
}

// ReserveSlot is called before a worker asks for a task. It returns when there is a slot.
func (p *Places) ReserveSlot(ctx context.Context, _ worker.SlotReservationInfo) (*worker.SlotPermit, error) {
	for {
		wait, changed := p.reserve(time.Now())
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
func (p *Places) reserve(now time.Time) (wait time.Duration, changed <-chan struct{}) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	switch {
	case p.issued >= p.most:
		return time.Hour, p.changed
	case p.total >= p.open() && now.Before(p.next):
		return p.next.Sub(now), p.changed
	case p.total >= p.open():
		p.next = now.Add(p.pace)
	}
	p.issued++
	return 0, nil
}

// TryReserveSlot is called for an effect that follows in the same worker: it gets no slot of the last fifth.
func (p *Places) TryReserveSlot(worker.SlotReservationInfo) *worker.SlotPermit {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.issued >= p.open() {
		return nil
	}
	p.issued++
	return &worker.SlotPermit{}
}

// MarkSlotUsed is not needed: see enter.
func (p *Places) MarkSlotUsed(worker.SlotMarkUsedInfo) {}

// ReleaseSlot gives a slot back.
func (p *Places) ReleaseSlot(worker.SlotReleaseInfo) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.issued--
	close(p.changed)
	p.changed = make(chan struct{})
}

// MaxSlots is how many slots there are.
func (p *Places) MaxSlots() int { return p.most }

// Tuner gives a worker these slots for effects, and the SDK's numbers of slots for all else.
func (p *Places) Tuner() (worker.WorkerTuner, error) {
	others, err := worker.NewFixedSizeTuner(worker.FixedSizeTunerOptions{NumActivitySlots: p.most})
	if err != nil {
		return nil, err
	}
	return worker.NewCompositeTuner(worker.CompositeTunerOptions{
		WorkflowSlotSupplier:        others.GetWorkflowTaskSlotSupplier(),
		ActivitySlotSupplier:        p,
		LocalActivitySlotSupplier:   others.GetLocalActivitySlotSupplier(),
		NexusSlotSupplier:           others.GetNexusSlotSupplier(),
		SessionActivitySlotSupplier: others.GetSessionActivitySlotSupplier(),
	})
}

// Interceptor gives each effect a place, or hands it back. Effects with this name need none.
func (p *Places) Interceptor(free string) interceptor.WorkerInterceptor {
	return &placing{places: p, free: free}
}

type placing struct {
	interceptor.WorkerInterceptorBase
	places *Places
	free   string
}

// InterceptActivity is called once for each attempt.
func (p *placing) InterceptActivity(_ context.Context,
	next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &placedActivity{placing: p}
	i.Next = next
	return i
}

type placedActivity struct {
	interceptor.ActivityInboundInterceptorBase
	*placing
}

func (i *placedActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	if info.IsLocalActivity || info.ActivityType.Name == i.free {
		return i.Next.ExecuteActivity(ctx, in)
	}
	flow := info.Priority.FairnessKey
	leave, ok := i.places.enter(flow)
	if !ok {
		if err, ok := activities.HandBack(ctx); ok {
			return nil, err
		}
		leave = i.places.force(flow)
	}
	defer leave()
	return i.Next.ExecuteActivity(ctx, in)
}
