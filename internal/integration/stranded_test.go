package integration

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

func TestRunsFromBeforeTheFirstReleaseAreReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	before := start(t, config{dir: dir})
	f := before.sync(t, "kept", "nodes: [ { key: done, type: output, config: { value: '{{ trigger.body }}' } } ]")
	closed := f.post(t, `"first"`)
	require.Equal(t, 200, closed.status)
	route, ok := before.Catalog().Route(f.token)
	require.True(t, ok)
	old := runs.NewStarter(before.Temporal(), compile.NewVersions(nodes.Standard()),
		runs.StarterOptions{Level: workflows.FirstLevel - 1,
			Attributes: true})
	open := everhook.NewRunID()
	_, err := old.Start(t.Context(), route.Version, everhook.Delivery{RunID: open, ReceivedAt: time.Now().UTC(),
		Trigger: everhook.Mapping{"body": "old"}})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, total, err := runs.NewOperator(before.Temporal(), nodes.Standard(), true).Stranded(t.Context(), 1)
		return err == nil && total == 1
	}, patience, 50*time.Millisecond)
	before.Stop()

	after := start(t, config{dir: dir})
	require.Contains(t, after.logs.String(), "cannot go on; cancel each with `everhook run cancel ID`")
	require.Contains(t, after.logs.String(), "kept/"+string(open))
	f.product, f.url = after, after.HookURL(f.token)
	require.Equal(t, 200, f.post(t, `"second"`).status, "the URL of the flow still works")
	again := get(t, strings.Replace(f.url, "webhook:trigger", "webhook:answer", 1)+"/"+string(closed.run))
	require.Equal(t, 200, again.status, again.body)
	require.Equal(t, "first", again.body, "a closed run keeps its answer")

	operator := runs.NewOperator(after.Temporal(), nodes.Standard(), true)
	require.NoError(t, operator.Cancel(t.Context(), "kept", open))
	starter := runs.NewStarter(after.Temporal(), compile.NewVersions(nodes.Standard()),
		runs.StarterOptions{Attributes: true})
	retried, err := starter.Retry(t.Context(), "kept", open, runs.RetryOptions{})
	require.NoError(t, err)
	require.Equal(t, everhook.Of("old"), f.ended(t, retried.ID).Output)
}
