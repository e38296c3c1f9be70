package flowtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/catalog"
	"github.com/everhook/everhook/receiver"
	"github.com/everhook/everhook/workflows"
)

// trial is one running test.
type trial struct {
	suite *Suite
	test  *Test
	limit time.Duration
	// stop is closed when the test is interrupted.
	stop <-chan struct{}

	// route is nil if the flow's trigger is not a webhook.
	route   *receiver.Route
	effects *effects
	// delivery is nil until the request was accepted.
	delivery *everhook.Delivery
	// skipped is set if the trigger's condition left out the delivery.
	skipped bool
	// ran is set once the run has begun.
	ran bool
	ending
	// abandoned makes the run end at its next timer, because the test has given up.
	abandoned atomic.Bool
}

func newTrial(s *Suite, test *Test, limit time.Duration, stop <-chan struct{}) *trial {
	t := &trial{suite: s, test: test, limit: limit, stop: stop, effects: newEffects(test.outcomes)}
	t.route, _ = catalog.OpenRoute(s.version, s.flow, func() map[string]string { return test.env })
	return t
}

// stopGrace bounds how long a stopped run may take to end.
const stopGrace = 2 * time.Second

// run runs the flow with its delivery, to its end or to the limit.
func (t *trial) run() {
	t.ran = true
	stopped := fmt.Sprintf("the run did not end within %s and was stopped", t.limit)
	env := t.environment()
	ended := make(chan *ending, 1)
	go func() { ended <- t.execute(env) }()
	select {
	case end := <-ended:
		t.ending = *end
		return
	case <-t.stop:
		stopped = "interrupted"
	case <-time.After(t.limit):
	}
	// The run is cancelled, so that the step log shows where it was.
	env.CancelWorkflow()
	select {
	case end := <-ended:
		t.ending = *end
	case <-time.After(stopGrace):
		t.abandoned.Store(true)
	}
	t.broken = stopped
	if len(t.steps) > 0 {
		t.broken += fmt.Sprintf(" at %s, after %s of its own clock", stepName(t.steps[len(t.steps)-1]),
			everhook.Duration(t.elapsed.Round(time.Second)))
	}
}

func (t *trial) environment() *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(log.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestWorkflowEnvironment()
	env.SetDataConverter(workflows.DataConverter())
	env.SetStartTime(t.test.fields.now())
	// These limits belong to Temporal's test environment. A run may wait for years; only the limit stops a test.
	env.SetWorkflowRunTimeout(runTimeout)
	env.SetTestTimeout(t.limit + stopGrace)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: t.limit + stopGrace,
		Interceptors: []interceptor.WorkerInterceptor{t.effects}})
	env.SetOnTimerScheduledListener(func(string, time.Duration) {
		if t.abandoned.Load() {
			panic("abandoned")
		}
	})
	t.suite.interpreter.Register(env)
	env.RegisterActivityWithOptions(func(context.Context) error { return nil },
		activity.RegisterOptions{Name: activities.Yield})
	return env
}

// runTimeout is longer than any run: two hundred years.
const runTimeout = 200 * 365 * 24 * time.Hour

// ending is the end of a run's workflow.
type ending struct {
	outcome everhook.Outcome
	steps   []everhook.Step
	total   int
	elapsed time.Duration
	// answer is the answer of a sync flow, with its time after the start.
	answer   *everhook.Answer
	answered time.Duration
	// broken is the reason why the run has no outcome.
	broken string
}

// execute runs the workflow. It must not change the trial, because the waiting goroutine may have given up.
func (t *trial) execute(env *testsuite.TestWorkflowEnvironment) (end *ending) {
	end = &ending{}
	defer func() {
		if defect := recover(); defect != nil {
			end.broken = "the run broke off: " + everhook.Shorten(firstLine(fmt.Sprint(defect)), 400)
		}
	}()
	started := t.test.fields.now()
	if t.suite.flow.Definition.Mode == everhook.Sync {
		env.RegisterDelayedCallback(func() { askForAnswer(env, started, end) }, 0)
	}
	env.ExecuteWorkflow(workflows.RunWorkflow, json.RawMessage(t.suite.definition), workflows.Start{
		Level: workflows.Level, Version: t.suite.version.Number, Delivery: *t.delivery, Env: t.settings(),
		Resume: catalog.OpenResume(t.delivery.RunID),
	})
	end.elapsed = env.Now().Sub(started)
	var err error
	if end.steps, end.total, err = stepsOf(env); err == nil {
		end.outcome, err = outcomeOf(env)
	}
	switch {
	case temporal.IsTimeoutError(err):
		end.broken = "the run never ends: it waits for what does not come in a test"
		if len(end.steps) > 0 {
			end.broken += ", at " + stepName(end.steps[len(end.steps)-1])
		}
	case err != nil:
		end.broken = "the run broke off: " + everhook.Shorten(firstLine(err.Error()), 400)
	}
	return end
}

// settings returns the settings of the test that the flow refers to.
func (t *trial) settings() map[string]string {
	settings := map[string]string{}
	for _, name := range t.suite.flow.Env {
		if value, ok := t.test.env[name]; ok {
			settings[name] = value
		}
	}
	return settings
}

// askForAnswer sends the update that the receiver sends for a held caller.
func askForAnswer(env *testsuite.TestWorkflowEnvironment, started time.Time, end *ending) {
	env.UpdateWorkflow(workflows.AnswerUpdate, workflows.AnswerUpdate, &testsuite.TestUpdateCallback{
		OnAccept: func() {},
		OnReject: func(err error) { panic(err) },
		OnComplete: func(v any, err error) {
			if err != nil {
				panic(err)
			}
			answer := v.(everhook.Answer)
			end.answer, end.answered = &answer, env.Now().Sub(started)
		},
	})
}

// outcomeOf reads the outcome of a closed run from its result, or from the details of its failure.
func outcomeOf(env *testsuite.TestWorkflowEnvironment) (outcome everhook.Outcome, err error) {
	err = env.GetWorkflowError()
	if err == nil {
		return outcome, env.GetWorkflowResult(&outcome)
	}
	if cancelled, ok := errors.AsType[*temporal.CanceledError](err); ok && cancelled.HasDetails() {
		return outcome, cancelled.Details(&outcome)
	}
	if failure, ok := errors.AsType[*temporal.ApplicationError](err); ok && failure.HasDetails() {
		return outcome, failure.Details(&outcome)
	}
	if wrapped, ok := errors.AsType[*temporal.WorkflowExecutionError](err); ok {
		err = wrapped.Unwrap()
	}
	return outcome, err
}

func stepsOf(env *testsuite.TestWorkflowEnvironment) (steps []everhook.Step, total int, err error) {
	for from := 1; from != 0; {
		encoded, err := env.QueryWorkflow(workflows.StepsQuery, from)
		if err != nil {
			return nil, 0, err
		}
		var page everhook.StepPage
		if err := encoded.Get(&page); err != nil {
			return nil, 0, err
		}
		steps, from, total = append(steps, page.Steps...), page.Next, page.Total
	}
	return steps, total, nil
}

func stepName(step everhook.Step) string {
	if step.Iteration == "" {
		return step.Node
	}
	return step.Node + "[" + step.Iteration + "]"
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
