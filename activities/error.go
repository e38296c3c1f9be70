package activities

import (
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/everhook/everhook"
)

// Fail gives the error that an activity returns for err. If it is retryable, Temporal tries again after the given pause
// (0: the pause of the retry policy). FromError gives the workflow the same err, with all its fields; the caller sets
// err.Attempts. A business failure (Failed, Rejected) is benign: Temporal neither logs nor counts it as an error.
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

// FromError gives workflow code the error of an activity: the one that Fail sent, or a description of what Temporal
// reports (a timeout, a cancellation, a panic, a result that is too large). It gives nil for nil, and the same on every
// replay. Attempts is 0 if it is not known.
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
				Message: "cancelled during the effect"}
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
	if message, ok := NotOffered(err.Type(), err.Message()); ok {
		return everhook.Errorf(everhook.TypeUnavailable, "%s", message)
	}
	switch err.Type() {
	case "payloadSizeError":
		return everhook.Errorf(everhook.TypeResponse, "the result is larger than Temporal stores: %s", err.Message())
	default:
		return everhook.Errorf(everhook.TypeInternal, "%s", err.Message())
	}
}

// NotOffered says what to do about a failure of Temporal's for an effect that no worker knows; false: the failure is
// of another type.
func NotOffered(failureType, message string) (text string, ok bool) {
	if failureType != "ActivityNotRegisteredError" {
		return "", false
	}
	_, name, _ := strings.Cut(message, "activityType=")
	name, _, _ = strings.Cut(name, ". Supported")
	return fmt.Sprintf("no worker offers the effect %s; register it with kind.AddEffect, or start a worker of the "+
		"program that has it", name), true
}

// fromTimeout says which limit was reached. The attempt is known if the activity reported it in a Heartbeat.
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
		return "an attempt took longer than its timeout without a report from its worker; the worker is lost or " +
			"overloaded"
	case enumspb.TIMEOUT_TYPE_HEARTBEAT:
		return "the worker stopped reporting during an attempt; it is lost or overloaded"
	case enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START:
		return "no worker took this in time; start more workers"
	case enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE:
		return "all attempts together took longer than allowed"
	default:
		return "it took longer than allowed"
	}
}

// fromServer converts the only refusal of the server that a flow can cause. Its text is the server's
// FailureReasonCompleteResultExceedsLimit.
func fromServer(err *temporal.ServerError) *everhook.Error {
	if strings.Contains(err.Message(), "result exceeds size limit") {
		return everhook.Errorf(everhook.TypeResponse, "the result is larger than Temporal stores; ask for less")
	}
	return everhook.Errorf(everhook.TypeUnavailable, "Temporal: %s", err.Message())
}

// Heartbeat is what an activity reports while it works. So a timeout that only the server notices still has the number
// of the attempt, and the next attempt knows how the earlier ones ended.
type Heartbeat struct {
	// Attempt counts from 1.
	Attempt int `json:"attempt"`
	// Failures counts the attempts that reported a failure. The others were handed back, or lost with their workers.
	Failures int `json:"failures,omitempty"`
	// HandedBack counts the attempts that a worker had no place for.
	HandedBack int `json:"handedBack,omitempty"`
}

// The MaximumAttempts of an activity is larger than the number of its node by SpareAttempts; the frame in package
// effect keeps to the node's own number.
const (
	// LostWorkers is how many attempts an effect gets beyond its own if workers are lost.
	LostWorkers = 10
	// MostHandBacks is how often an effect is handed back at most. Then it is begun in any case.
	MostHandBacks = 100
	SpareAttempts = LostWorkers + MostHandBacks
)
