package integration

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/server"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/internal/store/storetest"
)

// replica starts one of several processes with a PostgreSQL store and a Temporal server in common.
func replica(t *testing.T, temporal, url string) *product {
	t.Helper()
	p := start(t, config{change: func(o *server.Options) { o.TemporalAddress, o.Store = temporal, url }})
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() { p.Catalog().Follow(ctx) })
	t.Cleanup(func() { cancel(); following.Wait() })
	return p
}

// at returns the flow as another process serves it.
func (f flow) at(p *product) flow {
	f.product, f.url = p, p.HookURL(f.token)
	return f
}

// within waits until a delivery is answered with a status, and returns how long that took.
func (f flow) within(t *testing.T, status int) time.Duration {
	t.Helper()
	began := time.Now()
	for f.post(t, `{"fail":false}`).status != status {
		require.Less(t, time.Since(began), patience, "%s does not answer with %d", f.url, status)
	}
	return time.Since(began)
}

func TestReplicasShareAStore(t *testing.T) {
	t.Parallel()
	temporal, url := newCluster(t), storetest.Postgres(t)
	a, b := replica(t, temporal.address(), url), replica(t, temporal.address(), url)

	// A change by one is served by the other, within a second on a machine with nothing else to do.
	here := a.apply(t, fmt.Sprintf(failing, ""))
	there := here.at(b)
	require.Equal(t, http.StatusOK, here.post(t, `{"fail":false}`).status)
	t.Logf("served by the other process after %v", there.within(t, http.StatusOK))
	require.NoError(t, b.Catalog().Disable(t.Context(), "failing"))
	require.NotEqual(t, http.StatusOK, there.post(t, `{"fail":false}`).status)
	t.Logf("disabled in the other process after %v", here.within(t, http.StatusNotFound))
	here = b.apply(t, fmt.Sprintf(failing, "")).at(a)
	there = here.at(b)
	here.within(t, http.StatusOK)

	// Duplicates at both are one run, and a value that is too large for a history is in the store.
	large := fmt.Sprintf(`{"fail":false,"id":"one","large":%q}`, strings.Repeat("0123456789abcdef", 40_000))
	first, second := here.post(t, large), there.post(t, large)
	require.Equal(t, []int{http.StatusOK, http.StatusOK}, []int{first.status, second.status})
	require.Equal(t, first.run, second.run)
	require.True(t, second.duplicate())

	// Each run is counted once, also when the process that counts ends.
	s := storetest.Place(url).Open(t)
	before := ended(t, s, a)
	a.Stop()
	there.post(t, `{"fail":true}`)
	there.post(t, `{"fail":false}`)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		all, err := s.AllCounters(context.WithoutCancel(t.Context()))
		assert.NoError(c, err)
		assert.Equal(c, map[everhook.Status]int64{everhook.Resolved: before + 1, everhook.Failed: 1}, all["failing"])
	}, patience, 100*time.Millisecond)
}

// ended waits until all runs that ended are counted, and returns their number.
func ended(t *testing.T, s *store.Store, p *product) (runs int64) {
	t.Helper()
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		listed, err := p.listed(context.WithoutCancel(t.Context()))
		assert.NoError(c, err)
		all, err := s.AllCounters(context.WithoutCancel(t.Context()))
		assert.NoError(c, err)
		runs = all["failing"][everhook.Resolved]
		assert.Len(c, listed, int(runs))
	}, patience, 100*time.Millisecond)
	return runs
}
