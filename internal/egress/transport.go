package egress

import (
	"net"
	"net/http"
	"net/url"
	"time"
)

// Bounds of the connections that a Transport keeps.
const (
	// maxConnsPerHost is how many connections one host is asked for at once; more requests wait for one.
	maxConnsPerHost = 128
	// idleTimeout is below the five seconds after which common servers (Node.js) close an idle connection: a request
	// that is sent just then is lost, and one that is not idempotent could not be sent again.
	idleTimeout = 4 * time.Second
	// maxHeaderBytes bounds the header of an answer.
	maxHeaderBytes = 64 << 10
)

// Transport makes a transport whose every connection, also after a redirect, is guarded. Proxies from the environment
// are ignored. With a proxy (http, https or socks5), which the operator configures and the guard trusts, hosts are
// checked by CheckHost before the proxy is asked.
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
			if err := g.CheckHost(r.URL.Hostname(), port(r.URL)); err != nil {
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
