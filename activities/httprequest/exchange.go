package httprequest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

// drained is how many bytes of an unused body are read, so that its connection can be used again.
const drained = 64 << 10

// exchange is one attempt: a request, its redirects and the answer.
type exchange struct {
	transport http.RoundTripper
	tracer    trace.Tracer
	request   *request
	// rules restrict the hosts to which secrets may be sent; nil: they may be sent everywhere.
	rules activities.RestrictedSecrets
	limit time.Duration
	// sent says that a request got a connection. From then on the other side may have acted.
	sent atomic.Bool
}

// follow sends the request and follows at most so many redirects. The caller closes the answer's body.
func (e *exchange) follow(ctx context.Context, redirects int) (*http.Response, *failure) {
	for hop := 0; ; hop++ {
		if refused := e.permitted(); refused != nil {
			return nil, permanent(refused)
		}
		response, err := e.send(ctx)
		if err != nil {
			return nil, e.lost(ctx, err)
		}
		location := response.Header.Get("Location")
		if redirects == 0 || location == "" || !isRedirect(response.StatusCode) {
			return response, nil
		}
		drain(response)
		if hop == redirects {
			return nil, permanent(everhook.Errorf(everhook.TypeLimit,
				"%s: more than %d redirects; raise the node's redirects, or call the address where they end", e.request,
				redirects))
		}
		if err := e.request.redirect(response.StatusCode, location); err != nil {
			return nil, permanent(err)
		}
	}
}

// permitted returns an error if the next request goes to a host that one of the secrets may not reach. A redirect to
// another origin takes no secret along, but its URL is the other side's, which knows the secret and could put it there.
func (e *exchange) permitted() *everhook.Error {
	if e.rules == nil {
		return nil
	}
	for _, name := range everhook.SortedKeys(e.request.secrets) {
		if err := e.rules.MaySend(name, e.request.url.Hostname(), portOf(e.request.url)); err != nil {
			return everhook.Errorf(everhook.TypeRefused, "%s", err)
		}
	}
	return nil
}

// send makes one round trip. The transport is used directly: http.Client would follow redirects by its own rules and
// put the URL, which may hold secrets, into its errors.
func (e *exchange) send(ctx context.Context) (*http.Response, error) {
	r := e.request
	ctx = httptrace.WithClientTrace(ctx,
		&httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { e.sent.Store(true) }})
	outgoing, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), nil)
	if err != nil {
		return nil, err
	}
	if r.body != nil {
		outgoing.Body, outgoing.ContentLength = io.NopCloser(bytes.NewReader(r.body)), int64(len(r.body))
		outgoing.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.body)), nil }
		if len(r.body) == 0 {
			outgoing.Body = http.NoBody
		}
	}
	outgoing.Header, outgoing.Host = r.header.Clone(), r.host
	return e.traced(outgoing)
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect,
		http.StatusPermanentRedirect:
		return true
	default:
		return false
	}
}

// redirect turns the request into the next one, by RFC 9110 (15.4). To another origin it takes only headers that
// describe the message and have no secret. A body with a secret does not go there.
func (r *request) redirect(status int, location string) *everhook.Error {
	target, err := r.url.Parse(encodeURL(location))
	if err != nil {
		return everhook.Errorf(everhook.TypeStatus, "%s: the target of the redirect is not a URL", r)
	}
	if target.Scheme != "http" && target.Scheme != "https" || target.Hostname() == "" {
		return everhook.Errorf(everhook.TypeRefused,
			"%s: the redirect leads to a %s URL; only http and https can be called", r, r.shown(target.Scheme))
	}
	target.User, target.Fragment, target.RawFragment = nil, "", ""
	if becomesGet(status, r.method) {
		r.method, r.body, r.secretBody = http.MethodGet, nil, false
		for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Location",
			"idempotency-key", "x-idempotency-key"} {
			delete(r.header, name)
		}
	}
	if !sameOrigin(r.url, target) {
		if r.secretBody {
			return everhook.Errorf(everhook.TypeRefused, "%s: the redirect to %s would hand over a body with a "+
				"secret; call that address itself if it may have it", r, r.shown(target.Host))
		}
		r.host = ""
		for name := range r.header {
			if !anonymous(name) || r.secretHeaders[http.CanonicalHeaderKey(name)] {
				delete(r.header, name)
			}
		}
	}
	r.url = target
	return nil
}

// becomesGet reports that a redirect is followed with GET: 303 always, except for HEAD; 301 and 302 for POST, like all
// clients do.
func becomesGet(status int, method string) bool {
	switch status {
	case http.StatusSeeOther:
		return method != http.MethodHead
	case http.StatusMovedPermanently, http.StatusFound:
		return method == http.MethodPost
	default:
		return false
	}
}

// anonymous reports that a header describes the message, not its sender. All others stay with the host that they were
// written for.
func anonymous(name string) bool {
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "accept") || strings.HasPrefix(name, "content-") || name == "user-agent" ||
		strings.HasSuffix(name, "idempotency-key")
}

// sameOrigin compares scheme, host and port. The change from http to https on their default ports is no other origin.
func sameOrigin(from, to *url.URL) bool {
	if !strings.EqualFold(from.Hostname(), to.Hostname()) {
		return false
	}
	upgrade := from.Scheme == "http" && to.Scheme == "https" && portOf(from) == "80" && portOf(to) == "443"
	return upgrade || from.Scheme == to.Scheme && portOf(from) == portOf(to)
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}

// drain frees a connection for the next request if little is left to read, and closes it otherwise.
func drain(response *http.Response) {
	_, _ = io.CopyN(io.Discard, response.Body, drained)
	_ = response.Body.Close()
}
