package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/everhook/everhook/internal/egress"
)

// egress gives the guard of outgoing calls, and the proxy that they take; nil: none.
func (s *Server) egress() (*egress.Guard, *url.URL, error) {
	guard, err := s.guard()
	if err != nil || s.options.EgressProxy == "" {
		return guard, nil, err
	}
	proxy, err := url.Parse(s.options.EgressProxy)
	if err != nil || proxy.Host == "" {
		return nil, nil, fmt.Errorf("--egress-proxy %q is no URL; write for example http://proxy.example:3128",
			s.options.EgressProxy)
	}
	return guard, proxy, nil
}

// Limits of what the receiver fetches from providers.
const (
	fetchTimeout = 5 * time.Second
	maxFetched   = 64 << 10
)

// fetch gives the function by which the receiver calls providers. It is guarded as effects are, and follows no
// redirect.
func (s *Server) fetch() (func(ctx context.Context, address string) ([]byte, error), error) {
	guard, proxy, err := s.egress()
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: guard.Transport(proxy), Timeout: fetchTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(ctx context.Context, address string) ([]byte, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return nil, err
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("it answered %s", response.Status)
		}
		data, err := io.ReadAll(io.LimitReader(response.Body, maxFetched+1))
		if err == nil && len(data) > maxFetched {
			err = errors.New("it sent too much")
		}
		return data, err
	}, nil
}

// guard makes the egress guard of all effects. All listeners must be open, because the guard refuses their ports and
// those of Temporal.
func (s *Server) guard() (*egress.Guard, error) {
	allow := slices.Clone(s.options.EgressAllow)
	if s.with.SelfCalls && s.hooks != nil {
		_, port, _ := net.SplitHostPort(s.hooks.Addr().String())
		for _, host := range []string{"127.0.0.1", "localhost", "::1"} {
			allow = append(allow, net.JoinHostPort(host, port))
		}
	}
	guard, err := egress.New(allow)
	if err != nil {
		return nil, err
	}
	if s.admin != nil {
		guard.Deny(s.admin.Addr().String(), "the server's own admin address")
	}
	if s.watch.listener != nil {
		guard.Deny(s.watch.listener.Addr().String(), "the server's own metrics address")
	}
	address := s.options.TemporalAddress // may have a scheme: dns:///
	guard.Deny(address[strings.LastIndexByte(address, '/')+1:], "the address of Temporal")
	if s.temporal.embedded != nil {
		for _, service := range s.temporal.embedded.Services() {
			guard.Deny(service, "an address of the embedded Temporal server")
		}
	}
	return guard, nil
}
