package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
)

const ignoring = `key: ignoring
mode: async
trigger:
  type: webhook
  when: 'body.event == "paid" && body.amount > 0'
  dedupe: { key: 'headers["x-delivery"]' }
nodes: [ { key: out, type: output, config: { value: '{{ trigger.body.amount }}' } } ]
`

func TestASkippedDeliveryNeverStartsARun(t *testing.T) {
	t.Parallel()
	f := shared.apply(t, ignoring)
	for range 3 {
		r := f.post(t, `{"event":"created","amount":5}`, delivery("e1"))
		require.Equal(t, 200, r.status)
		require.Equal(t, "ok", r.body)
		require.Equal(t, "true", r.header.Get("Everhook-Skipped"))
		require.Empty(t, r.run)
		require.False(t, r.duplicate())
	}
	// The same key, once the flow wants the event, is a first delivery.
	r := f.insist(t, `{"event":"paid","amount":5}`, delivery("e1"))
	require.False(t, r.duplicate())
	require.Equal(t, 5, f.ended(t, r.run).Output.V)
	replay(t, f, r.run)

	broken := f.insist(t, `{"event":"paid"}`, delivery("e2"))
	outcome := f.ended(t, broken.run)
	require.Equal(t, everhook.Errored, outcome.Status)
	require.Equal(t, "trigger", outcome.Error.Node)
	detail := f.show(t, broken.run)
	require.Len(t, detail.Steps, 1)
	require.Equal(t, "trigger", detail.Steps[0].Node)
	replay(t, f, broken.run)
	page := get(t, fmt.Sprintf("%s/runs/%s?flow=%s", shared.AdminURL(), broken.run, f.key))
	require.Equal(t, 200, page.status)
	require.Contains(t, page.body, "body.amount")
	retried := f.retry(t, broken.run, `{}`)
	require.Equal(t, everhook.Resolved, f.ended(t, retried.ID).Status, "an operator says that it is to run")
	replay(t, f, retried.ID)

	var list api.FlowList
	require.NoError(t, json.Unmarshal([]byte(get(t, shared.AdminURL()+"/api/v1/flows").body), &list))
	at := slices.IndexFunc(list.Flows, func(flow api.Flow) bool { return flow.Key == f.key })
	require.EqualValues(t, 3, list.Flows[at].Skipped)
}

func TestFlowSendTellsOfASkippedDelivery(t *testing.T) {
	t.Parallel()
	file := "key: ignoring-sent\n" + ignoring[len("key: ignoring\n"):]
	f := shared.apply(t, file)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "flow.yaml"), []byte(file), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "request.json"), []byte(`{"event":"created"}`), 0o600))
	program, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), program, "flow", "send", f.key, "--dir", dir, "--wait", "--server",
		shared.AdminURL())
	command.Env = append(os.Environ(), asEverhook+"=1")
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "The delivery was skipped: the trigger's `when` is false for it. No run was "+
		"started.\n")
	require.NotContains(t, string(out), "Run ")
}
