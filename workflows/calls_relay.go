package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
)

// Calls of resume URLs arrive at the root execution of the run. If the step waits in another execution, which continues
// a loop, the root waits in its place, with the timer of the deadline, and reports the end of the wait to it. So one
// execution decides whether a call came in time.

// relayedWait asks the root to begin or end a wait: the argument of WaitSignal.
type relayedWait struct {
	Node      string `json:"node"`
	Iteration string `json:"iteration,omitempty"`
	// Deadline is how long to wait; 0 is for ever.
	Deadline time.Duration `json:"deadline,omitempty"`
	// From is the execution that gets the report.
	From everhook.Execution `json:"from"`
	// Over is set to end the wait.
	Over bool `json:"over,omitempty"`
}

// relayedEnd is the end of a wait: the argument of CallSignal.
type relayedEnd struct {
	Node      string `json:"node"`
	Iteration string `json:"iteration,omitempty"`
	// Call is nil when none came within the deadline.
	Call *everhook.ResumeCall `json:"call,omitempty"`
	// Error is the reason why the run could not wait.
	Error *everhook.Error `json:"error,omitempty"`
}

// relay is the mailbox of an execution that continues a loop.
type relay struct {
	run  *run
	ends map[string]*relayedEnd
}

var _ mailbox = (*relay)(nil)

// newRelay starts to receive the root's reports.
func newRelay(ctx workflow.Context, r *run) *relay {
	y := &relay{run: r, ends: map[string]*relayedEnd{}}
	signals := workflow.GetSignalChannel(ctx, CallSignal)
	workflow.GoNamed(ctx, "calls", func(ctx workflow.Context) {
		for {
			var end relayedEnd
			signals.Receive(ctx, &end)
			r.events++
			y.ends[waitName(end.Node, end.Iteration)] = &end
		}
	})
	return y
}

func (y *relay) await(ctx workflow.Context, w wait, deadline time.Duration) (*everhook.ResumeCall, bool, error) {
	name, info := w.name(), workflow.GetInfo(ctx).WorkflowExecution
	asked := relayedWait{Node: w.node.Key, Iteration: w.iteration, Deadline: deadline,
		From: everhook.Execution{WorkflowID: info.ID, RunID: info.RunID}}
	// Disconnected from the step, so that the request to wait is always sent before the request to end the wait.
	apart, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if err := y.tell(apart, asked); err != nil {
		return nil, false, err
	}
	y.run.showDetails(ctx)
	err := workflow.Await(ctx, func() bool { return y.ends[name] != nil })
	if end := y.ends[name]; end != nil {
		delete(y.ends, name)
		if end.Error != nil {
			return nil, false, end.Error
		}
		return end.Call, end.Call != nil, nil
	}
	asked.Over = true
	// A closed run does not wait any more.
	_ = y.tell(apart, asked)
	return nil, false, err
}

func (y *relay) tell(ctx workflow.Context, wait relayedWait) error {
	y.run.events += eventsOfSignal
	root := y.run.root
	return workflow.SignalExternalWorkflow(ctx, root.WorkflowID, root.RunID, WaitSignal, wait).Get(ctx, nil)
}

// relayCalls makes the run wait for calls on behalf of executions that continue its loops.
func (i *inbox) relayCalls(ctx workflow.Context) {
	signals := workflow.GetSignalChannel(ctx, WaitSignal)
	stops := map[string]workflow.CancelFunc{}
	workflow.GoNamed(ctx, "waits", func(ctx workflow.Context) {
		for {
			var asked relayedWait
			signals.Receive(ctx, &asked)
			i.run.events++
			name := waitName(asked.Node, asked.Iteration)
			if asked.Over {
				if stop := stops[name]; stop != nil {
					stop()
				}
				continue
			}
			node := i.run.Flow().Node(asked.Node)
			if node == nil {
				continue
			}
			waiting, stop := workflow.WithCancel(ctx)
			stops[name] = stop
			workflow.GoNamed(waiting, "wait "+name, func(ctx workflow.Context) {
				defer delete(stops, name)
				i.relayCall(ctx, wait{node: node, iteration: asked.Iteration}, asked)
			})
		}
	})
}

// relayCall waits for a call on behalf of another execution, and reports the end of the wait to it.
func (i *inbox) relayCall(ctx workflow.Context, w wait, asked relayedWait) {
	end := relayedEnd{Node: asked.Node, Iteration: asked.Iteration}
	call, _, err := i.await(ctx, w, asked.Deadline)
	if err != nil {
		if ctx.Err() != nil {
			return // the step waits no longer, or the run ends
		}
		end.Error = i.run.Failure(err)
	}
	end.Call = call
	if err := i.run.reserve(ctx, encodedSize(end)); err != nil {
		if ctx.Err() != nil {
			return
		}
		end.Call, end.Error = nil, i.run.Failure(err)
	}
	i.run.events += eventsOfSignal
	if err := workflow.SignalExternalWorkflow(ctx, asked.From.WorkflowID, asked.From.RunID, CallSignal, end).Get(ctx,
		nil); err != nil {
		workflow.GetLogger(ctx).Warn("a call did not reach the step that waits for it", "run",
			i.run.start.Delivery.RunID, "node", asked.Node, "error", err)
	}
}
