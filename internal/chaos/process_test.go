package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/embedded"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/nodes"
)

// childConfig makes this test binary a process of the product, with what childSettings has.
const childConfig = "EVERHOOK_CHAOS_CHILD"

// childSettings say what a process is.
type childSettings struct {
	// Flows are flow files that it applies at its start.
	Flows []string
	Data  string
	// Listen, Admin and Metrics are its addresses.
	Listen, Admin, Metrics string
	PublicURL              string
	Roles                  []string
	// Temporal is the address of another process; empty: the embedded server.
	Temporal string
	// Clock is a file with the seconds by which the wall clock is set; empty: it is not.
	Clock string
	// Hub makes the process a Temporal server alone, which writes its address to the file.
	Hub string
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childConfig); text != "" {
		var settings childSettings
		if err := json.Unmarshal([]byte(text), &settings); err != nil {
			panic(err)
		}
		if err := settings.run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// unused is an address of a role that a process does not have.
const unused = "127.0.0.1:0"

// run is the process, until SIGTERM.
func (c childSettings) run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if c.Hub != "" {
		hub, err := embedded.Start(ctx, embedded.Options{Directory: c.Data, Open: true, Logger: logger})
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.Hub, []byte(hub.Address()), 0o600); err != nil {
			return err
		}
		<-ctx.Done()
		return hub.Stop(context.Background())
	}
	s, err := server.Start(ctx, &server.Options{
		Listen: cmp.Or(c.Listen, unused), Admin: cmp.Or(c.Admin, unused), Metrics: c.Metrics,
		Data: c.Data, PublicURL: c.PublicURL,
		TemporalAddress: c.Temporal, TemporalNamespace: "default", EgressAllow: []string{"127.0.0.1"}, MaxHeld: 1000,
		ClientRate: 1e6, Retention: everhook.Duration(24 * time.Hour), Synchronous: "full",
	}, server.Surroundings{Registry: nodes.Standard(), Logger: logger, Roles: c.Roles, WallClock: c.wallClock(),
		SelfCalls: true, MayOpen: true, Prepare: c.apply})
	if err != nil {
		return err
	}
	defer s.Stop()
	return s.Wait(ctx)
}

func (c childSettings) apply(ctx context.Context, s *server.Server) error {
	for _, file := range c.Flows {
		compiled, problems := flowfile.Load("flow.yaml", []byte(file), nodes.Standard())
		if compiled == nil {
			return errors.New(problems.Error())
		}
		if _, err := s.Catalog().Apply(ctx, compiled.Definition, ""); err != nil {
			return err
		}
	}
	return nil
}

func (c childSettings) wallClock() func() time.Time {
	if c.Clock == "" {
		return nil
	}
	return func() time.Time {
		text, _ := os.ReadFile(c.Clock)
		seconds, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		return time.Now().Add(time.Duration(seconds) * time.Second)
	}
}

// process is a process of the product that can be broken and started again.
type process struct {
	name     string
	settings childSettings
	// ready is the URL that answers 200 once it serves.
	ready string
	log   string
	cmd   *exec.Cmd
	gone  chan struct{}

	mutex sync.Mutex
	// outages are the times in which calls may fail. The last one has no end while it lasts.
	outages []outage
}

type outage struct{ from, to time.Time }

func newProcess(t *testing.T, name string, settings childSettings, ready string) *process {
	p := &process{name: name, settings: settings, ready: ready, log: filepath.Join(t.TempDir(), name+".log")}
	t.Cleanup(func() {
		if p.cmd != nil {
			_ = p.cmd.Process.Signal(syscall.SIGCONT)
			p.kill()
		}
		if t.Failed() {
			text, _ := os.ReadFile(p.log)
			t.Logf("the log of %s ends with:\n%s", name, text[max(0, len(text)-4000):])
		}
	})
	return p
}

// start starts it, and returns how long it took until it served.
func (p *process) start(t *testing.T) time.Duration {
	t.Helper()
	settings, err := json.Marshal(p.settings)
	require.NoError(t, err)
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer func() { _ = log.Close() }()
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), childConfig+"="+string(settings), "GOCOVERDIR="+filepath.Dir(p.log))
	p.cmd.Stdout, p.cmd.Stderr = log, log
	began := time.Now()
	require.NoError(t, p.cmd.Start())
	gone := make(chan struct{})
	p.gone = gone
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait()
		close(gone)
	}(p.cmd)
	for !p.serves() {
		select {
		case <-gone:
			text, _ := os.ReadFile(p.log)
			t.Fatalf("%s ended at its start:\n%s", p.name, text)
		case <-time.After(10 * time.Millisecond):
		}
		require.Less(t, time.Since(began), patience, "%s does not serve", p.name)
	}
	p.up()
	return time.Since(began)
}

func (p *process) serves() bool {
	if p.settings.Hub != "" {
		_, err := os.Stat(p.settings.Hub)
		return err == nil
	}
	status, _ := get(p.ready)
	return status == http.StatusOK
}

// down begins an outage, up ends it.
func (p *process) down() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.outages = append(p.outages, outage{from: time.Now()})
}

func (p *process) up() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if last := len(p.outages) - 1; last >= 0 && p.outages[last].to.IsZero() {
		p.outages[last].to = time.Now()
	}
}

// excused reports whether a call between two times may have failed because of an outage.
func (p *process) excused(from, to time.Time) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	for _, o := range p.outages {
		if o.from.Before(to.Add(50*time.Millisecond)) && (o.to.IsZero() || o.to.After(from)) {
			return true
		}
	}
	return false
}

// kill ends it at once.
func (p *process) kill() {
	p.down()
	_ = p.cmd.Process.Kill()
	<-p.gone
	if p.settings.Hub != "" {
		_ = os.Remove(p.settings.Hub)
	}
}

// terminate asks it to stop, and returns how long that took and its exit code.
func (p *process) terminate() (took time.Duration, code int) {
	p.down()
	began := time.Now()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	<-p.gone
	return time.Since(began), p.cmd.ProcessState.ExitCode()
}

// freeze stops it for some time, without its knowing.
func (p *process) freeze(length time.Duration) {
	p.down()
	_ = p.cmd.Process.Signal(syscall.SIGSTOP)
	time.Sleep(length)
	_ = p.cmd.Process.Signal(syscall.SIGCONT)
	time.Sleep(500 * time.Millisecond) // what came meanwhile is answered first
	p.up()
}

// freeAddress is an address that stays the same when a process is started again.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
