package workflows

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"github.com/everhook/everhook"
)

// OutcomeOf reads the outcome of a run from the error that it closed with. It returns the error if the run did not
// close with one: the outcome is then unknown.
func OutcomeOf(err error) (everhook.Outcome, error) {
	var outcome everhook.Outcome
	if failure, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		if failure.Details(&outcome) == nil && outcome.Status.Ended() {
			return outcome, nil
		}
		return everhook.Outcome{Status: everhook.Errored, Error: everhook.Errorf(everhook.TypeInternal, "%s",
			failure.Message())}, nil
	}
	if cancelled, ok := errors.AsType[*temporal.CanceledError](err); ok {
		if cancelled.Details(&outcome) == nil && outcome.Status.Ended() {
			return outcome, nil
		}
		return everhook.Outcome{Status: everhook.Cancelled}, nil
	}
	if _, ok := errors.AsType[*temporal.TerminatedError](err); ok {
		return everhook.Outcome{Status: everhook.Cancelled, Error: &everhook.Error{Status: everhook.Cancelled,
			Type: everhook.TypeCancelled, Message: "the run was terminated"}}, nil
	}
	if _, ok := errors.AsType[*temporal.TimeoutError](err); ok {
		return everhook.Outcome{Status: everhook.Aborted, Error: &everhook.Error{Status: everhook.Aborted,
			Type: everhook.TypeTimeout, Message: "Temporal timed the run out"}}, nil
	}
	return everhook.Outcome{}, err
}
