package integration

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The user ID of strangers, which owns nothing.
const nobody = 65534

// TestAnotherUserCannotUseTheEmbeddedTemporal runs Everhook as another user of the machine, on each port of the
// embedded Temporal server: it must not list, show or cancel runs, nor work on them. Without root it runs as the same
// user, which has the ports, but not the certificate in the memory of the process.
func TestAnotherUserCannotUseTheEmbeddedTemporal(t *testing.T) {
	t.Parallel()
	data := t.TempDir()
	p := spawn(t, writeFlows(t, crashFlows("http://127.0.0.1:1")), data)
	started, err := call(t.Context(), http.MethodPost, p.url(crashAsync), []byte(`{"pause":"1h","block":false}`))
	require.NoError(t, err)
	var ports []string
	for _, address := range p.listening(t) {
		if address != strings.TrimPrefix(p.base, "http://") && address != strings.TrimPrefix(p.admin(t), "http://") {
			ports = append(ports, address)
		}
	}
	require.GreaterOrEqual(t, len(ports), 4, "frontend, history, matching and worker")
	var strangers sync.WaitGroup
	for _, address := range ports {
		for _, role := range []string{"admin", "worker"} {
			command := stranger(t, "serve", "--role", role, "--temporal-address", address, "--admin", "127.0.0.1:0")
			var out bytes.Buffer
			command.Stdout, command.Stderr = &out, &out
			strangers.Go(func() {
				began := time.Now()
				failure := command.Run()
				if failure == nil || !strings.Contains(out.String(), "no Temporal server answers at "+address) {
					t.Errorf("role %s at %s ended after %v: %v\n%s", role, address, time.Since(began), failure, &out)
				}
			})
		}
	}
	strangers.Wait()
	require.True(t, p.pending(t, "crash-async"), "the run %s goes on", started.run)
	files, err := filepath.Glob(filepath.Join(data, "*.db*"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 3)
	for _, file := range files {
		info, err := os.Stat(file)
		require.NoError(t, err)
		require.Zero(t, info.Mode().Perm()&0o077, file)
	}
}

// stranger makes a command of this binary that runs as another user, if the tests run as root. It is given a minute.
func stranger(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	dir, err := os.MkdirTemp("", "everhook-stranger-") //nolint:usetesting // folders of the test are closed to others
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	binary, data := filepath.Join(dir, "everhook"), filepath.Join(dir, "data")
	require.NoError(t, os.Mkdir(data, 0o700))
	// go test keeps the binary in a directory that is closed to others.
	if os.Link(os.Args[0], binary) != nil {
		text, err := os.ReadFile(os.Args[0])
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(binary, text, 0o755))
	}
	command := exec.CommandContext(t.Context(), binary, append(args, "--data", data)...)
	command.Dir = dir
	command.Env = []string{asEverhook + "=1", "HOME=" + data, "GOCOVERDIR=" + data}
	if os.Geteuid() == 0 {
		require.NoError(t, os.Chmod(dir, 0o755))
		require.NoError(t, os.Chown(data, nobody, nobody))
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	return command
}

// listening are the IPv4 addresses at which a process takes TCP connections (proc(5)).
func (p *process) listening(t *testing.T) (addresses []string) {
	t.Helper()
	root := fmt.Sprintf("/proc/%d", p.cmd.Process.Pid)
	links, err := filepath.Glob(root + "/fd/*")
	require.NoError(t, err)
	sockets := map[string]bool{}
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil {
			if inode, ok := strings.CutPrefix(target, "socket:["); ok {
				sockets[strings.TrimSuffix(inode, "]")] = true
			}
		}
	}
	table, err := os.ReadFile(root + "/net/tcp")
	require.NoError(t, err)
	const listens = "0A"
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[3] != listens || !sockets[fields[9]] {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		port, err := strconv.ParseUint(hex, 16, 16)
		require.NoError(t, err)
		addresses = append(addresses, net.JoinHostPort("127.0.0.1", strconv.FormatUint(port, 10)))
	}
	return addresses
}
