package integration

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// process is Everhook in a separate process, which can be killed.
type process struct {
	cmd    *exec.Cmd
	out    *logbook
	exited chan struct{}
	// base is the base URL of its webhooks.
	base string
}

// spawn starts `everhook dev` on a directory of flows, and returns when it serves them.
func spawn(t *testing.T, flows, data string) *process {
	t.Helper()
	return follow(t, exec.Command(os.Args[0], devArguments(flows, data)...))
}

// spawnIn starts `dev` of another binary, in a directory of its own.
func spawnIn(t *testing.T, dir, binary, flows string) *process {
	t.Helper()
	command := exec.Command(binary, devArguments(flows, filepath.Join(dir, "data"))...)
	command.Dir = dir
	return follow(t, command)
}

func devArguments(flows, data string) []string {
	return []string{"dev", flows, "--data", data, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--egress-allow",
		"127.0.0.1"}
}

// follow starts a command that serves flows, and returns when it does.
func follow(t *testing.T, command *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: command, out: &logbook{}, exited: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), asEverhook+"=1", "GOCOVERDIR="+t.TempDir())
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	require.NoError(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() { p.kill() })
	require.Eventually(t, func() bool { return strings.Contains(p.out.String(), "Ctrl-C stops") || p.hasExited() },
		patience, 10*time.Millisecond)
	_, after, served := strings.Cut(p.out.String(), "    http://")
	require.True(t, served, "%s", p.out)
	host, _, _ := strings.Cut(after, "/")
	p.base = "http://" + host
	return p
}

func (p *process) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// kill kills the process, and returns when it has ended.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// pending reports whether a flow has an open run.
func (p *process) pending(t *testing.T, key string) bool {
	t.Helper()
	list, err := call(t.Context(), http.MethodGet, p.admin(t)+"/api/v1/runs?flow="+key, nil)
	return err == nil && strings.Contains(list.body, `"status":"pending"`)
}

// admin returns the base URL of its admin address.
func (p *process) admin(t *testing.T) string {
	t.Helper()
	_, after, found := strings.Cut(p.out.String(), "Pages        ")
	require.True(t, found)
	admin, _, _ := strings.Cut(after, "/\n")
	return admin
}

// url returns the webhook URL of a token.
func (p *process) url(token string) string { return p.base + "/api/webhook:trigger/" + token }

// writeFlows writes flow files, by name, into a directory.
func writeFlows(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}
