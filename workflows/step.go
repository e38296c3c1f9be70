package workflows

import (
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// step is one execution of one node: what its kind sees of the run.
type step struct {
	run    *run
	node   *compile.Node
	data   *data
	record *everhook.Step
	// outer is where in its loops the step itself stands.
	outer string
	last  any
	// underWay is how many iterations of it run beside each other.
	underWay int
}

var _ kind.Run = (*step)(nil)

func (s *step) Scope() *expression.Scope   { return &s.data.scope }
func (s *step) Node() *everhook.Node       { return s.node.Node }
func (s *step) ID() everhook.RunID         { return s.run.start.Delivery.RunID }
func (s *step) Origin() everhook.RunID     { return s.run.origin() }
func (s *step) Iteration() string          { return s.outer }
func (s *step) Last() any                  { return s.last }
func (s *step) HasBranch(name string) bool { _, ok := s.node.Branches.Get(name); return ok }
func (s *step) Logf(f string, args ...any) { s.run.log.line(s.record, fmt.Sprintf(f, args...)) }

func (s *step) Branch(ctx workflow.Context, name string) (err error) {
	s.last, err = s.run.list(ctx, s.node.Branch(name), s.data)
	s.data.show(s.run, s.record, workflow.Now(ctx))
	s.data.seed(s.run, s.node, name)
	return err
}

func (s *step) EnterLoop(ctx workflow.Context, position kind.LoopPosition) error {
	if err := s.run.pause(ctx, s.data.spent()+stepUnits); err != nil {
		return err
	}
	defer func() { s.data.seed(s.run, s.node, "") }()
	loop := map[string]any{"item": position.Item, "index": position.Index, "sequence": position.Index + 1,
		"length": position.Length}
	if position.Open {
		loop["length"] = nil
	}
	s.data.enter(s.outer, s.node.Key, position.Index, loop)
	s.run.charge(len(s.node.Below) / clearedPerUnit)
	for _, key := range s.node.Below {
		delete(s.data.nodes, key)
		delete(s.data.errors, key)
	}
	return nil
}

func (s *step) Charge(ctx workflow.Context) error { return s.run.pause(ctx, s.data.spent()) }

func (s *step) Fork() kind.Run {
	s.run.charge(len(s.data.nodes) / copiedPerUnit)
	fork := *s
	fork.data = s.data.fork(s.run)
	fork.last = nil
	return &fork
}

func (s *step) Join(fork kind.Run, branch string) {
	from := fork.(*step).data
	keys := s.node.KeysBelow(branch)
	for _, key := range keys {
		s.data.nodes[key], s.data.errors[key] = from.nodes[key], from.errors[key]
	}
	for _, variable := range everhook.SortedKeys(from.assigned) {
		if !slices.Contains(keys, variable) {
			s.SetVariable(variable, from.nodes[variable])
		}
	}
}

func (s *step) SetVariable(target string, v any) {
	s.run.remember(s.data, target)
	s.data.nodes[target] = v
	s.data.assigned[target] = true
}

func (s *step) SetOutput(v any) error {
	limit := s.run.limits().output
	encoded, err := everhook.EncodeJSON(v)
	s.run.charge(len(encoded) / kind.EncodedPerUnit)
	if err != nil || len(encoded) > limit {
		return everhook.Errorf(everhook.TypeLimit, "the output is larger than %s; put less into it",
			everhook.Size(limit))
	}
	s.run.setOutput(setOutput{Value: everhook.Value{V: v}, At: s.data.line.next()})
	return nil
}

// setOutput sets the output, unless it was set later.
func (r *run) setOutput(output setOutput) {
	if output.At.before(r.outputAt) {
		return
	}
	r.outcome.Output, r.outputAt = everhook.Of(output.Value.V), output.At
}

// waited is called by what waits, when the step goes on.
func (s *step) waited(ctx workflow.Context) { s.data.waited(workflow.Now(ctx)) }

func (s *step) Answer(ctx workflow.Context, answer everhook.Answer, continues bool) bool {
	if s.run.answer != nil || s.run.part != nil && s.run.part.Answered {
		return false
	}
	answer.Delivery, answer.Digest = s.run.start.Delivery.ID, s.run.start.Delivery.Digest
	s.run.adopt(&answer)
	s.run.settle(encodedSize(answer))
	if s.run.part != nil && continues {
		s.run.sendAnswer(ctx, answer)
	}
	return true
}

func (s *step) Sleep(ctx workflow.Context, duration time.Duration) error {
	defer s.waited(ctx)
	s.run.events += eventsOfTimer
	s.run.showDetails(ctx)
	return workflow.NewTimerWithOptions(ctx, duration, workflow.TimerOptions{Summary: s.summary()}).Get(ctx, nil)
}

func (s *step) Activity(ctx workflow.Context, name string, input, result any) error {
	defer s.waited(ctx)
	size, err := s.run.fits("what the effect is given", input)
	if err != nil {
		return err
	}
	if err := s.run.awaitSlot(ctx); err != nil {
		return err
	}
	if err := s.run.handOver(ctx, size); err != nil {
		return s.run.failure(err)
	}
	s.run.events += eventsOfActivity
	s.run.inFlight++
	defer func() { s.run.inFlight-- }()
	s.run.showDetails(ctx)
	ctx = withEffect(ctx, Effect{Node: s.node.Node, Iteration: s.outer})
	err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, s.activityOptions()), name, input).Get(ctx, result)
	if err != nil {
		failure := s.run.failure(err)
		s.record.Attempts = failure.Attempts
		return failure
	}
	if counted, ok := result.(interface{ AttemptCount() int }); ok {
		s.record.Attempts = counted.AttemptCount()
	}
	return nil
}

