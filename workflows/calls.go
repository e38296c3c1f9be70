package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
)

// Types of the error that refuses ResumeUpdate. Refusals are not recorded, so a repeat is checked again.
const (
	RefusedLate   = "everhook.late"
	RefusedFull   = "everhook.full"
	RefusedNoWait = "everhook.no-wait"
)

// Bounds of the early calls of one run, whose nodes are not reached yet.
const (
	maxEarlyCalls = 100
	maxEarlyBytes = 1 << 20
	// maxWaits bounds the waits of one run, including those in handed-over loops: Temporal accepts 2,000 updates for an
	// execution, and each wait adds about sixteen events to its history.
	maxWaits = 1900
)

// wait names one step that waits for a call.
type wait struct {
	node *compile.Node
	// iteration is the position of the step in its loops.
	iteration string
}

func (w wait) name() string { return waitName(w.node.Key, w.iteration) }

// waitName returns a text that is unique in the run: keys contain no slash.
func waitName(node, iteration string) string { return node + "/" + iteration }

// mailbox receives the calls of waits. The root execution, where calls arrive, has another one than executions that
// continue its loops.
type mailbox interface {
	// await returns the call of a wait, or false if none came within the deadline; 0 means no deadline. Its error is
	// that of a cancelled run or branch. A call that was acknowledged before the end of the wait is always returned,
	// whatever else happened at the same moment.
	await(ctx workflow.Context, w wait, deadline time.Duration) (*everhook.ResumeCall, bool, error)
}

// inbox is the mailbox of the execution that receives the updates. Its state changes in the order of the history, the
// same on every replay.
type inbox struct {
	run *run
	// early holds calls whose wait has not begun, open the waits without a call, over the waits that have ended.
	early map[string]*everhook.ResumeCall
	open  map[string]*slot
	over  map[string]bool
	// bytes is the size of the early calls, waits counts the waits.
	bytes, waits int
}

// slot receives the call of an open wait.
type slot struct{ call *everhook.ResumeCall }

var _ mailbox = (*inbox)(nil)

func newInbox(r *run) *inbox {
	return &inbox{run: r, early: map[string]*everhook.ResumeCall{}, open: map[string]*slot{}, over: map[string]bool{}}
}

// serve starts to accept calls.
func (i *inbox) serve(ctx workflow.Context) error {
	return workflow.SetUpdateHandlerWithOptions(ctx, ResumeUpdate,
		func(_ workflow.Context, call *everhook.ResumeCall) (everhook.Answer, error) {
			i.take(call)
			return call.Answer, nil
		}, workflow.UpdateHandlerOptions{Validator: i.admit, Description: "Ends the wait of a node for a call."})
}

// admit refuses a call that the run cannot keep. It changes nothing, and is not called again on replay.
func (i *inbox) admit(call *everhook.ResumeCall) error {
	name := waitName(call.Node, call.Iteration)
	refuse := func(kind, format string, args ...any) error {
		return temporal.NewNonRetryableApplicationError(fmt.Sprintf(format, args...), kind, nil)
	}
	_, known := i.run.Flow().LoopsAround(call.Node)
	switch {
	case !known:
		return refuse(RefusedNoWait, "no node %s waits for a call", call.Node)
	case i.over[name] || i.early[name] != nil || i.open[name] != nil && i.open[name].call != nil:
		return refuse(RefusedLate, "the wait %s is over", name)
	case i.open[name] != nil:
		return nil
	case len(i.early) >= maxEarlyCalls || len(i.early) > 0 && i.bytes+callSize(call) > maxEarlyBytes:
		return refuse(RefusedFull, "the run keeps %d calls that came early, and takes no more", len(i.early))
	}
	return nil
}

// callSize returns the size of an early call, in bytes.
func callSize(c *everhook.ResumeCall) int {
	return everhook.EncodedSize(map[string]any(c.Data), maxEarlyBytes+1)
}

func (i *inbox) take(call *everhook.ResumeCall) {
	i.run.events += eventsOfUpdate
	name := waitName(call.Node, call.Iteration)
	if slot := i.open[name]; slot != nil {
		slot.call = call
		return
	}
	i.early[name] = call
	i.bytes += callSize(call)
}

