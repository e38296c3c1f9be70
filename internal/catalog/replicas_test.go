package catalog

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/secrets"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/internal/store/storetest"
	"github.com/everhook/everhook/nodes"
)

// replica is the catalog of one process; refreshed gets a value after each refresh.
func replica(t *testing.T, at storetest.Place) (c *Catalog, refreshed chan struct{}) {
	t.Helper()
	provider, err := secrets.New(secrets.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	refreshed = make(chan struct{}, 1)
	c = New(Options{Store: at.Open(t), Versions: compile.NewVersions(nodes.Standard()), Secrets: provider,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Env: func() map[string]string { return nil },
		Changed: func() {
			select {
			case refreshed <- struct{}{}:
			default:
			}
		}})
	require.NoError(t, c.Refresh(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() { c.Follow(ctx) })
	t.Cleanup(func() { cancel(); following.Wait() })
	return c, refreshed
}

func TestOtherReplicasServeAChangeWithinASecond(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, at storetest.Place) {
		here, _ := replica(t, at)
		there, refreshed := replica(t, at)
		for i := range 5 {
			title := fmt.Sprintf("title %d", i)
			version, err := here.Apply(t.Context(), parse(t, "key: a\ntitle: "+title+"\nmode: sync\n"+
				"trigger: { type: webhook }\nnodes: [{ key: r, type: response, config: { status: 204 } }]\n"), "test")
			require.NoError(t, err)
			applied := time.Now()
			_, route := flow(t, here, "a")
			require.Equal(t, version.Number, route.Version.Number, "this process serves it when Apply returns")
			for {
				if flows := there.Flows(); len(flows) == 1 && flows[0].Title == title {
					break
				}
				select {
				case <-refreshed:
				case <-time.After(10 * time.Second):
					require.Fail(t, "the other replica does not serve the change")
				}
			}
			t.Logf("served by the other replica after %v", time.Since(applied))
			require.Less(t, time.Since(applied), time.Second)
		}
	})
}

func TestARotatedTokenIsServedForAWhile(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	f.apply(t, plain)
	before, _ := flow(t, f.Catalog, "plain")
	token, err := f.store.RotateToken(t.Context(), "plain", time.Hour)
	require.NoError(t, err)
	require.NoError(t, f.Await(t.Context()))
	for _, known := range []string{token, before.Token} {
		route, ok := f.Route(known)
		require.True(t, ok)
		require.Equal(t, "plain", route.Flow)
	}
	_, err = f.store.RotateToken(t.Context(), "plain", 0)
	require.NoError(t, err)
	require.NoError(t, f.Await(t.Context()))
	for _, known := range []string{token, before.Token} {
		_, ok := f.Route(known)
		require.False(t, ok, "the grace time is over")
	}
}

func TestAFileIsKeptAsItIsWritten(t *testing.T) {
	t.Parallel()
	f := fresh(t)
	_, err := f.ApplyFile(t.Context(), parse(t, plain), "/flows/a.yaml", plain)
	require.NoError(t, err)
	text, err := f.store.Text(t.Context(), "plain", 1)
	require.NoError(t, err)
	require.Equal(t, plain, text)
	stored, err := f.store.Flow(t.Context(), "plain")
	require.NoError(t, err)
	require.Equal(t, store.ManagedByFiles, stored.Managed)
}
