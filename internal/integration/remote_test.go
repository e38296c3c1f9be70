package integration

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/operatorservice/v1"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/embedded"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/trigger"
)

// cluster is a separate Temporal server, whose address stays the same when it is stopped and started again.
type cluster struct {
	dir      string
	listener net.Listener

	mutex  sync.Mutex
	server *embedded.Server
	conns  map[net.Conn]bool
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := &cluster{dir: t.TempDir(), listener: listener, conns: map[net.Conn]bool{}}
	c.start(t)
	go c.serve()
	t.Cleanup(func() {
		_ = listener.Close()
		c.stop(t)
	})
	return c
}

// address returns the permanent address.
func (c *cluster) address() string { return c.listener.Addr().String() }

func (c *cluster) start(t *testing.T) {
	t.Helper()
	started, err := embedded.Start(t.Context(),
		embedded.Options{Directory: c.dir, Open: true, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.server = started
}

// stop ends the server; connections are refused until it is started again.
func (c *cluster) stop(t *testing.T) {
	t.Helper()
	c.mutex.Lock()
	stopped := c.server
	c.server = nil
	for conn := range c.conns {
		_ = conn.Close()
	}
	c.mutex.Unlock()
	if stopped != nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, stopped.Stop(ctx))
	}
}

// serve forwards connections to the server while there is one.
func (c *cluster) serve() {
	for {
		conn, err := c.listener.Accept()
		if err != nil {
			return
		}
		go c.forward(conn)
	}
}

func (c *cluster) forward(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	c.mutex.Lock()
	running := c.server
	c.mutex.Unlock()
	if running == nil {
		return
	}
	upstream, err := net.Dial("tcp", running.Address())
	if err != nil {
		return
	}
	defer func() { _ = upstream.Close() }()
	c.mutex.Lock()
	c.conns[conn] = true
	c.mutex.Unlock()
	defer func() {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		delete(c.conns, conn)
	}()
	go func() {
		_, _ = io.Copy(upstream, conn)
		_ = upstream.Close()
	}()
	_, _ = io.Copy(conn, upstream)
}

// uses configures a product to use the cluster.
func (c *cluster) uses(o *server.Options) { o.TemporalAddress = c.address() }

func TestEverhookWorksWithATemporalServerThatIsThere(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := start(t, config{change: c.uses})
	f := p.sync(t, "remote", conditionAndResponse)
	got := f.post(t, `{"paid":true,"id":7}`)
	require.Equal(t, 200, got.status, "%v", p.logs)
	require.JSONEq(t, `{"ok":true,"id":7}`, got.body)
	f.ended(t, got.run)
	require.Len(t, f.events(t, got.run), 7)

	known, err := p.Temporal().OperatorService().ListSearchAttributes(t.Context(),
		&operatorservice.ListSearchAttributesRequest{Namespace: "default"})
	require.NoError(t, err)
	for name, typ := range runs.IndexedTypes() {
		require.Equal(t, typ, known.GetCustomAttributes()[name], name)
	}
	require.Equal(t, 200, get(t, p.AdminURL()+"/readyz").status)
	require.Equal(t, 200, get(t, p.BaseURL()+"/readyz").status)
	require.Empty(t, p.logs.lines("WARN", "ERROR"))
}

func TestReceiverAndWorkerAreProcessesOfTheirOwn(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	receiver := start(t, config{change: c.uses, roles: []string{server.RoleReceiver, server.RoleAdmin}})
	sync := receiver.sync(t, "split-sync", "options: { wait: 1s }\n"+conditionAndResponse)
	async := receiver.async(t, "split-async", "nodes: [{ key: a, type: output, config: { value: '{{ trigger.body.id "+
		"}}' } }]")

	// Without a worker, deliveries are durable, and their runs wait.
	held := sync.post(t, `{"paid":true,"id":7}`)
	require.Equal(t, 202, held.status, held.body)
	require.Less(t, held.took, 20*time.Second)
	accepted := async.post(t, `{"id":8}`)
	require.Equal(t, 200, accepted.status)
	require.Less(t, accepted.took, 20*time.Second)
	shown := sync.show(t, held.run)
	require.Equal(t, everhook.Queued, shown.Status)
	require.NotEmpty(t, shown.Note)

	worker := start(t, config{change: c.uses, roles: []string{server.RoleWorker}})
	require.Empty(t, worker.BaseURL())
	require.Equal(t, everhook.Resolved, sync.ended(t, held.run).Status)
	require.Equal(t, 8, async.ended(t, accepted.run).Output.V)
	later := sync.answer(t, held.run, "20s")
	require.JSONEq(t, `{"ok":true,"id":7}`, later.body)
	direct := sync.post(t, `{"paid":false}`)
	if direct.status == 202 { // a busy machine may take longer than the flow waits
		direct = sync.answer(t, direct.run, "20s")
	}
	require.Equal(t, 422, direct.status)

	// A worker that stops and starts again only delays waiting callers.
	worker.Stop()
	again := sync.post(t, `{"paid":true,"id":9}`)
	require.Equal(t, 202, again.status)
	start(t, config{change: c.uses, roles: []string{server.RoleWorker}})
	require.Equal(t, everhook.Resolved, sync.ended(t, again.run).Status)
	require.NoError(t, receiver.replayAll(t.Context()))
}

