package nodes_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

// outcome is what one attempt of an effect ends with.
type outcome struct {
	// Result is what the activity returns, but for its attempts.
	Result map[string]any `json:"result"`
	// Error is what it fails with, Retryable and After (a pause) how that goes to Temporal.
	Error     *everhook.Error   `json:"error"`
	Retryable bool              `json:"retryable"`
	After     everhook.Duration `json:"after"`
	// Panic is what the worker panics with.
	Panic string `json:"panic"`
	// Delay is how long the effect takes by the run's clock; only the first attempt's counts.
	Delay everhook.Duration `json:"delay"`
}

// call is one effect as it was sent, with all its attempts.
type call struct {
	Step string `yaml:"step"`
	// Options are what Temporal is told about attempts.
	Options  string `yaml:"options"`
	Attempts int    `yaml:"attempts"`
	Input    string `yaml:"input"`
	// most is how many attempts the node makes.
	most int
}

// effects stands in for the activities: it gives the outcomes of a case and notes what was asked for.
type effects struct {
	interceptor.WorkerInterceptorBase

	mutex    sync.Mutex
	outcomes map[string][]outcome
	repeats  map[string]bool
	calls    []call
	yields   int
}

// newEffects reads activities.yaml.
func newEffects(t *testing.T, text string) *effects {
	e := &effects{outcomes: map[string][]outcome{}, repeats: map[string]bool{}}
	read, _ := canonicalYAML(t, "activities.yaml", text).(map[string]any)
	for node, v := range maps.All(read) {
		if _, isList := v.([]any); !isList {
			v, e.repeats[node] = []any{v}, true
		}
		data, err := everhook.EncodeJSON(v)
		require.NoError(t, err)
		decoder := json.NewDecoder(strings.NewReader(string(data)))
		decoder.DisallowUnknownFields()
		var list []outcome
		require.NoError(t, decoder.Decode(&list), node)
		e.outcomes[node] = list
	}
	return e
}

// next takes the outcome of a node's next attempt.
func (e *effects) next(node string) (outcome, bool) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	left := e.outcomes[node]
	if len(left) == 0 {
		return outcome{}, false
	}
	if !e.repeats[node] {
		e.outcomes[node] = left[1:]
	}
	return left[0], true
}

func (e *effects) peekDelay(node string) time.Duration {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if left := e.outcomes[node]; len(left) > 0 {
		return left[0].Delay.Std()
	}
	return 0
}

// perform is every effect. Its activity ID says which step it is: see ExecuteActivity.
func (e *effects) perform(ctx context.Context, input json.RawMessage) (json.RawMessage, error) {
	info := activity.GetInfo(ctx)
	var index int
	if _, err := fmt.Sscanf(info.ActivityID, "call-%d", &index); err != nil {
		return nil, err
	}
	e.mutex.Lock()
	e.calls[index].Attempts++
	e.calls[index].Input = string(input)
	node, _, _ := strings.Cut(e.calls[index].Step, " ")
	last := e.calls[index].Attempts >= e.calls[index].most
	e.mutex.Unlock()

	out, ok := e.next(node)
	switch {
	case !ok:
		return nil, activities.Fail(everhook.Errorf(everhook.TypeInternal,
			"the case has no outcome for attempt %d of %s", info.Attempt, e.calls[index].Step), false, 0)
	case out.Panic != "":
		panic(out.Panic)
	case out.Error != nil:
		failure := *out.Error
		failure.Attempts = int(info.Attempt)
		return nil, activities.Fail(&failure, out.Retryable && !last, out.After.Std())
	default:
		result := maps.Clone(out.Result)
		result["attempts"] = int(info.Attempt)
		return everhook.EncodeJSON(result)
	}
}

func (e *effects) yield(context.Context) error {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.yields++
	return nil
}

// InterceptWorkflow puts this between workflow code and Temporal.
func (e *effects) InterceptWorkflow(_ workflow.Context,
	next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &inbound{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, effects: e}
}

type inbound struct {
	interceptor.WorkflowInboundInterceptorBase
	effects *effects
}

func (i *inbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&outbound{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{
		Next: next}, effects: i.effects})
}

type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	effects *effects
}

// ExecuteActivity notes the call, and gives it an ID that leads back to the note.
func (o *outbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	if name == activities.Yield {
		return o.Next.ExecuteActivity(ctx, name, args...)
	}
	options := workflow.GetActivityOptions(ctx)
	o.effects.mutex.Lock()
	index := len(o.effects.calls)
	o.effects.calls = append(o.effects.calls, call{Step: options.Summary, Options: optionsText(options),
		most: int(options.RetryPolicy.MaximumAttempts) - activities.SpareAttempts})
	o.effects.mutex.Unlock()
	options.ActivityID = fmt.Sprintf("call-%d", index)
	ctx = workflow.WithActivityOptions(ctx, options)

	node, _, _ := strings.Cut(options.Summary, " ")
	delay := o.effects.peekDelay(node)
	if delay == 0 {
		return o.Next.ExecuteActivity(ctx, name, args...)
	}
	future, settable := workflow.NewFuture(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		if err := workflow.Sleep(ctx, delay); err != nil {
			settable.SetError(err)
			return
		}
		settable.Chain(o.Next.ExecuteActivity(ctx, name, args...))
	})
	return future
}

func optionsText(o workflow.ActivityOptions) string {
	text := fmt.Sprintf("attempt %s, at most %d, pause %s ×%v up to %s", o.StartToCloseTimeout,
		o.RetryPolicy.MaximumAttempts-activities.SpareAttempts,
		o.RetryPolicy.InitialInterval, o.RetryPolicy.BackoffCoefficient, o.RetryPolicy.MaximumInterval)
	if o.HeartbeatTimeout > 0 {
		text += fmt.Sprintf(", heartbeat %s", o.HeartbeatTimeout)
	}
	return text
}
