// Package effect is the frame of all effects: of http-request, json-query and the loading of subflows, and of those
// that modules add with kind.AddEffect. A kind calls an effect by its name with Run.Activity, or with Run.LocalActivity
// if it is Local.
//
// The frame does for an effect's function what every effect needs:
//
//   - It ends the function's context when the node's timeout has passed, when the run is cancelled, and when the worker
//     stops. The function then returns.
//   - It reports to Temporal while the function works, so that a lost worker is noticed and a cancellation arrives.
//   - It takes secrets out of results and errors before they are stored.
//   - It decides whether an attempt that failed is made again, see Spec.Retry.
//   - It counts lost workers apart from attempts that failed, see Spec.Once.
//
// Package effecttest runs an effect in a test.
package effect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

// Function makes one attempt of an effect. In and Out are the input from workflow code and the result for it, as JSON.
// Both are stored in histories, so later releases of the function must read what earlier ones wrote: fields are added,
// never renamed. A secret travels in In as an everhook.Sealed.
//
// An attempt may be made again although it did its work, because the worker died before it could report. Let In carry
// activities.IdempotencyKey, which is the same for every attempt, and let the other system recognise it.
type Function[In, Out any] func(ctx context.Context, input In) (Out, error)

// Spec describes an effect.
type Spec[In, Out any] struct {
	// Name is the name by which a kind calls the effect. It is stored in histories, so it never changes.
	Name string
	// Build makes the function. It is called once in each process that runs a worker, before any flow runs, and may
	// keep what all attempts share.
	Build func(activities.Dependencies) Function[In, Out]
	// Retry decides whether an attempt that failed with err is made again, and after which pause (0: the node's own).
	// It is not asked after a panic or a cancellation. Nil: Default.
	Retry func(input In, err error) (again bool, after time.Duration)
	// Once is for an effect that must not be repeated if its outcome is not known. If the worker is lost during an
	// attempt, the step then ends with an error of type everhook.TypeOutcomeUnknown. Other effects are tried again, at
	// most activities.LostWorkers times besides the node's own attempts.
	Once bool
	// Local is for quick work that changes nothing outside. It runs as a local activity within the worker that runs the
	// workflow, at the cost of one event. It has no heartbeats.
	Local bool
	// Redacted says that results and errors of the function hold no secrets, so that the frame need not look for them.
	Redacted bool
	// ChecksHosts says that the function asks activities.RestrictedSecrets about each host to which it sends a secret.
	// Other effects cannot use a secret that may be sent to certain hosts only.
	ChecksHosts bool
}

// New makes an effect.
func New[In, Out any](spec Spec[In, Out]) activities.Effect { return &effect[In, Out]{spec} }

// Default is the rule for effects without a Retry of their own:
//
//   - An *everhook.Error is final: Failuref for a business condition that is not met, Errorf for something that broke.
//   - An error of activities.Fail says itself whether, and when, the attempt is made again.
//   - An address that the egress guard refused is final. It has the type everhook.TypeRefused.
//   - An attempt whose timeout has passed is made again. It has the type everhook.TypeTimeout.
//   - Every other error is tried again. It has the type everhook.TypeInternal, so a function should tell its errors
//     apart.
func Default(err error) (again bool, after time.Duration) {
	if sent, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return !sent.NonRetryable(), sent.NextRetryDelay()
	}
	return !isFinal(err), 0
}

type effect[In, Out any] struct{ spec Spec[In, Out] }

func (e *effect[In, Out]) Name() string { return e.spec.Name }

func (e *effect[In, Out]) Local() bool { return e.spec.Local }

// Activity gives the function in its frame. It returns the function's result, or a value without the secrets that were
// in it.
func (e *effect[In, Out]) Activity(d activities.Dependencies) any {
	if d.Logger == nil {
		d.Logger = slog.Default()
	}
	function := e.spec.Build(d)
	return func(ctx context.Context, input In) (any, error) {
		if activity.GetInfo(ctx).IsLocalActivity != e.spec.Local {
			return nil, activities.Fail(everhook.Errorf(everhook.TypeInternal,
				"the effect %s is called in the wrong way: "+
					"use run.LocalActivity if its Spec says Local, and run.Activity if not", e.spec.Name), false, 0)
		}
		tries := triesOf(ctx)
		if lost := tries.giveUp(e.spec.Once); lost != nil {
			return nil, activities.Fail(lost, false, 0)
		}
		if refused := e.permit(ctx, input, d.Secrets); refused != nil {
			return nil, activities.Fail(refused, false, 0)
		}
		attempt, cancel := limited(ctx)
		defer cancel()
		stopHeartbeat := heartbeat(ctx, tries)
		result, err := e.guarded(attempt, function, input, d.Logger)
		stopHeartbeat()
		if err == nil {
			return e.result(result, d.Secrets)
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, e.stopped(ctx)
		}
		return nil, e.failure(attempt, input, err, tries, d.Secrets)
	}
}

// stopped is the error of an attempt that was cut off. When the worker stops, it says nothing to Temporal: the attempt
// is made again once Temporal misses it, as after a crash.
func (e *effect[In, Out]) stopped(ctx context.Context) error {
	switch {
	case e.spec.Local:
		return activities.Fail(everhook.Errorf(everhook.TypeUnavailable, "the worker stopped before the effect ended"),
			false, 0)
	case temporal.IsCanceledError(context.Cause(ctx)):
		return context.Canceled
	default:
		return activity.ErrResultPending
	}
}

// limited ends a context when the node's timeout has passed, before the server notices: the attempt then reports it
// itself.
func limited(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := activity.GetInfo(ctx).StartToCloseTimeout
	if limit > activities.Grace {
		limit -= activities.Grace
	}
	if limit <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

// panicked is the error of a function that panicked.
type panicked struct{ told *everhook.Error }

func (p panicked) Error() string { return p.told.Error() }
func (p panicked) Unwrap() error { return p.told }

// guarded calls the function and returns a panic as an error. The log has the stack, but not the value: it may hold a
// secret.
func (e *effect[In, Out]) guarded(ctx context.Context, function Function[In, Out], input In,
	logger *slog.Logger) (result Out, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			logger.Error("an effect panicked", "effect", e.spec.Name, "panic", fmt.Sprintf("%T", caught), "stack",
				string(debug.Stack()))
			err = panicked{everhook.Errorf(everhook.TypeInternal, "the effect %s panicked; see the stack in the "+
				"worker's log", e.spec.Name)}
		}
	}()
	return function(ctx, input)
}

// result returns a result unchanged if it is known to hold no secrets, else as a value without them.
func (e *effect[In, Out]) result(result Out, secrets activities.Secrets) (any, error) {
	if e.spec.Redacted {
		return result, nil
	}
	data, err := everhook.EncodeJSON(result)
	if err != nil {
		return nil, activities.Fail(everhook.Errorf(everhook.TypeInternal,
			"the result of the effect cannot be encoded: %v", err), false, 0)
	}
	v, err := everhook.ParseJSON(data)
	if err != nil {
		return nil, activities.Fail(everhook.Errorf(everhook.TypeInternal,
			"the result of the effect is not a value for flows: %v", err), false, 0)
	}
	if secrets == nil {
		return everhook.Value{V: v}, nil
	}
	return everhook.Value{V: secrets.Redact(v)}, nil
}
