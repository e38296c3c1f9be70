package subflow_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/internal/subflow"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/trigger"
)

// fixture is a loader with its own store.
type fixture struct {
	*subflow.Loader
	store   *store.Store
	secrets map[string]string
}

func fresh(t *testing.T, registry *kind.Registry) *fixture {
	t.Helper()
	opened, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "everhook.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, opened.Close()) })
	f := &fixture{store: opened, secrets: map[string]string{}}
	f.Loader = subflow.New(subflow.Options{
		Store: opened, Versions: compile.NewVersions(registry),
		Env: func() map[string]string { return map[string]string{"REGION": "eu", "OTHER": "x"} },
		Secret: func(name string) (string, error) {
			if value, ok := f.secrets[name]; ok {
				return value, nil
			}
			return "", fmt.Errorf("set EVERHOOK_SECRET_%s", name)
		},
		Links: func(flow string, run everhook.RunID) string { return "[" + flow + "/" + string(run) + "]" },
	})
	return f
}

func (f *fixture) apply(t *testing.T, text string) {
	t.Helper()
	flow, problems := flowfile.Load("flow.yaml", []byte(text), nodes.Standard())
	require.Empty(t, problems.Errors())
	_, err := f.store.Apply(t.Context(), flow.Definition, "test", store.ApplyOptions{Enable: true})
	require.NoError(t, err)
}

func numbered(number int) string {
	return fmt.Sprintf("key: called\ntitle: Title %d\nmode: async\ntrigger: { type: call }\nnodes: [ { key: out, "+
		"type: output, config: { value: '{{ env.REGION }} {{ env.UNSET }}' } } ]\n", number)
}

func call(version int) activities.LoadSubflowInput {
	return activities.LoadSubflowInput{Flow: "called", Version: version, Run: "abcdefghijklmnopqrstuvwxyz",
		Caller: "step a"}
}

func TestTheEnabledVersionIsLoaded(t *testing.T) {
	t.Parallel()
	f := fresh(t, nodes.Standard())
	for number := range 3 {
		f.apply(t, numbered(number+1))
	}
	titles := func(version int) string {
		loaded, err := f.Do(t.Context(), call(version))
		require.NoError(t, err)
		return fmt.Sprintf("%s v%d", loaded.Title, loaded.Version)
	}
	require.Equal(t, "Title 3 v3", titles(0))
	require.Equal(t, "Title 1 v1", titles(1))
	require.NoError(t, f.store.Enable(t.Context(), "called", 2))
	require.Equal(t, "Title 2 v2", titles(0))

	loaded, err := f.Do(t.Context(), call(0))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"REGION": "eu"}, loaded.Env, "what the flow refers to, and is set")
	require.Equal(t, "call", loaded.Trigger)
	require.Equal(t, "called by step a\n\n[called/abcdefghijklmnopqrstuvwxyz]", loaded.Details)
}

func TestADisabledFlowCannotBeCalled(t *testing.T) {
	t.Parallel()
	f := fresh(t, nodes.Standard())
	f.apply(t, numbered(1))
	require.NoError(t, f.store.Disable(t.Context(), "called"))
	for _, version := range []int{0, 1} {
		_, err := f.Do(t.Context(), call(version))
		failure := activities.FromError(err)
		require.Equal(t, everhook.TypeNoFlow, failure.Type)
		require.Contains(t, failure.Message, "the flow called is disabled; enable it, or call another one")
	}
}

func TestASecretIsLookedForAndNeverLoaded(t *testing.T) {
	t.Parallel()
	f := fresh(t, nodes.Standard())
	f.apply(t, "key: called\nmode: async\ntrigger: { type: call }\nnodes: [ { key: a, type: http-request, config: { "+
		"url: 'https://a.example', headers: { X: '{{ secret.TOKEN }}' } } } ]\n")
	_, err := f.Do(t.Context(), call(0))
	failure := activities.FromError(err)
	require.Equal(t, everhook.TypeSecret, failure.Type)
	require.Contains(t, failure.Message, "EVERHOOK_SECRET_TOKEN")
	f.secrets["TOKEN"] = "hunter2hunter2"
	loaded, err := f.Do(t.Context(), call(0))
	require.NoError(t, err)
	require.NotContains(t, fmt.Sprintf("%+v %s", loaded, loaded.Definition), "hunter2")
}

func TestAVersionThatThisProgramCannotRunSaysSo(t *testing.T) {
	t.Parallel()
	registry := kind.NewRegistry()
	kind.AddTrigger[trigger.Call](registry)
	f := fresh(t, registry)
	f.apply(t, numbered(1))
	_, err := f.Do(t.Context(), call(0))
	failure := activities.FromError(err)
	require.Equal(t, everhook.TypeNoFlow, failure.Type)
	require.Contains(t, failure.Message, `this program cannot run it`)
	require.Contains(t, failure.Message, `there is no node kind "output"`)
}

func TestAnInputThatNoRunCanBeStartedWithIsALimitError(t *testing.T) {
	t.Parallel()
	f := fresh(t, nodes.Standard())
	f.apply(t, numbered(1))
	input := call(0)
	noise := make([]any, 300_000)
	for i := range noise {
		noise[i] = int(rand.Int64())
	}
	input.Input.V = noise
	_, err := f.Do(t.Context(), input)
	require.Equal(t, everhook.TypeLimit, activities.FromError(err).Type)
}

func TestOfALongListOfProblemsTheFirstAreTold(t *testing.T) {
	t.Parallel()
	f := fresh(t, nodes.Standard())
	f.apply(t, "key: called\nmode: async\ntrigger: { type: call, input: { items: { type: integer } } }\nnodes: []\n")
	input := call(0)
	input.Input.V = []any{"a", "b", "c", "d", "e", "f", "g"}
	_, err := f.Do(t.Context(), input)
	failure := activities.FromError(err)
	require.Equal(t, everhook.Failed, failure.Status)
	require.Contains(t, failure.Message, "/0: got string, want integer; /1:")
	require.Contains(t, failure.Message, "; and 2 more")
}

// away is a store that does not answer.
type away struct{ subflow.Store }

func (away) Flow(context.Context, string) (store.Flow, error) {
	return store.Flow{}, errors.New("the disk is away")
}

func TestOnlyAStoreThatDoesNotAnswerIsWorthAnotherAttempt(t *testing.T) {
	t.Parallel()
	_, err := subflow.New(subflow.Options{Store: away{},
		Versions: compile.NewVersions(nodes.Standard())}).Do(t.Context(), call(0))
	failure, ok := errors.AsType[*temporal.ApplicationError](err)
	require.True(t, ok)
	require.False(t, failure.NonRetryable())
	require.Equal(t, everhook.TypeUnavailable, failure.Type())
	require.Contains(t, failure.Message(), "the disk is away")

	_, err = fresh(t, nodes.Standard()).Do(t.Context(), call(0))
	failure, ok = errors.AsType[*temporal.ApplicationError](err)
	require.True(t, ok)
	require.True(t, failure.NonRetryable())
	require.Equal(t, everhook.TypeNoFlow, failure.Type())
}
