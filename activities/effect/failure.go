package effect

import (
	"context"
	"errors"
	"strings"

	"go.temporal.io/sdk/temporal"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/egress"
)

// maxMessage is how many bytes of a message are kept.
const maxMessage = 1 << 10

// failure is the error that Temporal gets for an attempt that failed, without secrets.
func (e *effect[In, Out]) failure(ctx context.Context, input In, err error, tries tries,
	secrets activities.Secrets) error {
	again, after := Default(err)
	if _, ok := errors.AsType[panicked](err); ok {
		again = false
	} else if e.spec.Retry != nil {
		again, after = e.spec.Retry(input, err)
	}
	told := described(ctx, err)
	if !e.spec.Local {
		told.Attempts = tries.attempt
	}
	if secrets != nil && !e.spec.Redacted {
		told.Message, _ = secrets.Redact(strings.ToValidUTF8(told.Message, "\ufffd")).(string)
		if told.Response != nil {
			told.Response = everhook.Of(secrets.Redact(told.Response.V))
		}
	}
	told.Message = everhook.Shorten(told.Message, maxMessage)
	if pauses, ok := activities.PausesOf(ctx); ok && after == 0 {
		after = pauses.After(tries.failures + 1)
	}
	return activities.Fail(&told, tries.failed(ctx, again), after)
}

// described gives a copy of what an error says.
func described(ctx context.Context, err error) everhook.Error {
	if sent, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return *activities.FromError(sent)
	}
	if own, ok := errors.AsType[*everhook.Error](err); ok {
		return *own
	}
	if refused, ok := errors.AsType[*egress.Refused](err); ok {
		return *everhook.Errorf(everhook.TypeRefused, "%s", refused)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return *everhook.Errorf(everhook.TypeTimeout, "an attempt took longer than its timeout; raise the node's "+
			"timeout if that is not enough: %s", err)
	}
	return *everhook.Errorf(everhook.TypeInternal, "%s", err)
}

func isFinal(err error) bool {
	if _, ok := errors.AsType[*everhook.Error](err); ok {
		return true
	}
	_, ok := errors.AsType[*egress.Refused](err)
	return ok
}
