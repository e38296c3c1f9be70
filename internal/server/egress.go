package server

import (
	"net"
	"slices"
	"strings"

	"github.com/everhook/everhook/internal/egress"
)

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
