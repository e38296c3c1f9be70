package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/engine"
	"github.com/everhook/everhook/nodes/kind"
)

// step is a step of a waiting kind.
type step struct {
	*engine.Step
	run *run
	// effects counts the effects that the step has executed.
	effects int
}

var (
	_ kind.WaitingRun  = (*step)(nil)
	_ kind.AwaitingRun = (*step)(nil)
	_ kind.CallingRun  = (*step)(nil)
)

// Wait executes a step of a waiting kind.
func (r *run) Wait(s *engine.Step) (kind.Result, error) {
	timePasses(contextOf(s.Line()))
	return s.Compiled().Kind.(kind.Waiting).Execute(contextOf(s.Line()), &step{Step: s, run: r})
}

// Sleep waits by a timer.
func (s *step) Sleep(ctx workflow.Context, duration time.Duration) error {
	defer s.GoOn()
	s.run.events += eventsOfTimer
	s.run.showDetails(ctx)
	return workflow.NewTimerWithOptions(ctx, duration, workflow.TimerOptions{Summary: s.summary()}).Get(ctx, nil)
}

// Activity runs an effect.
func (s *step) Activity(ctx workflow.Context, name string, input, result any) error {
	defer s.GoOn()
	size, err := s.run.fits("what the effect is given", input)
	if err != nil {
		return err
	}
	if err := s.run.awaitSlot(ctx); err != nil {
		return err
	}
	if err := s.run.reserve(ctx, size); err != nil {
		return s.run.Failure(err)
	}
	s.run.events += eventsOfActivity
	s.run.inFlight++
	defer func() { s.run.inFlight-- }()
	s.run.showDetails(ctx)
	ctx = withEffect(ctx, s.effect())
	s.effects++
	options := s.activityOptions()
	options.ActivityID = EffectID(s.Record().Number, s.effects)
	err = workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), name, input).Get(ctx, result)
	if err != nil {
		failure := s.run.Failure(err)
		s.Record().Attempts = failure.Attempts
		return failure
	}
	if counted, ok := result.(interface{ AttemptCount() int }); ok {
		s.Record().Attempts = counted.AttemptCount()
	}
	return nil
}

func (s *step) effect() Effect { return Effect{Node: s.Node(), Iteration: s.Iteration()} }

// shareOfCalled divides the slots of a run: a called run gets that part if others may be called at the same time.
const shareOfCalled = 5

// share reserves slots for another execution, which may use them all, and returns its Start.InFlight and how to give
// them back. Executions that continue loops of a run never use more slots together than the run has. A run of before
// this bound reserves one slot, and its executions have the engine's own number.
func (s *step) share(called bool) (inFlight int, release func()) {
	r, reserved := s.run, 1
	switch room := r.most - r.inFlight; {
	case r.start.InFlight == 0:
	case s.Alone():
		inFlight, reserved = room, room
	case called:
		inFlight = max(1, r.most/shareOfCalled)
	default:
		inFlight = max(1, room/2)
		reserved = inFlight
	}
	r.inFlight += reserved
	return inFlight, func() { r.inFlight -= reserved }
}

// LocalActivity runs quick work without effects in this worker.
func (s *step) LocalActivity(ctx workflow.Context, name string, input, result any) error {
	defer s.GoOn()
	if err := s.run.releaseAnswer(ctx); err != nil {
		return s.run.Failure(err)
	}
	s.run.events += eventsOfLocalActivity
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		ScheduleToCloseTimeout: activities.LocalTimeout, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
		Summary: s.summary(),
	})
	err := s.run.runLocally(ctx, result,
		func() error { return workflow.ExecuteLocalActivity(ctx, name, input).Get(ctx, result) })
	if err != nil {
		return s.run.Failure(err)
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
	node := s.Compiled()
	timeout, attempts := node.Timeout.Std(), 1
	if node.Spec.Effect != nil {
		attempts = node.Spec.Effect.MaxAttempts
		if timeout == 0 {
			timeout = node.Spec.Effect.Timeout
		}
	}
	policy := &temporal.RetryPolicy{InitialInterval: defaultInitialInterval, BackoffCoefficient: defaultBackoff,
		MaximumInterval: defaultMaxInterval, MaximumAttempts: int32(attempts)}
	if retry := node.Retry; retry != nil {
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
	// The effect's frame keeps to the node's own number. A panic outside of the frame is final.
	policy.MaximumAttempts += activities.SpareAttempts
	policy.NonRetryableErrorTypes = []string{"PanicError"}
	return workflow.ActivityOptions{StartToCloseTimeout: timeout + activities.Grace,
		HeartbeatTimeout: activities.HeartbeatTimeout, RetryPolicy: policy, Summary: s.summary()}
}

// summary names the step in the Temporal UI, which takes 400 bytes at most.
func (s *step) summary() string { return stepSummary(s.Compiled(), s.Iteration()) }

func stepSummary(node *compile.Node, iteration string) string {
	name := node.Name()
	if iteration != "" {
		name += " " + iteration
	}
	return everhook.Shorten(name, 200)
}