func (i *inbox) await(ctx workflow.Context, w wait, deadline time.Duration) (*everhook.ResumeCall, bool, error) {
	name := w.name()
	if i.waits++; i.waits > maxWaits {
		return nil, false, everhook.Errorf(everhook.TypeLimit, "the run has waited for %d calls, and cannot wait for "+
			"more; let a subflow wait for a part of them", maxWaits)
	}
	defer func() { i.over[name] = true }()
	if call := i.early[name]; call != nil {
		delete(i.early, name)
		i.bytes -= callSize(call)
		return call, true, nil
	}
	here := &slot{}
	i.open[name] = here
	defer delete(i.open, name)
	if err := i.run.beginWaiting(ctx, "call:"+w.node.Key); err != nil {
		return nil, false, err
	}
	late, stop := i.run.waitTimer(ctx, w, deadline)
	err := workflow.Await(ctx, func() bool { return here.call != nil || late() })
	stop()
	if ended := i.run.endWaiting(ctx, "call:"+w.node.Key); ended != nil {
		return nil, false, ended
	}
	switch {
	case here.call != nil:
		return here.call, true, nil
	case ctx.Err() != nil:
		return nil, false, ctx.Err()
	default:
		return nil, false, err
	}
}

// waitTimer starts the timer of a wait. Late reports whether it has fired; a wait without a deadline has none.
func (r *run) waitTimer(ctx workflow.Context, w wait,
	after time.Duration) (late func() bool, stop workflow.CancelFunc) {
	if after <= 0 {
		return func() bool { return false }, func() {}
	}
	ctx, stop = workflow.WithCancel(ctx)
	r.events += eventsOfTimer
	timer := workflow.NewTimerWithOptions(ctx, after, workflow.TimerOptions{Summary: stepSummary(w.node, w.iteration)})
	return timer.IsReady, stop
}

// beginWaiting shows a wait in the Temporal UI and in a search attribute.
func (r *run) beginWaiting(ctx workflow.Context, name string) error {
	r.waiting = append(r.waiting, name)
	r.showDetails(ctx)
	return r.showWaiting(ctx)
}

func (r *run) endWaiting(ctx workflow.Context, name string) error {
	if at := slices.Index(r.waiting, name); at >= 0 {
		r.waiting = slices.Delete(r.waiting, at, at+1)
	}
	return r.showWaiting(ctx)
}

func (r *run) showWaiting(ctx workflow.Context) error {
	if !r.start.Attributes {
		return nil
	}
	shown := slices.Compact(slices.Sorted(slices.Values(r.waiting)))
	if slices.Equal(shown, r.shownWaiting) {
		return nil
	}
	r.shownWaiting = shown
	r.events += eventsOfUpsert
	if len(shown) == 0 {
		return workflow.UpsertTypedSearchAttributes(ctx, AttributeWaiting.ValueUnset())
	}
	return workflow.UpsertTypedSearchAttributes(ctx, AttributeWaiting.ValueSet(shown[:min(len(shown), maxShownWaits)]))
}

// maxShownWaits bounds the number of waits that are shown.
const maxShownWaits = 20

// AwaitCall waits for a call of the node's resume URL.
func (s *step) AwaitCall(ctx workflow.Context, deadline time.Duration) (everhook.Mapping, bool, error) {
	canned, ok := cannedCall(ctx, s.effect())
	if inTime := deadline <= 0 || canned.After < deadline; ok && (canned.Err != nil || canned.Call != nil && inTime) {
		if canned.After > 0 {
			if err := s.Sleep(ctx, canned.After); err != nil {
				return nil, false, err
			}
		}
		call := everhook.Mapping{"receivedAt": everhook.FormatTime(workflow.Now(ctx).UTC())}
		maps.Copy(call, canned.Call)
		return call, canned.Err == nil, canned.Err
	}
	if _, ok := s.run.Flow().LoopsAround(s.Node().Key); !ok {
		return nil, false, everhook.Errorf(everhook.TypeInternal, "only a node of kind wait-for-call has a URL that "+
			"could be called")
	}
	defer s.GoOn()
	call, ok, err := s.run.mailbox.await(ctx, wait{node: s.Compiled(), iteration: s.Iteration()}, deadline)
	if err != nil || !ok {
		return nil, false, err
	}
	return call.Data, true, nil
}

// ResumeUpdateID is constant for a wait, so that a repeat gets the answer of the first call. A long iteration is cut to
// its digest.
func ResumeUpdateID(node, iteration string) string {
	if len(iteration) > maxIterationInID {
		sum := sha256.Sum256([]byte(iteration))
		iteration = hex.EncodeToString(sum[:])
	}
	return "resume/" + node + "/" + iteration
}

// maxIterationInID keeps update IDs below the 1,000 bytes that Temporal allows.
const maxIterationInID = 500
