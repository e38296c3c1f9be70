package effect

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/egress"
)

// maxMessage is how many bytes of a message are kept.
const maxMessage = 1 << 10

// failure is what Temporal is told of an attempt that failed. Nothing in it holds a secret.
func failure(ctx context.Context, err error, secrets activities.Secrets) error {
	told, retryable, after := classified(ctx, err)
	told.Attempts = int(activity.GetInfo(ctx).Attempt)
	if secrets != nil {
		told.Message, _ = secrets.Redact(strings.ToValidUTF8(told.Message, "\ufffd")).(string)
		if told.Response != nil {
			told.Response = everhook.Of(secrets.Redact(told.Response.V))
		}
	}
	told.Message = everhook.Shorten(told.Message, maxMessage)
	return activities.Fail(&told, retryable, after)
}

// classified gives a copy of what an error says, whether another attempt can help, and after which pause.
func classified(ctx context.Context, err error) (told everhook.Error, retryable bool, after time.Duration) {
	if sent, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		return *activities.FromError(sent), !sent.NonRetryable(), sent.NextRetryDelay()
	}
	if own, ok := errors.AsType[*everhook.Error](err); ok {
		return *own, false, 0
	}
	if refused, ok := errors.AsType[*egress.Refused](err); ok {
		return *everhook.Errorf(everhook.TypeRefused, "%s", refused), false, 0
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return *everhook.Errorf(everhook.TypeTimeout, "an attempt took longer than its timeout; raise the node's "+
			"timeout if that is not enough: %s", err), true, 0
	}
	return *everhook.Errorf(everhook.TypeInternal, "%s", err), true, 0
}
