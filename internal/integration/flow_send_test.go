package integration

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

const lateAndLocked = `key: late-and-locked
mode: sync
trigger:
  type: webhook
  accept: [xml]
  auth: { basic: { username: shop, password: { secret: PLANTED_PASSWORD } } }
options: { wait: 1s }
nodes:
  - { key: pause, type: delay, config: { duration: 3s } }
  - { key: got, type: response, config: { status: 201, body: { id: '{{ trigger.body.order.id }}' } } }
`

func TestFlowSendGetsTheAnswerOfALockedFlow(t *testing.T) {
	t.Parallel()
	shared.apply(t, lateAndLocked)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "flow.yaml"), []byte(lateAndLocked), 0o600))
	program, err := os.Executable()
	require.NoError(t, err)
	command := exec.CommandContext(t.Context(), program, "flow", "send", "late-and-locked", "--dir", dir, "--server",
		shared.AdminURL(), "--body", "-", "--wait", "--output", "json")
	command.Env = append(append(os.Environ(), asEverhook+"=1"), plantedEnviron()...)
	command.Stdin = bytes.NewReader([]byte("<order><id>7</id></order>"))
	var errs bytes.Buffer
	command.Stderr = &errs
	out, err := command.Output()
	require.NoError(t, err, errs.String())

	printed, err := everhook.ParseJSON(out)
	require.NoError(t, err)
	sent := printed.(map[string]any)
	require.Equal(t, 201, sent["status"], string(out))
	require.Equal(t, map[string]any{"id": "7"}, sent["body"])
	run := sent["runId"].(string)
	flow{product: shared, key: "late-and-locked"}.remember(reply{run: everhook.RunID(run)})
	require.Equal(t, shared.AdminURL()+"/runs/"+run, sent["page"])
	require.Equal(t, 200, get(t, sent["page"].(string)).status, "the page is there")
	require.NotContains(t, string(out)+errs.String(), plantedPassword)
}
