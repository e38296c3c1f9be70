package integration

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/nodes"
)

func TestNothingIsServedBeforeTheFlowsAreThere(t *testing.T) {
	t.Parallel()
	definition := load(t, "key: early\nmode: async\ntrigger: { type: webhook, token: early-token }\nnodes: []\n")
	p := start(t, config{prepare: func(ctx context.Context, s *server.Server) error {
		for _, base := range []string{s.BaseURL(), s.AdminURL()} {
			asking, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
			_, err := call(asking, http.MethodGet, base+"/readyz", nil)
			cancel()
			assert.ErrorIs(t, err, context.DeadlineExceeded, "it waits")
		}
		_, err := s.Catalog().Apply(ctx, definition, "test")
		return err
	}})
	require.Equal(t, http.StatusOK, get(t, p.BaseURL()+"/readyz").status)
	got, err := call(t.Context(), http.MethodPost, p.BaseURL()+"/api/webhook:trigger/early-token", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, got.status)
}

// TestAClockThatIsSetBackIsHealed sets the clock that the process reads back by an hour. The process restarts its
// Temporal server, while a run waits for a call and a caller is held.
func TestAClockThatIsSetBackIsHealed(t *testing.T) {
	t.Parallel()
	var set atomic.Int64
	p := start(t, config{wallClock: func() time.Time { return time.Now().Add(time.Duration(set.Load())) }})
	f := p.sync(t, "set-back", `nodes:
  - { key: pause, type: delay, config: { duration: 1s } }
  - { key: a, type: response, config: { body: ok } }
`)
	waiting := p.async(t, "waits-on", "nodes: [{ key: call, type: wait-for-call, config: { deadline: 1h } }]\n")
	run := waiting.post(t, "").run
	waiting.running(t, run, "call")
	require.Equal(t, "ok", f.post(t, "").body)

	held := f.postLater(t, "")
	set.Store(int64(-time.Hour))
	require.Eventually(t, func() bool { return get(t, p.BaseURL()+"/readyz").status == http.StatusServiceUnavailable },
		patience, 10*time.Millisecond)
	page := get(t, p.AdminURL()+"/").body
	if strings.Contains(page, "in trouble") { // the restart may be over already
		require.Contains(t, page, "clock")
	}
	require.Eventually(t, func() bool { return get(t, p.BaseURL()+"/readyz").status == http.StatusOK }, patience,
		50*time.Millisecond)
	require.Equal(t, "ok", received(t, held).body, "a caller that was held gets its answer")
	require.Equal(t, "ok", f.post(t, "").body)
	waiting.running(t, run, "call")
	metrics := get(t, p.AdminURL()+"/metrics").body
	require.Contains(t, metrics, "\neverhook_engine_restarts 1\n")
	require.Contains(t, metrics, "\neverhook_clock_behind_seconds 0\n")
	logs := p.logs.String()
	require.Contains(t, logs, `"msg":"the wall clock was set"`)
	require.Contains(t, logs, `"msg":"the embedded Temporal server has started again"`)
	require.NoError(t, runs.NewOperator(p.Temporal(), nodes.Standard(), true).Cancel(t.Context(), waiting.key, run))
	require.Equal(t, everhook.Cancelled, waiting.ended(t, run).Status)
}
