// Package effect makes effects of functions: a kind from outside this repository hands one to kind.AddEffect and calls
// it by its name with Run.Activity.
//
// Around the function stands what every effect of Everhook keeps:
//
//   - Its context ends when the node's timeout has passed, when the run is cancelled, and when the worker stops; the
//     function then returns.
//   - The worker reports to Temporal while the function works, so that a worker that is gone is noticed and a cancelled
//     run reaches it.
//   - Secrets are taken out of its result and its errors before they are stored.
//   - An error is tried again or not, as New says.
package effect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

// Function makes one attempt of an effect. In and Out are what workflow code hands over and receives, as JSON; both are
// stored in histories, so later releases of the function must read what earlier ones wrote: fields are added, never
// renamed. A secret travels in In as an everhook.Sealed.
//
// Temporal may run it again although it has done its work (the worker died before it could tell): let In carry a key
// that is the same for every attempt, and let the other system recognise it.
type Function[In, Out any] func(ctx context.Context, input In) (Out, error)

// New makes an effect of the function that build gives. Build is called once in each process that runs a worker, before
// any flow does: it may keep what the attempts share. A name that activities.CheckEffectName refuses panics: a mistake
// of the program, seen at its start.
//
// What the function's error leads to:
//
//   - An *everhook.Error is final: Failuref when a business condition is not met, Errorf when something broke.
//   - What activities.Fail gives says itself whether, and when, it is tried again.
//   - An address that the egress guard refused is final. It has the type everhook.TypeRefused.
//   - When the node's timeout has passed it is tried again. It has the type everhook.TypeTimeout.
//   - Every other error is tried again, and has the type everhook.TypeInternal: a function that tells its errors apart
//     tells people more.
//   - A panic is final, of the same type, and logged with its stack.
//
// Attempts are as many as the node's retry, or else the kind's EffectSpec, says.
func New[In, Out any](name string, build func(activities.Dependencies) Function[In, Out]) activities.Effect {
	if err := activities.CheckEffectName(name); err != nil {
		panic(err.Error())
	}
	return &effect[In, Out]{name, build}
}

type effect[In, Out any] struct {
	name  string
	build func(activities.Dependencies) Function[In, Out]
}

func (e *effect[In, Out]) Name() string { return e.name }

// Activity gives the function with its frame. What it returns is In's result, or a value without the secrets that stood
// in it.
func (e *effect[In, Out]) Activity(d activities.Dependencies) any {
	if d.Logger == nil {
		d.Logger = slog.Default()
	}
	function := e.build(d)
	return func(ctx context.Context, input In) (any, error) {
		defer heartbeat(ctx)()
		attempt, cancel := limited(ctx)
		defer cancel()
		result, err := guarded(attempt, function, input, e.name, d.Logger)
		if err == nil {
			return withoutSecrets(result, d.Secrets)
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			if temporal.IsCanceledError(context.Cause(ctx)) {
				return nil, context.Canceled
			}
			return nil, activity.ErrResultPending // the worker stops: the attempt is made again once Temporal misses it, as after a crash
		}
		return nil, failure(attempt, err, d.Secrets)
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

// guarded calls the function and makes an error of a panic.
func guarded[In, Out any](ctx context.Context, function Function[In, Out], input In, name string,
	logger *slog.Logger) (result Out, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			// What was thrown may hold anything, a secret too: the log has where, and the run that it happened.
			logger.Error("an effect panicked", "effect", name, "panic", fmt.Sprintf("%T", caught), "stack",
				string(debug.Stack()))
			err = everhook.Errorf(everhook.TypeInternal, "the effect %s panicked; the worker's log has the place", name)
		}
	}()
	return function(ctx, input)
}

// heartbeat reports until the function that it returns is called, where Temporal waits for reports.
func heartbeat(ctx context.Context) (stop func()) {
	info := activity.GetInfo(ctx)
	if info.HeartbeatTimeout == 0 {
		return func() {}
	}
	done := make(chan struct{})
	var reporting sync.WaitGroup
	reporting.Go(func() {
		ticker := time.NewTicker(activities.HeartbeatEvery)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				activity.RecordHeartbeat(ctx, activities.Heartbeat{Attempt: int(info.Attempt)})
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		reporting.Wait()
	}
}

// withoutSecrets gives the result as it is, or as a value in which secrets are replaced.
func withoutSecrets(result any, secrets activities.Secrets) (any, error) {
	data, err := everhook.EncodeJSON(result)
	if err != nil {
		return nil, activities.Fail(everhook.Errorf(everhook.TypeInternal,
			"the result of the effect cannot be encoded: %v", err), false, 0)
	}
	v, err := everhook.ParseJSON(data)
	if err != nil {
		return nil, activities.Fail(everhook.Errorf(everhook.TypeInternal,
			"the result of the effect is no value of a flow: %v", err), false, 0)
	}
	if secrets == nil {
		return everhook.Value{V: v}, nil
	}
	return everhook.Value{V: secrets.Redact(v)}, nil
}
