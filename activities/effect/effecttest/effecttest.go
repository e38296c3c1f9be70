// Package effecttest runs effects in tests, in the frame in which a worker runs them:
//
//	sent, failed := effecttest.Run[SMSResult](t, sms, input, effecttest.Secrets{"SMS_TOKEN": "s3cret-token"})
package effecttest

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/secrets"
)

// Secrets has the values of secrets by name.
type Secrets map[string]string

// Failure is the error of an attempt, as workflow code gets it.
type Failure struct {
	*everhook.Error
	// Again says that Temporal makes another attempt, and After is the pause before it; 0: the one of the node's retry.
	Again bool
	After time.Duration
}

// Run makes one attempt of an effect with an input. The failure is nil if it gave a result. Its Dependencies may
// connect to this machine, for servers of net/http/httptest.
func Run[Out any](t testing.TB, e activities.Effect, input any, known Secrets) (result Out, failed *Failure) {
	t.Helper()
	return RunWith[Out](t, e, input, Dependencies(t, known))
}

// RunWith is Run with other Dependencies.
func RunWith[Out any](t testing.TB, e activities.Effect, input any, d activities.Dependencies) (Out, *Failure) {
	t.Helper()
	var result Out
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet{})
	name := activity.RegisterOptions{Name: e.Name()}
	if e.Local() {
		env := suite.NewTestWorkflowEnvironment()
		env.RegisterActivityWithOptions(e.Activity(d), name)
		env.ExecuteWorkflow(func(ctx workflow.Context) error {
			ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
				ScheduleToCloseTimeout: activities.LocalTimeout,
				RetryPolicy:            &temporal.RetryPolicy{MaximumAttempts: 1}})
			return workflow.ExecuteLocalActivity(ctx, e.Name(), input).Get(ctx, &result)
		})
		return result, failureOf(env.GetWorkflowError())
	}
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(e.Activity(d), name)
	encoded, err := env.ExecuteActivity(e.Name(), input)
	if err == nil {
		require.NoError(t, encoded.Get(&result))
	}
	return result, failureOf(err)
}

// Dependencies are those of Run.
func Dependencies(t testing.TB, known Secrets) activities.Dependencies {
	t.Helper()
	var environ []string
	for name, value := range known {
		environ = append(environ, secrets.SecretPrefix+name+"="+value)
	}
	provider, err := secrets.New(secrets.Options{Environ: environ})
	require.NoError(t, err)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return activities.Dependencies{
		Secrets: provider, Dial: (&net.Dialer{}).DialContext, Logger: slog.New(slog.DiscardHandler),
		HTTP: &http.Client{Transport: transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
}

func failureOf(err error) *Failure {
	if err == nil {
		return nil
	}
	failure := &Failure{Error: activities.FromError(err)}
	if sent, ok := errors.AsType[*temporal.ApplicationError](err); ok {
		var inner *temporal.ApplicationError
		if errors.As(sent.Unwrap(), &inner) {
			sent = inner
		}
		failure.Again, failure.After = !sent.NonRetryable(), sent.NextRetryDelay()
	}
	return failure
}

type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
