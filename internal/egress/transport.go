package egress

import (
	"net"
	"net/http"
	"net/url"
	"time"
)

// Bounds of the connections that a Transport keeps.
const (
	// maxConnsPerHost is how many connections one host gets at the same time; more requests wait.
	maxConnsPerHost = 128
	// idleTimeout is below the five seconds after which common servers (Node.js) close an idle connection. A request
	// that is sent at that moment is lost, and may not be sent again if it is not idempotent.
	idleTimeout = 4 * time.Second
	// maxHeaderBytes bounds the header of an answer.
	maxHeaderBytes = 64 << 10
)

// Transport makes a transport that guards each of its connections, after redirects too. It ignores proxies from the
// environment. A proxy (http, https or socks5) comes from the operator, so the guard trusts it; hosts are checked by
// CheckHost before the proxy is asked.
func (g *Guard) Transport(proxy *url.URL) *http.Transport {
	transport := &http.Transport{
		DialContext:            g.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    32,
		MaxConnsPerHost:        maxConnsPerHost,
		IdleConnTimeout:        idleTimeout,
		TLSHandshakeTimeout:    dialTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
	if proxy != nil {
		transport.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
		transport.Proxy = func(r *http.Request) (*url.URL, error) {
			if err := g.CheckHost(r.Context(), r.URL.Hostname(), port(r.URL)); err != nil {
				return nil, err
			}
			return proxy, nil
		}
	}
	return transport
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}
