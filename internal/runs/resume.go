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

// RunVersion gives the number of the version that a run runs, or ran. everhook.ErrNoRun: the run is unknown or has
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
		return 0, fmt.Errorf("the run %s does not say of which version it is", everhook.WorkflowID(flow, run))
	}
	return version, nil
}

// Resume brings a call to a run, and returns when it is durable there. A repeat, concurrent or later, and be it after
// the run has ended, gets the answer of the first call. everhook.ErrNoRun, everhook.ErrRunEnded, everhook.ErrWaitOver,
// everhook.ErrInboxFull, and an *everhook.Error of type limit for a call that is too large, say that the call is not
// kept; after any other error it is not known, and the caller must be told to come again. It needs a worker.
func (s *Starter) Resume(ctx context.Context, flow string, run everhook.RunID,
	call everhook.ResumeCall) (everhook.Resumed, error) {
	call.Answer.Delivery = call.ID
	if err := workflows.FitsCall(s.options.MaxPayload, call); err != nil {
		return everhook.Resumed{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	workflowID := everhook.WorkflowID(flow, run)
	updateID := workflows.ResumeUpdateID(call.Node, call.Iteration)
	// Calls of one wait have one end.
	brought, err, _ := s.bringing.Do(workflowID+"/"+updateID,
		func() (any, error) { return s.bring(ctx, workflowID, updateID, call) })
	if err != nil {
		return everhook.Resumed{}, err
	}
	answer := brought.(everhook.Answer)
	return everhook.Resumed{Answer: answer, Duplicate: answer.Delivery != call.ID}, nil
}

func (s *Starter) bring(ctx context.Context, workflowID, updateID string,
	call everhook.ResumeCall) (answer everhook.Answer, err error) {
	leave, err := s.lanes.enter(ctx, workflowID)
	if err != nil {
		return answer, fmt.Errorf("too many calls are being brought to the run at once: %w", err)
	}
	defer leave()
	handle, err := s.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: workflowID, UpdateID: updateID, UpdateName: workflows.ResumeUpdate, Args: []any{call},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err == nil {
		err = handle.Get(ctx, &answer)
	}
	if err != nil {
		return answer, s.notResumed(ctx, workflowID, err)
	}
	return answer, nil
}

// lanes lets a few calls at once through to each run.
type lanes struct {
	mutex sync.Mutex
	// runs has those that calls go to, by workflow ID.
	runs map[string]*lane
}

type lane struct {
	slots chan struct{}
	// users are the calls that are in it or wait for it.
	users int
}

// callsAtOnce is how many calls are brought to one run at once. Temporal takes ten updates at once, and when there is
// another one it also aborts those ten: many calls at once would hold up each other until all have timed out. Other
// processes may bring calls to the same run.
const callsAtOnce = 3

// enter waits for a place and gives what to call when it is free again. Its error is that of the context.
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

// notResumed says what an error means for the caller. A run that has ended is only told from one that never was by
// looking.
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
	if looked == nil && description.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return everhook.ErrRunEnded
	}
	return err
}
