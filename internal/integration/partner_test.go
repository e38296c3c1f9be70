package integration

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// partner is another system that flows call.
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
		handle(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// received are the requests so far.
func (p *partner) received() []partnerCall {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return append([]partnerCall{}, p.calls...)
}
