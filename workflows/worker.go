package workflows

import (
	"context"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"

	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/places"
)

// Pollers and slots of a worker: the SDK's default of two pollers each delays sync callers.
const (
	maxPollers             = 32
	initialPollers         = 8
	minPollers             = 4
	eagerActivitiesPerTask = 32
	// workerStopTimeout is the time for running effects when the worker stops. With the five seconds for held callers
	// before it, a process ends within the ten seconds that containers have. Another worker repeats effects that were
	// cut off, with the same Idempotency-Key.
	workerStopTimeout = 3 * time.Second
	// reportTimeout is the time to report the results of effects that ended in time, so that they are not repeated.
	reportTimeout = time.Second
	// deadlockAfter is the time after which the SDK reports a deadlock of workflow code and has its task retried. An
	// evaluation is far shorter than the default of a second, but reading and measuring a body of 10 MiB is not on a
	// busy machine. A workflow task may take ten seconds.
	deadlockAfter = 8 * time.Second
)

// Worker executes the runs of this release's level and of all earlier levels since the first release. Each level has a
// task queue of its own: an old worker never sees the run of a newer release, and a new worker continues the runs that
// an old one began.
type Worker struct {
	// levels has a Temporal worker for each level, from FirstLevel on.
	levels []worker.Worker
	// cut ends the running effects.
	cut context.CancelCauseFunc
}

// Connect makes a Temporal worker. The client side owns the connection.
type Connect func(taskQueue string, options worker.Options) worker.Worker

// NewWorker makes a worker. Effects maps names of activities to their functions; the interpreter's own are added.
func NewWorker(connect Connect, interpreter *Interpreter, effects map[string]any, options ...WorkerOption) *Worker {
	w, settings := &Worker{}, workerSettings{maxResult: maxResult, effects: places.Default}
	for _, option := range options {
		option(&settings)
	}
	of := places.New(settings.effects)
	if settings.cachedRuns > 0 {
		worker.SetStickyWorkflowCacheSize(settings.cachedRuns)
	}
	settings.stopping, w.cut = context.WithCancelCause(context.Background())
	for level := FirstLevel; level <= interpreter.level; level++ {
		w.levels = append(w.levels, newLevelWorker(connect, level, interpreter, effects, of, settings))
	}
	return w
}

// Start begins to execute runs. On an error nothing is left running.
func (w *Worker) Start() error {
	for i, level := range w.levels {
		if err := level.Start(); err != nil {
			(&Worker{levels: w.levels[:i], cut: w.cut}).Stop()
			return err
		}
	}
	return nil
}

// Stop accepts no more work, and returns when the current work has ended, at most after four seconds. It stops a worker
// that was started.
func (w *Worker) Stop() {
	effects, cancel := context.WithTimeout(context.Background(), workerStopTimeout)
	defer cancel()
	context.AfterFunc(effects, func() { w.cut(worker.ErrWorkerShutdown) })
	var stopping sync.WaitGroup
	for _, level := range w.levels {
		stopping.Go(level.Stop)
	}
	stopping.Wait()
}

func newLevelWorker(connect Connect, level int, interpreter *Interpreter, effects map[string]any, of *places.Places,
	settings workerSettings) worker.Worker {
	eager := eagerActivitiesPerTask
	tuner, err := of.Tuner()
	if err != nil {
		panic(err) // its numbers are constants
	}
	w := connect(TaskQueue(level), worker.Options{
		WorkflowTaskPollerBehavior: worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{
			InitialNumberOfPollers: initialPollers, MinimumNumberOfPollers: minPollers,
			MaximumNumberOfPollers: maxPollers,
		}),
		ActivityTaskPollerBehavior: worker.NewPollerBehaviorAutoscaling(worker.PollerBehaviorAutoscalingOptions{
			InitialNumberOfPollers: initialPollers, MinimumNumberOfPollers: minPollers,
			MaximumNumberOfPollers: maxPollers,
		}),
		Tuner: tuner,
		MaxEagerActivityReservationsPerWorkflowTask: &eager,
		WorkerStopTimeout:        workerStopTimeout + reportTimeout,
		DeadlockDetectionTimeout: deadlockAfter,
		// If the server does not report cancelled activities to workers, their heartbeats do.
		MaxHeartbeatThrottleInterval: activities.HeartbeatEvery,
		DisableRegistrationAliasing:  true,
		Interceptors: []interceptor.WorkerInterceptor{of.Interceptor(activities.Yield),
			&resultGuard{maxResult: settings.maxResult, stopping: settings.stopping}},
	})
	interpreter.Register(w)
	w.RegisterActivityWithOptions(func(context.Context) error { return nil },
		activity.RegisterOptions{Name: activities.Yield})
	for name, function := range effects {
		w.RegisterActivityWithOptions(function, activity.RegisterOptions{Name: name})
	}
	return w
}