// awaitSlot waits while too many effects are under way.
func (r *run) awaitSlot(ctx workflow.Context) error {
	if r.inFlight < maxInFlight {
		return nil
	}
	if err := workflow.Await(ctx, func() bool { return r.inFlight < maxInFlight }); err != nil {
		return r.failure(err)
	}
	return nil
}

func (s *step) LocalActivity(ctx workflow.Context, name string, input, result any) error {
	defer s.waited(ctx)
	if err := s.run.release(ctx); err != nil {
		return s.run.failure(err)
	}
	s.run.events += eventsOfLocalActivity
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: activities.LocalTimeout, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary: s.summary(),
	})
	err := s.run.locally(ctx, result,
		func() error { return workflow.ExecuteLocalActivity(ctx, name, input).Get(ctx, result) })
	if err != nil {
		return s.run.failure(err)
	}
	return nil
}

// Defaults of retries.
const (
	defaultInitialInterval = time.Second
	defaultBackoff         = 2
	defaultMaxInterval     = time.Minute
)

func (s *step) activityOptions() workflow.ActivityOptions {
	timeout, attempts := s.node.Timeout.Std(), 1
	if s.node.Spec.Effect != nil {
		attempts = s.node.Spec.Effect.MaxAttempts
		if timeout == 0 {
			timeout = s.node.Spec.Effect.Timeout
		}
	}
	policy := &temporal.RetryPolicy{InitialInterval: defaultInitialInterval, BackoffCoefficient: defaultBackoff,
		MaximumInterval: defaultMaxInterval, MaximumAttempts: int32(attempts)}
	if retry := s.node.Retry; retry != nil {
		if retry.MaxAttempts > 0 {
			policy.MaximumAttempts = int32(retry.MaxAttempts)
		}
		if retry.InitialInterval > 0 {
			policy.InitialInterval = retry.InitialInterval.Std()
		}
		if retry.Backoff > 0 {
			policy.BackoffCoefficient = retry.Backoff
		}
		if retry.MaxInterval > 0 {
			policy.MaximumInterval = retry.MaxInterval.Std()
		}
		policy.MaximumInterval = max(policy.MaximumInterval, policy.InitialInterval)
	}
	options := workflow.ActivityOptions{StartToCloseTimeout: timeout + activities.Grace, RetryPolicy: policy,
		Summary: s.summary()}
	if timeout > activities.HeartbeatOver {
		options.HeartbeatTimeout = activities.HeartbeatTimeout
	}
	return options
}

// summary names the step in the Temporal UI, which takes 400 bytes at most.
func (s *step) summary() string { return stepSummary(s.node, s.outer) }

func stepSummary(node *compile.Node, iteration string) string {
	name := node.Name()
	if iteration != "" {
		name += " " + iteration
	}
	return everhook.Shorten(name, 200)
}
