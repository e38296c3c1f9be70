package workflows_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/workflows"
)

func TestTheOutcomeIsReadFromHowARunClosed(t *testing.T) {
	t.Parallel()
	failed := everhook.Outcome{Status: everhook.Failed,
		Error: &everhook.Error{Status: everhook.Failed, Message: "no"}}
	cancelled := everhook.Outcome{Status: everhook.Cancelled, Output: everhook.Of(1)}
	closed := func(details ...any) error {
		return temporal.NewApplicationErrorWithOptions("no", "failed",
			temporal.ApplicationErrorOptions{Details: details})
	}
	other := errors.New("the server is away")
	for name, test := range map[string]struct {
		err     error
		want    everhook.Outcome
		unknown bool
	}{
		"with an outcome":           {err: closed(failed), want: failed},
		"with one that is no end":   {err: closed(everhook.Outcome{Status: everhook.Pending}), want: internalError("no")},
		"without one":               {err: closed(), want: internalError("no")},
		"cancelled, with an output": {err: temporal.NewCanceledError(cancelled), want: cancelled},
		"cancelled, with no end": {err: temporal.NewCanceledError(everhook.Outcome{Status: everhook.Pending}),
			want: everhook.Outcome{Status: everhook.Cancelled}},
		"cancelled before it began": {err: temporal.NewCanceledError(),
			want: everhook.Outcome{Status: everhook.Cancelled}},
		"terminated": {err: &temporal.TerminatedError{}, want: everhook.Outcome{Status: everhook.Cancelled,
			Error: &everhook.Error{Status: everhook.Cancelled, Type: everhook.TypeCancelled,
				Message: "the run was terminated"}}},
		"timed out": {err: temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil),
			want: everhook.Outcome{Status: everhook.Aborted, Error: &everhook.Error{Status: everhook.Aborted,
				Type: everhook.TypeTimeout, Message: "Temporal timed the run out"}}},
		"not known": {err: other, unknown: true},
	} {
		got, err := workflows.OutcomeOf(test.err)
		require.Equal(t, test.want, got, name)
		if test.unknown {
			require.ErrorIs(t, err, other, name)
		} else {
			require.NoError(t, err, name)
		}
	}
}

func internalError(message string) everhook.Outcome {
	return everhook.Outcome{Status: everhook.Errored, Error: everhook.Errorf(everhook.TypeInternal, "%s", message)}
}
