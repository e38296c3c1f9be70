package workflows

import (
	"bytes"
	"net/http"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/engine"
	"github.com/everhook/everhook/nodes/kind"
)

// Early is the answer that the caller of a sync flow got before its run was started: the engine gave it without
// Temporal.
type Early struct {
	// At is the time of the engine then. The clock of the run stands at it until the run waits for the first time.
	At time.Time `json:"at"`
	// Answer is the answer. It is the run's.
	Answer everhook.Answer `json:"answer"`
}

// Bounds of an early answer.
const (
	earlyUnits = 50_000
	earlyTime  = 20 * time.Millisecond
	earlyTries = 2
	// earlyInput bounds the delivery, encoded, and earlyBytes the answer as JSON.
	earlyInput = 64 << 10
	earlyBytes = 256 << 10
)

// MayAnswerEarly reports whether runs of a flow can begin with steps that neither wait nor act outside.
func MayAnswerEarly(flow *compile.Flow) bool {
	if flow.Definition.Mode != everhook.Sync {
		return false
	}
	if len(flow.Nodes) == 0 {
		return true
	}
	_, pure := flow.Nodes[0].Kind.(kind.Pure)
	return pure
}

// AnswerEarly runs the flow of a start in this process, from arguments of StartArguments. It reports false if the run
// waits, acts outside, does several things at the same time, takes too long or does not resolve before it has an
// answer. Else it returns the arguments for a run that has the answer. Clock gives the time.
func AnswerEarly(flow *compile.Flow, definition EncodedDefinition, arguments Arguments,
	clock func() time.Time) (Arguments, *everhook.Answer, bool) {
	payload := arguments[1].(converter.RawValue).Payload()
	if !MayAnswerEarly(flow) || len(payload.GetData()) > earlyInput {
		return nil, nil, false
	}
	var start Start
	if err := DataConverter().FromPayload(payload, &start); err != nil {
		return nil, nil, false
	}
	early := start.answerEarly(flow, clock)
	if early == nil {
		return nil, nil, false
	}
	start.Early = early
	arguments, err := StartArguments(definition, start)
	if err != nil {
		return nil, nil, false
	}
	return arguments, &early.Answer, true
}

// answerEarly runs the flow in place; nil: its caller has to wait. On a busy machine another process may have had the
// processor, so a run that takes too long is tried again once.
func (s *Start) answerEarly(flow *compile.Flow, clock func() time.Time) *Early {
	for range earlyTries {
		began, late := clock(), false
		// Microseconds outlive JSON and stores; the zone does not matter.
		at := began.UTC().Truncate(time.Microsecond)
		report := engine.InPlace(flow, s.engine(), engine.Options{Now: at, MaxUnits: earlyUnits,
			MaxOutput: limitsOf(s.MaxPayload).output, Alone: true,
			Late: func() bool {
				late = late || clock().Sub(began) > earlyTime
				return late
			}})
		if answer, ok := earlyAnswer(report, s.Delivery); ok {
			return &Early{At: at, Answer: answer}
		}
		if !late {
			return nil
		}
	}
	return nil
}

// earlyAnswer is the answer of a run in place, if its caller can have it now. A run that fails has none: a delivery
// with the same key may run it again.
func earlyAnswer(report engine.Report, d everhook.Delivery) (answer everhook.Answer, ok bool) {
	outcome := report.Outcome
	switch {
	case outcome.Status == everhook.Resolved, outcome.Status == everhook.Pending && outcome.Answer != nil:
	default:
		return everhook.Answer{}, false
	}
	if answer = DerivedAnswer(outcome, d.RunID); outcome.Answer == nil {
		answer.Delivery, answer.Digest = d.ID, d.Digest
	}
	return answer, answer.Status >= http.StatusOK && encodedSize(answer) <= earlyBytes
}

// SameAnswer reports whether a caller gets the same by both answers.
func SameAnswer(a, b everhook.Answer) bool {
	one, err := everhook.EncodeJSON(a)
	if err != nil {
		return false
	}
	other, err := everhook.EncodeJSON(b)
	return err == nil && bytes.Equal(one, other)
}

// stoppedClock is a clock that stands until the run waits for the first time.
type stoppedClock struct {
	at   time.Time
	over bool
}

type stoppedKey struct{}

// withStart returns the context for a run: its clock stands if the run was answered early.
func withStart(ctx workflow.Context, start *Start) workflow.Context {
	if start.Early == nil {
		return ctx
	}
	return workflow.WithValue(ctx, stoppedKey{}, &stoppedClock{at: start.Early.At})
}

// now is the time of a run.
func now(ctx workflow.Context) time.Time {
	if clock, ok := ctx.Value(stoppedKey{}).(*stoppedClock); ok && !clock.over {
		return clock.at
	}
	return workflow.Now(ctx)
}

// timePasses lets the clock of the run go on.
func timePasses(ctx workflow.Context) {
	if clock, ok := ctx.Value(stoppedKey{}).(*stoppedClock); ok {
		clock.over = true
	}
}

// callersAnswer is what callers get; nil while there is no answer.
func (r *run) callersAnswer() *everhook.Answer {
	if r.start.Early != nil {
		return &r.start.Early.Answer
	}
	return r.Answer()
}

// DifferencesMetric counts the runs whose answer differs from the early one. It has to stay 0.
const DifferencesMetric = "everhook_early_answer_differences"

// checkEarlyAnswer compares the answer of the run, which has ended, with the early one. Its caller keeps that.
func (r *run) checkEarlyAnswer(ctx workflow.Context, outcome *everhook.Outcome) {
	if r.start.Early == nil {
		return
	}
	early := r.start.Early.Answer
	interrupted := outcome.Status == everhook.Cancelled || outcome.Status == everhook.Aborted
	if interrupted && outcome.Answer == nil { // it came to no answer of its own
		outcome.Answer = &early
		return
	}
	if SameAnswer(*r.Answer(), early) {
		return
	}
	outcome.Answer, outcome.AnswerDiffers = &early, true
	workflow.GetMetricsHandler(ctx).Counter(DifferencesMetric).Inc(1)
	workflow.GetLogger(ctx).Error("the answer of a run differs from the one that its caller got before", "flow",
		r.Flow().Definition.Key, "version", r.start.Version, "run", r.start.Delivery.RunID)
}
