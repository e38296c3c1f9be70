package runs

import (
	"context"
	"errors"
	"fmt"
	"sync"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/workflows"
)

// RunVersion returns the number of the version of a run. It returns everhook.ErrNoRun if the run is unknown or has
// expired.
func (s *Starter) RunVersion(ctx context.Context, flow string, run everhook.RunID) (int, error) {
	description, err := s.client.DescribeWorkflowExecution(ctx, everhook.WorkflowID(flow, run), "")
	if _, ok := errors.AsType[*serviceerror.NotFound](err); ok {
		return 0, everhook.ErrNoRun
	}
	if err != nil {
		return 0, err
	}
	version := 0
	decode(description.GetWorkflowExecutionInfo().GetMemo().GetFields()[workflows.MemoVersion], &version)
	if version == 0 {
		return 0, fmt.Errorf("the run %s does not name its version", everhook.WorkflowID(flow, run))
	}
	return version, nil
}

// PreparedCall is a call that can be delivered to a run. It has the call as Temporal gets it; the call itself can be
// dropped.
type PreparedCall struct {
	starter              *Starter
	id                   string
	workflowID, updateID string
	arguments            workflows.Arguments
}

// PrepareCall makes a call that can be delivered to a run, without Temporal. It returns an *everhook.Error of type
// limit if the call is too large.
func (s *Starter) PrepareCall(flow string, run everhook.RunID, call everhook.ResumeCall) (*PreparedCall, error) {
	call.Answer.Delivery = call.ID
	arguments, err := workflows.CallArguments(s.options.MaxPayload, call)
	if err != nil {
		return nil, err
	}
	return &PreparedCall{starter: s, id: call.ID, workflowID: everhook.WorkflowID(flow, run),
		updateID: workflows.ResumeUpdateID(call.Node, call.Iteration), arguments: arguments}, nil
}

// Size is how many bytes it holds.
func (c *PreparedCall) Size() int { return c.arguments.Size() }

// Resume delivers the call to its run, and returns when the call is durable there. It needs a worker. A repeat gets the
// answer of the first call, even after the run has ended. After everhook.ErrNoRun, ErrRunEnded, ErrWaitOver or
// ErrInboxFull, the call is not kept. After any other error it is unknown whether the call is kept, and the caller must
// send it again.
func (c *PreparedCall) Resume(ctx context.Context) (everhook.Resumed, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	answer, err := c.starter.deliver(ctx, c)
	if err != nil {
		return everhook.Resumed{}, err
	}
	return everhook.Resumed{Answer: answer, Duplicate: answer.Delivery != c.id}, nil
}

// deliver joins the delivery of another call for the same wait, if one is under way: Temporal accepts few updates at
// once. A delivery has its own deadline, and each caller waits for as long as the caller's context allows. If the
// joined delivery began too early to last as long, the caller begins another one.
func (s *Starter) deliver(ctx context.Context, call *PreparedCall) (everhook.Answer, error) {
	for {
		delivered := s.bringing.DoChan(call.workflowID+"/"+call.updateID, func() (any, error) {
			shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
			defer cancel()
			answer, err := s.bring(shared, call)
			if err != nil && shared.Err() != nil {
				err = errDeliveryLate
			}
			return answer, err
		})
		select {
		case <-ctx.Done():
			return everhook.Answer{}, ctx.Err()
		case result := <-delivered:
			if errors.Is(result.Err, errDeliveryLate) && ctx.Err() == nil {
				continue
			}
			if result.Err != nil {
				return everhook.Answer{}, result.Err
			}
			return result.Val.(everhook.Answer), nil
		}
	}
}

var errDeliveryLate = errors.New("the run did not take the call in time")

func (s *Starter) bring(ctx context.Context, call *PreparedCall) (answer everhook.Answer, err error) {
	leave, err := s.lanes.enter(ctx, call.workflowID)
	if err != nil {
		return answer, fmt.Errorf("too many calls are being delivered to the run at once: %w", err)
	}
	defer leave()
	handle, err := s.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: call.workflowID, UpdateID: call.updateID, UpdateName: workflows.ResumeUpdate, Args: call.arguments,
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &answer)
	}
	if err != nil {
		return answer, s.notResumed(ctx, call.workflowID, err)
	}
	return answer, nil
}

// lanes bounds the concurrent calls for each run.
type lanes struct {
	mutex sync.Mutex
	// runs has a lane for each run that calls are delivered to, by workflow ID.
	runs map[string]*lane
}

type lane struct {
	slots chan struct{}
	// users counts the calls that are in the lane or wait for a slot.
	users int
}

// callsAtOnce bounds the concurrent calls for one run. Temporal accepts ten concurrent updates. With one more it aborts
// those ten too, so that many concurrent calls would delay each other until all have timed out. Other processes may
// deliver calls to the same run.
const callsAtOnce = 3

// enter waits for a slot, and returns the function that frees it. Its error is that of the context.
func (l *lanes) enter(ctx context.Context, run string) (leave func(), err error) {
	l.mutex.Lock()
	if l.runs == nil {
		l.runs = map[string]*lane{}
	}
	in := l.runs[run]
	if in == nil {
		in = &lane{slots: make(chan struct{}, callsAtOnce)}
		l.runs[run] = in
	}
	in.users++
	l.mutex.Unlock()
	left := func() {
		l.mutex.Lock()
		defer l.mutex.Unlock()
		if in.users--; in.users == 0 {
			delete(l.runs, run)
		}
	}
	select {
	case in.slots <- struct{}{}:
		return func() {
			<-in.slots
			left()
		}, nil
	case <-ctx.Done():
		left()
		return nil, ctx.Err()
	}
}

// notResumed maps an error of an update. Temporal reports NotFound both for a run that has ended and for an unknown
// run, so it looks which it is.
func (s *Starter) notResumed(ctx context.Context, workflowID string, err error) error {
	if refused, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		switch refused.Type() {
		case workflows.RefusedLate:
			return everhook.ErrWaitOver
		case workflows.RefusedFull:
			return everhook.ErrInboxFull
		case workflows.RefusedNoWait:
			return everhook.ErrNoRun
		}
		return err
	}
	if _, ok := errors.AsType[*serviceerror.NotFound](err); !ok {
		return err
	}
	description, looked := s.client.DescribeWorkflowExecution(ctx, workflowID, "")
	if _, ok := errors.AsType[*serviceerror.NotFound](looked); ok {
		return everhook.ErrNoRun
	}
	if looked == nil &&
		description.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return everhook.ErrRunEnded
	}
	return err
}
