package integration

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// partner is a system that flows call.
type partner struct {
	*httptest.Server
	mutex sync.Mutex
	calls []partnerCall
}

// partnerCall is one request that a partner received.
type partnerCall struct {
	header http.Header
	body   string
}

// newPartner starts one, which answers as handle does.
func newPartner(t *testing.T, handle http.HandlerFunc) *partner {
	t.Helper()
	p := &partner{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		p.mutex.Lock()
		p.calls = append(p.calls, partnerCall{r.Header.Clone(), string(body)})
		p.mutex.Unlock()
		r.Body = io.NopCloser(bytes.NewReader(body))
		handle(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// received returns the requests so far.
func (p *partner) received() []partnerCall {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return append([]partnerCall{}, p.calls...)
}

// gate is a partner whose requests wait until it is opened.
type gate struct {
	*partner
	opened chan struct{}
	once   sync.Once
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{opened: make(chan struct{})}
	g.partner = newPartner(t, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-g.opened:
			_, _ = w.Write([]byte(`{}`))
		case <-r.Context().Done():
		}
	})
	// This runs before the server closes, which waits for its requests.
	t.Cleanup(g.open)
	return g
}

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

// reached waits until that many requests have arrived.
func (g *gate) reached(t *testing.T, requests int) {
	t.Helper()
	require.Eventually(t, func() bool { return len(g.received()) >= requests }, patience, 10*time.Millisecond)
}