func TestWhileTemporalIsAwayAsyncDeliveriesWait(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := start(t, config{change: c.uses})
	sync := p.apply(t, "key: away-sync\nmode: sync\ntrigger: { type: webhook, answerEarly: false }\n"+
		"options: { wait: 2s }\n"+conditionAndResponse)
	async := p.async(t, "away-async", "nodes:\n  - { key: pause, type: delay, config: { duration: 2s } }\n  - { key: "+
		"a, type: output, config: { value: 1 } }\n")
	before := async.post(t, "{}")
	require.Equal(t, 200, before.status)
	require.Equal(t, 200, sync.post(t, `{"paid":true,"id":1}`).status)
	held := p.sync(t, "away-held", "options: { wait: 3s }\nnodes: ["+longWait+"]").postLater(t, "")
	require.Eventually(t, func() bool { ids, err := p.executions(t.Context()); return err == nil && len(ids) == 3 },
		patience, 20*time.Millisecond)

	c.stop(t)
	require.Equal(t, 200, get(t, p.BaseURL()+"/readyz").status, "deliveries to the async flow are accepted")
	require.Equal(t, 200, get(t, p.AdminURL()+"/readyz").status)
	refusal := sync.postLater(t, `{"paid":true,"id":2}`)
	accepted := async.post(t, "{}")
	require.Equal(t, 200, accepted.status)
	require.Less(t, accepted.took, 5*time.Second)
	require.Equal(t, map[string]any{"runId": string(accepted.run), "status": "pending"},
		async.answer(t, accepted.run, "").value(t))
	got := received(t, refusal)
	got.problem(t, 503, everhook.ProblemUnavailable)
	require.NotEmpty(t, got.header.Get("Retry-After"))
	require.Less(t, got.took, 12*time.Second)
	require.Contains(t, []int{202, 503}, received(t, held).status)
	lookUp := sync.answer(t, before.run, "")
	require.Equal(t, 503, lookUp.status, lookUp.body)
	require.NoError(t, p.Catalog().Disable(t.Context(), async.key))
	require.Equal(t, 503, get(t, p.BaseURL()+"/readyz").status, "the sync flows are not served")
	require.Equal(t, 503, get(t, p.AdminURL()+"/readyz").status)
	require.Equal(t, 200, get(t, p.BaseURL()+"/healthz").status)

	c.start(t)
	require.Eventually(t, func() bool {
		got, err := call(t.Context(), "POST", sync.url, []byte(`{"paid":true,"id":3}`))
		return err == nil && got.status == 200
	}, patience, 100*time.Millisecond, "the receiver recovers by itself")
	require.Equal(t, everhook.Resolved, async.ended(t, before.run).Status)
	require.Equal(t, everhook.Resolved, async.ended(t, accepted.run).Status)
	require.Eventually(t, func() bool {
		got, err := call(t.Context(), "GET", p.BaseURL()+"/readyz", nil)
		return err == nil && got.status == 200
	}, patience, 100*time.Millisecond)
	require.NoError(t, p.replayAll(t.Context()))
}

func TestAStartWithoutTemporalSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*testing.T, *server.Options)
		want   []string
	}{
		{"an address where nothing listens",
			func(_ *testing.T, o *server.Options) { o.TemporalAddress = "127.0.0.1:1" },
			[]string{"127.0.0.1:1", "--temporal-address"}},
		{"an address that does not speak", func(t *testing.T, o *server.Options) {
			silent, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			t.Cleanup(func() { _ = silent.Close() })
			o.TemporalAddress = silent.Addr().String()
		}, []string{"--temporal-address"}},
		{"a namespace that is not there", func(t *testing.T, o *server.Options) {
			newCluster(t).uses(o)
			o.TemporalNamespace = "nowhere"
		}, []string{`"nowhere"`, "--temporal-namespace"}},
		{"roles without a server of their own", func(_ *testing.T, o *server.Options) {},
			[]string{"--temporal-address"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			began := time.Now()
			_, err := launch(t.Context(), config{dir: t.TempDir(), roles: []string{server.RoleReceiver},
				change: func(o *server.Options) { test.change(t, o) }})
			require.Error(t, err)
			t.Log(err)
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
			require.Less(t, time.Since(began), 15*time.Second)
		})
	}
}

// TestAWorkerThatCannotRunAFlowHoldsNothingUp tests a bad deploy, whose workers fail their tasks. Callers get a 202,
// and a later good worker continues the runs.
func TestAWorkerThatCannotRunAFlowHoldsNothingUp(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	receiver := start(t, config{change: c.uses, roles: []string{server.RoleReceiver, server.RoleAdmin}})
	f := receiver.sync(t, "bad-deploy", "options: { wait: 2s }\n"+conditionAndResponse)
	few := kind.NewRegistry()
	kind.Add[nodes.Delay](few)
	kind.AddTrigger[trigger.Webhook](few)
	bad := start(t, config{change: c.uses, roles: []string{server.RoleWorker}, registry: few})
	held := f.post(t, `{"paid":true,"id":7}`)
	require.Equal(t, http.StatusAccepted, held.status, held.body)
	require.Eventually(t, func() bool { return strings.Contains(bad.logs.String(), "this worker cannot run") },
		patience, 50*time.Millisecond)

	bad.Stop()
	start(t, config{change: c.uses, roles: []string{server.RoleWorker}})
	require.Equal(t, everhook.Resolved, f.ended(t, held.run).Status)
	require.JSONEq(t, `{"ok":true,"id":7}`, f.answer(t, held.run, "20s").body)
	require.NoError(t, receiver.replayAll(t.Context()))
}
