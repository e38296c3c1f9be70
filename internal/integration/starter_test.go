package integration

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes"
)

// newStarter makes a Starter on the shared server, and a delivery of a flow to start with it.
func newStarter(t *testing.T, key, body string) (*runs.Starter, flow, *everhook.Version, everhook.Delivery) {
	t.Helper()
	f := shared.sync(t, key, body)
	route, ok := shared.Catalog().Route(f.token)
	require.True(t, ok)
	d := everhook.Delivery{RunID: everhook.NewRunID(), ReceivedAt: time.Now().UTC(),
		Trigger: everhook.Mapping{"body": map[string]any{"paid": true, "id": 7}}}
	return runs.NewStarter(shared.Temporal(), compile.NewVersions(nodes.Standard()),
			runs.StarterOptions{Attributes: true}), f,
		route.Version, d
}

func TestOneRunAnswersAllWhoStartItAtOnce(t *testing.T) {
	t.Parallel()
	starter, f, version, d := newStarter(t, "start-at-once", "nodes:\n  - { key: pause, type: delay, config: { "+
		"duration: 300ms } }\n  - { key: a, type: response, config: { body: '{{ system.now }}' } }\n")
	const callers = 8
	answers := make([]everhook.Started, callers)
	failures := make([]error, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() { answers[i], failures[i] = starter.Run(t.Context(), version, d, 30*time.Second) })
		all.Go(func() { _, _ = starter.Start(t.Context(), version, d) })
	}
	all.Wait()
	for i := range callers {
		require.NoError(t, failures[i])
		require.NotNil(t, answers[i].Answer)
		require.Equal(t, answers[0].Answer.Body.V, answers[i].Answer.Body.V)
	}
	f.ended(t, d.RunID)
	_, err := starter.Start(t.Context(), version, d)
	require.NoError(t, err, "a run that has ended exists")
	late, err := starter.Run(t.Context(), version, d, 30*time.Second)
	require.NoError(t, err)
	require.Equal(t, answers[0].Answer.Body.V, late.Answer.Body.V)
	require.Eventually(t, func() bool {
		runs, err := shared.count(t.Context(), "WorkflowId = '"+everhook.WorkflowID(f.key, d.RunID)+"'")
		return err == nil && runs == 1
	}, patience, 50*time.Millisecond)
	replay(t, f, d.RunID)
}

func TestARunThatWasStartedWithoutACallerAnswersOneWhoComesLater(t *testing.T) {
	t.Parallel()
	starter, f, version, d := newStarter(t, "start-then-run", conditionAndResponse)
	_, err := starter.Start(t.Context(), version, d)
	require.NoError(t, err)
	f.ended(t, d.RunID)
	answer, err := starter.Run(t.Context(), version, d, 10*time.Second)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"ok": true, "id": 7}, answer.Answer.Body.V,
		"from the close event: no caller had asked")
	replay(t, f, d.RunID)
	record(t, f, d.RunID, "response-without-caller")
}

func TestACallerWhoStopsWaitingLeavesADurableRun(t *testing.T) {
	t.Parallel()
	starter, f, version, d := newStarter(t, "start-and-leave", "nodes: ["+longWait+"]")
	for _, test := range []struct {
		name string
		wait time.Duration
		stop func(context.CancelFunc)
	}{
		{"because the wait is over", time.Second, func(context.CancelFunc) {}},
		{"because the receiver stops", time.Hour,
			func(cancel context.CancelFunc) { time.AfterFunc(500*time.Millisecond, cancel) }},
		{"before it began", time.Hour, func(cancel context.CancelFunc) { cancel() }},
		{"with no time at all", 0, func(context.CancelFunc) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := d
			d.RunID = everhook.NewRunID()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			test.stop(cancel)
			began := time.Now()
			answer, err := starter.Run(ctx, version, d, test.wait)
			require.NoError(t, err)
			require.Nil(t, answer.Answer)
			require.Less(t, time.Since(began), 20*time.Second)
			f.running(t, d.RunID, "long")
			outcome, err := starter.Outcome(t.Context(), f.key, d.RunID, 0)
			require.NoError(t, err)
			require.Equal(t, &everhook.Outcome{Status: everhook.Pending}, outcome)
			replay(t, f, d.RunID)
		})
	}
}

func TestADeliveryThatIsTooLargeForAStartIsALimit(t *testing.T) {
	t.Parallel()
	starter, f, version, d := newStarter(t, "start-too-large", conditionAndResponse)
	d.Trigger["body"] = random(3500 << 10)
	for _, start := range []func() error{
		func() error { _, err := starter.Start(t.Context(), version, d); return err },
		func() error { _, err := starter.Run(t.Context(), version, d, time.Minute); return err },
	} {
		err := start()
		require.ErrorContains(t, err, "larger")
		require.Equal(t, everhook.TypeLimit, everhook.AsError(err).Type)
	}
	_, err := starter.Outcome(t.Context(), f.key, d.RunID, time.Minute)
	require.ErrorIs(t, err, everhook.ErrNoRun)
}

// random returns a text of that many bytes, which compresses by a third at most.
func random(bytes int) string {
	var text strings.Builder
	for text.Len() < bytes {
		text.WriteString(string(everhook.NewRunID()))
	}
	return text.String()[:bytes]
}
