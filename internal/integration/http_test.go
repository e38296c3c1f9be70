package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
)

// reply is the answer to a caller.
type reply struct {
	status int
	header http.Header
	body   string
	// run is empty if the reply names no run.
	run  everhook.RunID
	took time.Duration
}

// value is the body as JSON.
func (r reply) value(t *testing.T) any {
	t.Helper()
	v, err := everhook.ParseJSON([]byte(r.body))
	require.NoError(t, err, r.body)
	return v
}

// problem returns the body as a problem, which must have the given type.
func (r reply) problem(t *testing.T, status int, typ string) map[string]any {
	t.Helper()
	require.Equal(t, status, r.status, r.body)
	require.Equal(t, "application/problem+json", r.header.Get("Content-Type"))
	problem := r.value(t).(map[string]any)
	require.Equal(t, typ, problem["type"])
	return problem
}

// change alters a request before it is sent.
type change func(*http.Request)

func user(name, password string) change {
	return func(r *http.Request) { r.SetBasicAuth(name, password) }
}

func header(name, value string) change { return func(r *http.Request) { r.Header.Set(name, value) } }

// call sends one request.
func call(ctx context.Context, method, address string, body []byte, changes ...change) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	if len(body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, change := range changes {
		change(request)
	}
	began := time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return reply{}, err
	}
	return reply{response.StatusCode, response.Header, string(text),
		everhook.RunID(response.Header.Get("Everhook-Run-Id")), time.Since(began)}, nil
}

// post sends a delivery with a JSON body.
func (f flow) post(t *testing.T, body string, changes ...change) reply {
	t.Helper()
	r, err := call(t.Context(), http.MethodPost, f.url, []byte(body), changes...)
	require.NoError(t, err)
	f.remember(r)
	return r
}

// postLater sends a delivery in the background; the channel gets the reply.
func (f flow) postLater(t *testing.T, body string, changes ...change) <-chan reply {
	t.Helper()
	replies := make(chan reply, 1)
	go func() {
		defer close(replies)
		r, err := call(t.Context(), http.MethodPost, f.url, []byte(body), changes...)
		if err != nil {
			return
		}
		f.remember(r)
		replies <- r
	}()
	return replies
}

// remember records the run that a reply names, if any.
func (f flow) remember(r reply) {
	if r.run == "" {
		return
	}
	f.product.mutex.Lock()
	defer f.product.mutex.Unlock()
	f.product.runs[everhook.WorkflowID(f.key, r.run)] = true
}

// received returns the reply to a delivery of postLater.
func received(t *testing.T, replies <-chan reply) reply {
	t.Helper()
	select {
	case r, ok := <-replies:
		require.True(t, ok, "the call failed")
		return r
	case <-time.After(patience):
		t.Fatal("no reply")
		return reply{}
	}
}

// answer requests the answer of a run.
func (f flow) answer(t *testing.T, run everhook.RunID, wait string, changes ...change) reply {
	t.Helper()
	address := strings.Replace(f.url, "webhook:trigger", "webhook:answer", 1) + "/" + string(run)
	if wait != "" {
		address += "?" + url.Values{"wait": {wait}}.Encode()
	}
	return get(t, address, changes...)
}

func get(t *testing.T, address string, changes ...change) reply {
	t.Helper()
	r, err := call(t.Context(), http.MethodGet, address, nil, changes...)
	require.NoError(t, err)
	return r
}

// show returns a run from the admin API.
func (f flow) show(t *testing.T, run everhook.RunID) api.RunDetail {
	t.Helper()
	for until := time.Now().Add(patience); ; {
		r := get(t, f.product.AdminURL()+"/api/v1/runs/"+string(run)+"?flow="+f.key)
		require.Equal(t, http.StatusOK, r.status, r.body)
		var detail api.RunDetail
		require.NoError(t, json.Unmarshal([]byte(r.body), &detail))
		// On a busy machine a worker may not answer in time. Then read the run again.
		if !strings.Contains(detail.Note, "look again") || time.Now().After(until) {
			return detail
		}
	}
}

// keys returns the nodes of steps, in order.
func keys(steps []everhook.Step) []string {
	names := make([]string, len(steps))
	for i, step := range steps {
		names[i] = step.Node
	}
	return names
}
