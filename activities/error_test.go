package activities_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

// through runs an activity that returns err, and returns the error that a workflow gets.
func through(t *testing.T, err error) error {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	work := func(context.Context) error { return err }
	env.RegisterActivity(work)
	_, got := env.ExecuteActivity(work)
	return got
}

func TestAnErrorCrossesTheActivityBoundaryWhole(t *testing.T) {
	t.Parallel()
	sent := &everhook.Error{
		Status: everhook.Failed, Type: everhook.TypeStatus, Message: "answered 402", Attempts: 3,
		Response: everhook.Of(map[string]any{"status": 402, "body": map[string]any{"code": "declined"}}),
	}
	err := through(t, activities.Fail(sent, true, time.Minute))
	require.Equal(t, sent, activities.FromError(err))

	application, ok := errors.AsType[*temporal.ApplicationError](err)
	require.True(t, ok)
	require.Equal(t, everhook.TypeStatus, application.Type())
	require.Equal(t, "answered 402", application.Message())
	require.False(t, application.NonRetryable())
	require.Equal(t, time.Minute, application.NextRetryDelay())
	require.Equal(t, temporal.ApplicationErrorCategoryBenign, application.Category())
}

func TestFinalErrorsHaveNoPauseAndEngineErrorsAreNotBenign(t *testing.T) {
	t.Parallel()
	err := through(t, activities.Fail(everhook.Errorf(everhook.TypeSecret, "not set"), false, time.Minute))
	application, ok := errors.AsType[*temporal.ApplicationError](err)
	require.True(t, ok)
	require.True(t, application.NonRetryable())
	require.Zero(t, application.NextRetryDelay())
	require.Equal(t, temporal.ApplicationErrorCategoryUnspecified, application.Category())
}

func TestFromErrorDescribesWhatTemporalReports(t *testing.T) {
	t.Parallel()
	before := activities.Fail(&everhook.Error{Status: everhook.Failed, Type: everhook.TypeStatus,
		Message: "answered 503", Attempts: 2}, true, 0)
	for name, c := range map[string]struct {
		err      error
		status   everhook.Status
		typ      string
		message  string
		attempts int
	}{
		"an attempt that the worker did not end": {
			temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil), everhook.Errored, everhook.TypeTimeout,
			"an attempt took longer", 0,
		},
		"a worker that went away tells its attempt": {
			temporal.NewHeartbeatTimeoutError(activities.Heartbeat{Attempt: 3}), everhook.Errored, everhook.TypeTimeout,
			"stopped reporting", 3,
		},
		"no worker": {
			temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil), everhook.Errored,
			everhook.TypeTimeout, "start more workers", 0,
		},
		"all attempts together, with the last failure": {
			temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, before), everhook.Errored,
			everhook.TypeTimeout, "all attempts together took longer than allowed; the attempt before: answered 503", 2,
		},
		"a timeout of no known sort": {
			temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_UNSPECIFIED, nil), everhook.Errored, everhook.TypeTimeout,
			"longer than allowed", 0,
		},
		"a cancellation": {temporal.NewCanceledError(), everhook.Cancelled, everhook.TypeCancelled, "cancelled",
			0},
		"an error in passing": {everhook.Failuref(everhook.TypeEnd, "over"), everhook.Failed, everhook.TypeEnd, "over",
			0},
		"a foreign error": {errors.New("odd"), everhook.Errored, everhook.TypeInternal, "odd", 0},
		"an application error without our details": {
			through(t, temporal.NewApplicationError("odd", "Odd", 7)), everhook.Errored, everhook.TypeInternal, "odd",
			0,
		},
		"an activity that no worker has": {
			temporal.NewApplicationError("unable to find activityType=acme.sms. Supported types: [a, b]",
				"ActivityNotRegisteredError"), everhook.Errored,
			everhook.TypeUnavailable, "no worker offers the effect acme.sms; register it with kind.AddEffect", 0,
		},
		"a result that the worker found too large": {
			temporal.NewApplicationError("payloads size", "payloadSizeError"), everhook.Errored, everhook.TypeResponse,
			"larger than Temporal stores", 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := activities.FromError(c.err)
			require.Equal(t, c.status, got.Status)
			require.Equal(t, c.typ, got.Type)
			require.Contains(t, got.Message, c.message)
			require.Equal(t, c.attempts, got.Attempts)
		})
	}
	require.Nil(t, activities.FromError(nil))
}

func TestFromErrorReadsAPanicOfTheWorker(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	work := func(context.Context) error { panic("boom") }
	env.RegisterActivity(work)
	_, err := env.ExecuteActivity(work)
	got := activities.FromError(err)
	require.Equal(t, everhook.TypeInternal, got.Type)
	require.Contains(t, got.Message, "the worker panicked: boom")
}

func TestFromErrorReadsRefusalsOfTheServer(t *testing.T) {
	t.Parallel()
	converter := temporal.GetDefaultFailureConverter()
	for message, typ := range map[string]string{
		"Complete result exceeds size limit.": everhook.TypeResponse,
		"something else":                      everhook.TypeUnavailable,
	} {
		failure := converter.ErrorToFailure(temporal.NewApplicationError(message, ""))
		failure.FailureInfo = &failurepb.Failure_ServerFailureInfo{ServerFailureInfo: &failurepb.ServerFailureInfo{
			NonRetryable: true}}
		require.Equal(t, typ, activities.FromError(converter.FailureToError(failure)).Type, message)
	}
}
