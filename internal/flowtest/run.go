package flowtest

import (
	"context"
	"fmt"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes/kind"
)

// Options configure Run.
type Options struct {
	// Only selects tests by their names; nil selects all.
	Only func(name string) bool
	// Limit bounds the real time of one test. Default 10s.
	Limit time.Duration
}

// defaultLimit is far more than any test needs, because timers use virtual time.
const defaultLimit = 10 * time.Second

// Result is the result of one test.
type Result struct {
	// File, Flow (the flow's key) and Name identify the test; Position is its line in the file.
	File string `json:"file"`
	flowfile.Position
	Flow string `json:"flow"`
	Name string `json:"name"`
	// Passed is set if there are no failures.
	Passed bool `json:"passed"`
	// Failures are the reasons why the test failed.
	Failures []Failure `json:"failures,omitempty"`
	// Steps are the step log of the run; empty if the call was refused.
	Steps []everhook.Step `json:"steps,omitempty"`
	// Seconds is the real duration of the test, Elapsed the virtual duration of the run.
	Seconds float64           `json:"seconds"`
	Elapsed everhook.Duration `json:"elapsed"`

	index    int
	observed *observed
}

// Run runs the selected tests one after the other and returns one result for each. It stops early when ctx ends.
func (s *Suite) Run(ctx context.Context, o Options) ([]Result, error) {
	if o.Limit <= 0 {
		o.Limit = defaultLimit
	}
	f := newFront()
	var results []Result
	for i := range s.Tests {
		test := &s.Tests[i]
		if o.Only != nil && !o.Only(test.Name) {
			continue
		}
		if ctx.Err() != nil {
			break
		}
		results = append(results, s.runTest(ctx, f, test, o.Limit))
	}
	if err := f.close(); err != nil {
		return results, fmt.Errorf("the receiver of the tests: %w", err)
	}
	return results, ctx.Err()
}

func (s *Suite) runTest(ctx context.Context, f *front, test *Test, limit time.Duration) Result {
	began := time.Now()
	t := newTrial(s, test, limit, ctx.Done())
	answer, err := s.try(ctx, f, t)
	result := Result{
		File: s.File, Position: test.Position, Flow: s.Flow, Name: test.Name, Steps: t.steps,
		Seconds: time.Since(began).Seconds(), Elapsed: everhook.Duration(t.elapsed), index: test.index,
	}
	calls, missing := t.effects.sent()
	switch {
	case err != nil:
		result.Failures = []Failure{{Message: fmt.Sprintf("the request cannot be made: %v", err)}}
	case t.broken != "":
		result.Failures = []Failure{{Message: t.broken}}
	case len(missing) > 0:
		// Without these outcomes, other failures say nothing about the flow.
		for _, m := range missing {
			result.Failures = append(result.Failures, Failure{Message: m.message()})
		}
	default:
		result.observed = &observed{answer: answer, ran: t.ran, skipped: t.skipped, outcome: t.outcome, steps: t.steps,
			total: t.total,
			calls: calls}
		result.Failures = compare(test.fields.Want, result.observed)
	}
	result.Passed = len(result.Failures) == 0
	return result
}

// judge asks the trigger's condition about an event that comes by no webhook.
func (t *trial) judge() {
	filtering, ok := t.suite.flow.Trigger.(kind.Filtering)
	if !ok {
		return
	}
	taken, err := filtering.Takes(t.delivery.Trigger)
	t.delivery.Failure, t.skipped = everhook.AsError(err), err == nil && !taken
}

// try sends the test's delivery, and runs the flow to its end.
func (s *Suite) try(ctx context.Context, f *front, t *trial) (*reply, error) {
	if t.route == nil {
		now := t.test.fields.now()
		t.delivery = &everhook.Delivery{RunID: runID, ReceivedAt: now, Trigger: s.called(t.test.fields.Trigger, now)}
		if t.judge(); t.skipped {
			return nil, nil
		}
		t.run()
		return replyOf(t.answer), nil
	}
	answer, err := f.call(ctx, t)
	t.skipped = err == nil && t.delivery == nil && answer.headers["Everhook-Skipped"].String() == "true"
	if err == nil && t.delivery != nil && !t.ran {
		t.run()
	}
	return answer, err
}
