package api

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/live"
	"github.com/everhook/everhook/internal/runs"
)

// changes gives one run, whose execution is a text that can be set.
type changes struct{ execution atomic.Value }

func (c *changes) Changed(context.Context, time.Time, int) ([]runs.Summary, bool, error) {
	execution, _ := c.execution.Load().(string)
	if execution == "" {
		return nil, false, nil
	}
	return []runs.Summary{{ID: someRun, Flow: "orders", Status: everhook.Pending, Execution: execution}}, false, nil
}

// serveEvents serves the API of a hub to an actor, and returns its address.
func serveEvents(t *testing.T, c live.Changes, actor access.Actor) string {
	t.Helper()
	hub := live.New(live.Options{Changes: c, Flows: func() time.Time { return time.Time{} }, Every: time.Millisecond})
	t.Cleanup(hub.Close)
	api := New(Options{Events: hub, Flows: noFlows{}})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.ServeHTTP(w, r.WithContext(access.With(r.Context(), actor)))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/api/v1/events"
}

type noFlows struct{}

func (noFlows) Flows(context.Context) ([]Flow, error) { return nil, nil }

// watch opens a stream, and returns a function that reads its next event.
func watch(t *testing.T, address, lastID string) (next func() (id, event, data string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	require.NoError(t, err)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	lines := bufio.NewScanner(response.Body)
	return func() (id, event, data string) {
		fields := map[string]string{}
		for lines.Scan() && lines.Text() != "" {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			fields[name] = value
		}
		require.NoError(t, lines.Err())
		return fields["id"], fields["event"], fields["data"]
	}
}

func TestAPageWatchesRuns(t *testing.T) {
	t.Parallel()
	c := &changes{}
	address := serveEvents(t, c, access.Local)
	next := watch(t, address, "")
	_, event, _ := next()
	require.Equal(t, "ping", event, "the answer begins at once")
	c.execution.Store("one")
	id, event, data := next()
	require.Equal(t, "runs", event)
	require.Contains(t, data, `"execution":"one"`)
	c.execution.Store("two")
	_, _, data = next()
	require.Contains(t, data, `"execution":"two"`)

	resumed := watch(t, address, id)
	resumed()
	_, event, data = resumed()
	require.Equal(t, "runs", event)
	require.Contains(t, data, `"execution":"two"`)

	for _, unknown := range []string{"1", "-7", "x", "9223372036854775807"} {
		lost := watch(t, address, unknown)
		lost()
		_, event, _ = lost()
		require.Equal(t, "reset", event, unknown)
	}
}

func TestStreamsOfAnActorAreBounded(t *testing.T) {
	t.Parallel()
	address := serveEvents(t, &changes{}, access.Local)
	for range 32 {
		watch(t, address, "")
	}
	response, err := http.Get(address)
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusTooManyRequests, response.StatusCode)
	require.Equal(t, "30", response.Header.Get("Retry-After"))
}

func TestAnActorSeesTheRunsOfItsFlows(t *testing.T) {
	t.Parallel()
	s := newService(Options{Flows: noFlows{}})
	all := []runs.Summary{{Flow: "orders"}}
	for role, want := range map[string]struct {
		actor access.Actor
		want  []runs.Summary
	}{
		"no limit":               {access.Local, all},
		"a limit to other flows": {access.Actor{Role: access.Viewer, Labels: []string{"crm"}}, nil},
	} {
		visible, err := s.visibleRuns(access.With(t.Context(), want.actor), all)
		require.NoError(t, err)
		require.Equal(t, want.want, visible, role)
	}
}
