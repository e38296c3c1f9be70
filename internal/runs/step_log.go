package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/workflows"
)

// stepLog merges the step logs of the executions of one run: long loops continue in other executions.
type stepLog struct {
	operator *Operator
	steps    []everhook.Step
	// total counts all steps of the run.
	total *int
	// asked counts the executions that were read, missing those that were skipped or have expired, and late those that
	// did not answer in time.
	asked, missing, late int
}

const (
	// maxAsked bounds the executions that are read for one run: a worker must replay each.
	maxAsked = 24
	// maxChainEnds is how many executions are read at each end of a long chain.
	maxChainEnds = 3
	// maxChain bounds how far a chain is followed.
	maxChain = 500
)

// read adds the steps of an execution, and of the executions that continue its loops. Retries are the pending effects
// of the execution, by step number.
func (l *stepLog) read(ctx context.Context, execution everhook.Execution, retries map[int]*everhook.Retrying) error {
	var handed []everhook.HandedOver
	for from := 1; from > 0; {
		var page everhook.StepPage
		if err := l.operator.ask(ctx, execution, &page, workflows.StepsQuery, from); err != nil {
			return err
		}
		for i, step := range page.Steps {
			if step.Status == everhook.Pending {
				page.Steps[i].Retrying = retries[step.Number]
			}
		}
		l.steps, *l.total = append(l.steps, page.Steps...), max(*l.total, page.Total)
		from, handed = page.Next, page.HandedOver
	}
	l.asked++
	for _, first := range handed {
		l.follow(ctx, first.Execution)
	}
	return nil
}

// follow adds the steps of a chain of executions. An execution that cannot be read is a gap: it may have expired.
func (l *stepLog) follow(ctx context.Context, first everhook.Execution) {
	chain, retries, err := l.chain(ctx, first)
	if err != nil {
		l.skip(ctx, err)
	}
	for i, execution := range chain {
		if l.asked >= maxAsked || i >= maxChainEnds && i < len(chain)-maxChainEnds {
			l.missing++
			continue
		}
		var pending map[int]*everhook.Retrying
		if i == len(chain)-1 {
			pending = retries
		}
		if err := l.read(ctx, execution, pending); err != nil {
			l.skip(ctx, err)
		}
	}
}

// skip counts an execution whose steps cannot be read.
func (l *stepLog) skip(ctx context.Context, err error) {
	if isLate(ctx, err) {
		l.late++
	} else {
		l.missing++
	}
}

var errLongChain = errors.New("the chain has more executions than are followed")

// chain lists the executions of a chain, each of which continued as the next. Retries are those of the last execution.
func (l *stepLog) chain(ctx context.Context, first everhook.Execution) (chain []everhook.Execution,
	retries map[int]*everhook.Retrying, err error) {
	for at := first; len(chain) < maxChain; {
		chain = append(chain, at)
		// Do not ask an open execution for its last event: the server would wait for one.
		description, err := l.operator.client.DescribeWorkflowExecution(ctx, at.WorkflowID, at.RunID)
		if err != nil {
			return chain, nil, err
		}
		if description.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
			return chain, retriesOf(description), nil
		}
		last, err := l.operator.client.GetWorkflowHistory(ctx, at.WorkflowID, at.RunID, false,
			enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT).Next()
		if err != nil {
			return chain, nil, err
		}
		at.RunID = last.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
	return chain, nil, errLongChain
}

// retriesOf returns the effects of an execution that have failed at least once and are retried, by step number.
func retriesOf(description *workflowservice.DescribeWorkflowExecutionResponse) map[int]*everhook.Retrying {
	retries := map[int]*everhook.Retrying{}
	for _, pending := range description.GetPendingActivities() {
		step, ok := workflows.ParseEffectID(pending.GetActivityId())
		if !ok || pending.GetAttempt() < 2 {
			continue
		}
		retrying := &everhook.Retrying{Attempt: failuresOf(pending) + 1,
			Of:        max(1, int(pending.GetMaximumAttempts())-activities.SpareAttempts),
			LastError: everhook.Shorten(pending.GetLastFailure().GetMessage(), maxLastError)}
		if text, ok := activities.NotOffered(pending.GetLastFailure().GetApplicationFailureInfo().GetType(),
			pending.GetLastFailure().GetMessage()); ok {
			retrying.LastError = text
		}
		if pending.GetLastFailure().GetTimeoutFailureInfo() != nil {
			retrying.LastError = "its worker was lost"
		}
		if next := pending.GetNextAttemptScheduleTime(); next != nil &&
			pending.GetState() == enumspb.PENDING_ACTIVITY_STATE_SCHEDULED {
			at := next.AsTime()
			retrying.Next = &at
		}
		retries[step] = retrying
	}
	return retries
}

// failuresOf counts the attempts of an effect that reported a failure: a lost worker uses up no attempt.
func failuresOf(pending *workflowpb.PendingActivityInfo) int {
	var beat activities.Heartbeat
	if details := pending.GetHeartbeatDetails().GetPayloads(); len(details) > 0 {
		decode(details[0], &beat)
	}
	return beat.Failures
}

// maxLastError bounds the text of the last error of an effect.
const maxLastError = 500

// merged returns the steps in the order of their numbers. Steps of concurrent executions can have the same number.
func (l *stepLog) merged() []everhook.Step {
	slices.SortStableFunc(l.steps, func(a, b everhook.Step) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), a.Started.Compare(b.Started))
	})
	if l.steps == nil {
		return []everhook.Step{}
	}
	return l.steps
}

// gap says which steps are missing; empty if none are.
func (l *stepLog) gap() string {
	var gaps []string
	if l.late > 0 {
		gaps = append(gaps, fmt.Sprintf("the steps of %s did not come in time: look again", executions(l.late)))
	}
	if l.missing > 0 {
		gaps = append(gaps, fmt.Sprintf("the steps of %s are not shown: they have expired, or are more than can be "+
			"asked for at once", executions(l.missing)))
	}
	return strings.Join(gaps, "; ")
}

// executions counts executions that continue loops.
func executions(n int) string {
	if n == 1 {
		return "1 execution that continues a loop"
	}
	return fmt.Sprintf("%d executions that continue loops", n)
}
