package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/workflows"
)

// runLog reads the step log of a run as one, though other executions went on with its loops.
type runLog struct {
	runs  *Operator
	steps []everhook.Step
	// total counts all steps of the run.
	total *int
	// asked counts the executions that were asked, missing those that were not, or are gone, late those that did not
	// answer in time.
	asked, missing, late int
}

const (
	// maxAsked bounds how many executions are asked for the steps of one run: each must run again what it did.
	maxAsked = 24
	// maxChainEnds is how many executions are asked at either end of a chain that is longer than both.
	maxChainEnds = 3
	// maxChain bounds how far a chain is followed.
	maxChain = 500
)

// read takes the steps of an execution, and of those that went on with its loops.
func (l *runLog) read(ctx context.Context, execution everhook.Execution) error {
	var handed []everhook.HandedOver
	for from := 1; from > 0; {
		var page everhook.StepPage
		if err := l.runs.ask(ctx, execution, &page, workflows.StepsQuery, from); err != nil {
			return err
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

// follow takes the steps of a chain of executions. What cannot be read is a gap: retention may have ended for it.
func (l *runLog) follow(ctx context.Context, first everhook.Execution) {
	chain, err := l.chain(ctx, first)
	if err != nil {
		l.missed(ctx, err)
	}
	for i, execution := range chain {
		if l.asked >= maxAsked || i >= maxChainEnds && i < len(chain)-maxChainEnds {
			l.missing++
			continue
		}
		if err := l.read(ctx, execution); err != nil {
			l.missed(ctx, err)
		}
	}
}

// missed counts an execution whose steps cannot be read.
func (l *runLog) missed(ctx context.Context, err error) {
	if late(ctx, err) {
		l.late++
	} else {
		l.missing++
	}
}

var errLongChain = errors.New("the chain has more executions than are followed")

// chain lists the executions of which each was continued as the next, as far as it can be followed.
func (l *runLog) chain(ctx context.Context, first everhook.Execution) (chain []everhook.Execution, err error) {
	for at := first; len(chain) < maxChain; {
		chain = append(chain, at)
		// An open execution is asked for no last event: the server would wait for one.
		description, err := l.runs.client.DescribeWorkflowExecution(ctx, at.WorkflowID, at.RunID)
		if err != nil {
			return chain, err
		}
		if description.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW {
			return chain, nil
		}
		last, err := l.runs.client.GetWorkflowHistory(ctx, at.WorkflowID, at.RunID, false,
			enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT).Next()
		if err != nil {
			return chain, err
		}
		at.RunID = last.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	}
	return chain, errLongChain
}

// merged are the steps in the order of their numbers. Those of branches that ran beside each other can share numbers.
func (l *runLog) merged() []everhook.Step {
	slices.SortStableFunc(l.steps, func(a, b everhook.Step) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), a.Started.Compare(b.Started))
	})
	if l.steps == nil {
		return []everhook.Step{}
	}
	return l.steps
}

// gap says what is missing.
func (l *runLog) gap() string {
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

// executions names those that go on with a loop which is too long for one.
func executions(n int) string {
	if n == 1 {
		return "1 execution that went on with a loop"
	}
	return fmt.Sprintf("%d executions that went on with its loops", n)
}
