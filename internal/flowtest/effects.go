package flowtest

import (
	"fmt"
	"strings"
	"sync"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/workflows"
)

// effects replaces activities: it answers every effect with its outcome, and records the request that would have been
// sent.
type effects struct {
	interceptor.WorkerInterceptorBase

	mutex    sync.Mutex
	outcomes map[string][]outcome
	calls    map[string][]any
	// subflows are the outcomes of the called flows, by node and iteration.
	subflows map[string]everhook.Outcome
	// waited counts the waits for calls.
	waited map[string]int
	// unanswered are the nodes without an outcome, in the order in which they were reached, with the request of the
	// first step.
	unanswered []unanswered
}

// unanswered is a node without an outcome in the test: an effect and its request, or a wait for a call.
type unanswered struct {
	node, sent string
	waits      bool
}

// message says what to add.
func (u unanswered) message() string {
	if u.waits {
		return fmt.Sprintf("node %s waits for a call, and the test has none for it; add `nodes: { %s: { call: { "+
			"body: … } } }`, or `{ %s: deadline }` for no call", u.node, u.node, u.node)
	}
	return fmt.Sprintf("node %s has effects, and the test has no outcome for it: it would send %s; add `nodes: { %s: "+
		"{ result: … } }`", u.node, u.sent, u.node)
}

func newEffects(outcomes map[string][]outcome) *effects {
	return &effects{outcomes: outcomes, calls: map[string][]any{}, waited: map[string]int{},
		subflows: map[string]everhook.Outcome{}}
}

// take records a call and returns its outcome; false if the test has none for the node.
func (e *effects) take(node string, call any, sent string) (outcome, bool) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	taken := len(e.calls[node])
	e.calls[node] = append(e.calls[node], call)
	outcomes := e.outcomes[node]
	if len(outcomes) == 0 {
		if taken == 0 {
			e.unanswered = append(e.unanswered, unanswered{node: node, sent: sent})
		}
		return outcome{}, false
	}
	return outcomes[min(taken, len(outcomes)-1)], true
}

// sent returns the recorded calls, and the nodes without an outcome.
func (e *effects) sent() (calls map[string][]any, missing []unanswered) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	return e.calls, e.unanswered
}

// InterceptWorkflow implements interceptor.WorkerInterceptor.
func (e *effects) InterceptWorkflow(_ workflow.Context,
	next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &inbound{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, effects: e}
}

type inbound struct {
	interceptor.WorkflowInboundInterceptorBase
	effects *effects
}

// ExecuteWorkflow gives the run its canned calls.
func (i *inbound) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	return i.Next.ExecuteWorkflow(workflows.WithCalls(ctx, i.effects.call), in)
}

func (i *inbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&outbound{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{
		Next: next}, effects: i.effects})
}

type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	effects *effects
}

// ExecuteActivity answers in workflow code, in the order of the calls. Answers from other goroutines would come in any
// order, and so would the steps of parallel branches.
func (o *outbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	effect, ok := workflows.EffectOf(ctx)
	if !ok {
		return o.Next.ExecuteActivity(ctx, name, args...)
	}
	future, settable := workflow.NewFuture(ctx)
	result, err := o.effects.perform(effect.Node.Key, args)
	workflow.GoNamed(ctx, "effect of "+effect.Node.Key, func(ctx workflow.Context) {
		switch {
		case ctx.Err() != nil:
			settable.SetError(ctx.Err())
		case err != nil:
			settable.SetError(err)
		default:
			payloads, err := workflows.DataConverter().ToPayloads(result)
			settable.Set(payloads, err)
		}
	})
	return future
}

// ExecuteLocalActivity answers for the flow that a subflow node calls. Other local activities have no effects, so they
// run.
func (o *outbound) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	effect, ok := workflows.EffectOf(ctx)
	if !ok || name != activities.LoadSubflow {
		return o.Next.ExecuteLocalActivity(ctx, name, args...)
	}
	loaded, err := o.effects.load(effect, args[0].(activities.LoadSubflowInput))
	future, settable := workflow.NewFuture(ctx)
	settable.Set(loaded, err)
	return future
}

// ExecuteChildWorkflow ends a subflow at once, with the outcome that load found.
func (o *outbound) ExecuteChildWorkflow(ctx workflow.Context, childType string,
	args ...any) workflow.ChildWorkflowFuture {
	effect, ok := workflows.EffectOf(ctx)
	if !ok {
		return o.Next.ExecuteChildWorkflow(ctx, childType, args...)
	}
	return endedSubflow(ctx, o.effects.subflow(effect))
}

// perform returns the result of a node's activity.
func (e *effects) perform(node string, args []any) (result any, err error) {
	var input any
	if len(args) > 0 {
		input = args[0]
	}
	sent := "the effect of " + node
	if request, ok := input.(activities.HTTPRequestInput); ok {
		sent = requestLine(request)
	}
	taken, ok := e.take(node, shown(input), sent)
	if !ok {
		return nil, activities.Fail(everhook.Errorf(everhook.TypeInternal, "the test has no outcome for %s", node),
			false, 0)
	}
	if failure := taken.failure(sent); failure != nil {
		return nil, activities.Fail(failure, false, 0)
	}
	return taken.result, nil
}

// requestLine names a request as the activity does in its errors: without query and fragment, which may contain
// secrets.
func requestLine(request activities.HTTPRequestInput) string {
	url := fmt.Sprint(request.URL.Display())
	if end := strings.IndexAny(url, "?#"); end >= 0 {
		url = url[:end]
	}
	return request.Method + " " + url
}
