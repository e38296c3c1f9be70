package activities

import (
	"errors"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/everhook/everhook"
)

// Fail is what an activity returns for err: Temporal tries again if retryable, after the given pause (0: as the retry
// policy says). The whole err travels, so FromError gives the same one to the workflow; whoever calls sets err.Attempts
// from the activity's info. A business failure (Failed, Rejected) is benign: it is neither logged as an error nor
// counted as one.
func Fail(err *everhook.Error, retryable bool, after time.Duration) error {
	options := temporal.ApplicationErrorOptions{NonRetryable: !retryable, Details: []any{*err}}
	if retryable {
		options.NextRetryDelay = after
	}
	if err.Status == everhook.Failed || err.Status == everhook.Rejected {
		options.Category = temporal.ApplicationErrorCategoryBenign
	}
	return temporal.NewApplicationErrorWithOptions(err.Message, err.Type, options)
}

// FromError is what workflow code makes of the error of an activity: what Fail sent, or a description of what Temporal
// reports instead (a timeout, a cancellation, a panic, a result that is too large). It returns nil for nil, and is the
// same on every replay. Attempts is 0 where it is not known.
func FromError(err error) *everhook.Error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		switch e := e.(type) { //nolint:errorlint // the loop unwraps: the outermost known error counts
		case *everhook.Error:
			return e
		case *temporal.ApplicationError:
			return fromApplication(e)
		case *temporal.TimeoutError:
			return fromTimeout(e)
		case *temporal.CanceledError:
			return &everhook.Error{Status: everhook.Cancelled, Type: everhook.TypeCancelled,
				Message: "cancelled while the effect was under way"}
		case *temporal.PanicError:
			return everhook.Errorf(everhook.TypeInternal, "the worker panicked: %s", e.Error())
		case *temporal.ServerError:
			return fromServer(e)
		}
	}
	return everhook.AsError(err)
}

func fromApplication(err *temporal.ApplicationError) *everhook.Error {
	var sent everhook.Error
	if err.Details(&sent) == nil && sent.Status != "" {
		return &sent
	}
	switch err.Type() {
	case "ActivityNotRegisteredError":
		return everhook.Errorf(everhook.TypeUnavailable, "no worker here offers this effect; start one of the same "+
			"release: %s", err.Message())
	case "payloadSizeError":
		return everhook.Errorf(everhook.TypeResponse, "the result is larger than Temporal keeps: %s", err.Message())
	default:
		return everhook.Errorf(everhook.TypeInternal, "%s", err.Message())
	}
}

// fromTimeout says which limit was reached. The attempt is known where the activity reports it with its heartbeats
// (Heartbeat).
func fromTimeout(err *temporal.TimeoutError) *everhook.Error {
	timeout := everhook.Errorf(everhook.TypeTimeout, "%s", timeoutMessage(err.TimeoutType()))
	var beat Heartbeat
	if err.HasLastHeartbeatDetails() && err.LastHeartbeatDetails(&beat) == nil {
		timeout.Attempts = beat.Attempt
	}
	before, ok := errors.AsType[*temporal.ApplicationError](err.Unwrap())
	if !ok {
		return timeout
	}
	last := fromApplication(before)
	timeout.Message += "; the attempt before: " + last.Message
	timeout.Response = last.Response
	timeout.Attempts = max(timeout.Attempts, last.Attempts)
	return timeout
}

func timeoutMessage(typ enumspb.TimeoutType) string {
	switch typ {
	case enumspb.TIMEOUT_TYPE_START_TO_CLOSE:
		return "an attempt took longer than its timeout, and the worker did not say so; it is gone or overloaded"
	case enumspb.TIMEOUT_TYPE_HEARTBEAT:
		return "the worker stopped reporting in the middle of an attempt; it is gone or overloaded"
	case enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START:
		return "no worker took this on in time; start more workers"
	case enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE:
		return "all attempts together took longer than allowed"
	default:
		return "it took longer than allowed"
	}
}

// fromServer knows the one refusal of the server that a flow can cause; its text is the server's
// FailureReasonCompleteResultExceedsLimit.
func fromServer(err *temporal.ServerError) *everhook.Error {
	if strings.Contains(err.Message(), "result exceeds size limit") {
		return everhook.Errorf(everhook.TypeResponse, "the result is larger than Temporal keeps; ask for less")
	}
	return everhook.Errorf(everhook.TypeUnavailable, "Temporal: %s", err.Message())
}

// Heartbeat is what an activity reports while it works, so that a timeout that only the server notices still tells the
// attempt.
type Heartbeat struct {
	// Attempt counts from 1.
	Attempt int `json:"attempt"`
}
