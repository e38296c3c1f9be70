package effect_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/activities/effect"
	"github.com/everhook/everhook/internal/egress"
	"github.com/everhook/everhook/internal/secrets"
)

type input struct {
	Password everhook.Sealed `json:"password"`
}

// perform makes one attempt with a function, as a worker does, where hunter2 is a secret.
func perform(t *testing.T, function effect.Function[input, any]) (result any, logged string, err error) {
	t.Helper()
	provider, err := secrets.New(secrets.Options{Environ: []string{"EVERHOOK_SECRET_P=hunter2"}})
	require.NoError(t, err)
	var log bytes.Buffer
	made := effect.New(effect.Spec[input, any]{Name: "acme.try",
		Build: func(activities.Dependencies) effect.Function[input, any] { return function }})
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(made.Activity(activities.Dependencies{Secrets: provider,
		Logger: slog.New(slog.NewTextHandler(&log, nil))}), activity.RegisterOptions{Name: made.Name()})
	encoded, err := env.ExecuteActivity(made.Name(), input{})
	if err != nil {
		return nil, log.String(), err
	}
	var value everhook.Value
	require.NoError(t, encoded.Get(&value))
	return value.V, log.String(), nil
}

func TestAResultIsKeptWithoutSecrets(t *testing.T) {
	t.Parallel()
	got, _, err := perform(t, func(context.Context, input) (any, error) {
		return map[string]any{"id": 7, "list": []string{"a hunter2 b"}, "hunter2": nil}, nil
	})
	require.NoError(t, err)
	require.Equal(t, map[string]any{"id": 7, "list": []any{"a [secret P] b"}, "[secret P]": nil}, got)
}

func TestWhatIsNoValueIsADefectOfTheKind(t *testing.T) {
	t.Parallel()
	_, _, err := perform(t, func(context.Context, input) (any, error) { return make(chan int), nil })
	require.Contains(t, activities.FromError(err).Message, "the result of the effect cannot be encoded")
}

func TestWhatAnErrorLeadsTo(t *testing.T) {
	t.Parallel()
	refused := &egress.Refused{Host: "db", Address: netip.MustParseAddr("10.0.0.1"), What: "a private address"}
	for name, test := range map[string]struct {
		err     error
		status  everhook.Status
		typ     string
		again   bool
		after   time.Duration
		message string
	}{
		"a condition": {everhook.Failuref("no-stock", "none of hunter2"), everhook.Failed, "no-stock", false, 0,
			"none of [secret P]"},
		"wrapped": {fmt.Errorf("x: %w", everhook.Errorf("broken", "it broke")), everhook.Errored, "broken",
			false, 0, "it broke"},
		"tried again": {activities.Fail(everhook.Errorf("busy", "hunter2 is busy"), true, time.Minute),
			everhook.Errored, "busy", true, time.Minute, "[secret P] is busy"},
		"not tried again": {activities.Fail(everhook.Errorf("busy", "busy"), false, 0), everhook.Errored, "busy",
			false, 0, "busy"},
		"a guarded address": {fmt.Errorf("dial: %w", refused), everhook.Errored, everhook.TypeRefused, false, 0,
			"10.0.0.1 (db) is a private address"},
		"any other": {errors.New("reset by hunter2\xff"), everhook.Errored, everhook.TypeInternal, true, 0,
			"reset by [secret P]\ufffd"},
		"a long one": {errors.New(strings.Repeat("é", 5000)), everhook.Errored, everhook.TypeInternal, true, 0,
			"é…"},
	} {
		_, _, err := perform(t, func(context.Context, input) (any, error) { return nil, test.err })
		told := activities.FromError(err)
		require.NotNil(t, told, name)
		require.Equal(t, test.status, told.Status, name)
		require.Equal(t, test.typ, told.Type, name)
		require.Contains(t, told.Message, test.message, name)
		require.NotContains(t, err.Error(), "hunter2", name)
		require.Equal(t, 1, told.Attempts, name)
		failure, ok := errors.AsType[*temporal.ApplicationError](err)
		require.True(t, ok, name)
		require.Equal(t, test.again, !failure.NonRetryable(), name)
		require.Equal(t, test.after, failure.NextRetryDelay(), name)
		require.Less(t, len(told.Message), 1100, name)
	}
}

func TestTheResponseOfAFailureIsKeptWithoutSecrets(t *testing.T) {
	t.Parallel()
	_, _, err := perform(t, func(context.Context, input) (any, error) {
		failure := everhook.Failuref("no", "no")
		failure.Response = everhook.Of(map[string]any{"why": "hunter2"})
		return nil, failure
	})
	require.Equal(t, map[string]any{"why": "[secret P]"}, activities.FromError(err).Response.V)
}

func TestAPanicIsFinalAndTellsNoSecret(t *testing.T) {
	t.Parallel()
	_, log, err := perform(t, func(context.Context, input) (any, error) { panic("hunter2") })
	told := activities.FromError(err)
	require.Equal(t, everhook.TypeInternal, told.Type)
	require.Contains(t, told.Message, "acme.try panicked")
	require.Contains(t, log, "effect_test.go")
	require.NotContains(t, err.Error()+log, "hunter2")
	failure, _ := errors.AsType[*temporal.ApplicationError](err)
	require.True(t, failure.NonRetryable())
}

func TestSecretsAreOpenedInTheEffect(t *testing.T) {
	t.Parallel()
	provider, err := secrets.New(secrets.Options{Environ: []string{"EVERHOOK_SECRET_P=hunter2"}})
	require.NoError(t, err)
	d := activities.Dependencies{Secrets: provider}
	of := func(name string) everhook.Sealed {
		return everhook.Sealed{Places: []everhook.Place{{Segments: []everhook.Segment{{Text: "Bearer "},
			{Secret: name}}}}}
	}
	text, err := d.Text(of("P"))
	require.NoError(t, err)
	require.Equal(t, "Bearer hunter2", text)
	_, err = d.Text(of("Q"))
	require.Equal(t, everhook.TypeSecret, everhook.AsError(err).Type)
	require.ErrorContains(t, err, "the secret Q is not set")
	_, err = d.Text(everhook.Sealed{Value: everhook.Value{V: 7}})
	require.Equal(t, everhook.TypeConfig, everhook.AsError(err).Type)
}

func TestNamesOfEffects(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"acme.send-sms": "", "a.b.c9": "",
		"everhook.http-request": "which is for built-in effects",
		"sms":                   "is not a name for an effect", "Acme.sms": "is not a name for an effect",
		"acme.": "is not a name for an effect", "": "is not a name for an effect",
		"a." + strings.Repeat("b", 99): "is not a name for an effect",
	} {
		err := activities.CheckEffectName(name)
		if want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorContains(t, err, want, name)
	}
}

func TestFailuresArePausedAsTheNodeSays(t *testing.T) {
	t.Parallel()
	made := effect.New(effect.Spec[input, any]{Name: "acme.try",
		Build: func(activities.Dependencies) effect.Function[input, any] {
			return func(context.Context, input) (any, error) { return nil, errors.New("reset") }
		}})
	function := made.Activity(activities.Dependencies{}).(func(context.Context, input) (any, error))
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivityWithOptions(func(ctx context.Context, in input) (any, error) {
		return function(activities.WithPauses(ctx, activities.Pauses{Initial: 7 * time.Second, Backoff: 2}), in)
	}, activity.RegisterOptions{Name: made.Name()})
	_, err := env.ExecuteActivity(made.Name(), input{})
	failure, ok := errors.AsType[*temporal.ApplicationError](err)
	require.True(t, ok)
	require.Equal(t, 7*time.Second, failure.NextRetryDelay())
}
