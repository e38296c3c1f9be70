package egress

import (
	"context"
	"net"
	"net/netip"

	"github.com/everhook/everhook/internal/address"
)

// ownAddress is an address on which the process, or the Temporal server that it uses, listens.
type ownAddress struct {
	host string
	port uint16
	what string
}

// Deny refuses an address that the process itself listens on or depends on, as host and port. What describes it in
// messages: "the server's own admin address". An entry of the allow list still admits it, but only with its port. Deny
// is called before the guard is used.
func (g *Guard) Deny(address, what string) {
	host, port, err := net.SplitHostPort(address)
	if number := portNumber(port); err == nil && number != 0 {
		g.own = append(g.own, ownAddress{host, number, what})
	}
}

// ownPort returns the description of addr if it was denied with Deny, else "".
func (g *Guard) ownPort(ctx context.Context, addr netip.AddrPort) string {
	for _, own := range g.own {
		if own.port == addr.Port() && own.isAt(ctx, addr.Addr()) {
			return own.what
		}
	}
	return ""
}

// isAt reports whether addr leads to the address's host. A server that listens on this machine is assumed to listen on
// all addresses of the machine, to be safe.
func (o ownAddress) isAt(ctx context.Context, addr netip.Addr) bool {
	local := isLocal(addr)
	if o.host == "" {
		return local
	}
	hosts := []netip.Addr{}
	if known, ok := address.Literal(hostName(o.host)); ok {
		hosts = append(hosts, known)
	} else if resolved, err := net.DefaultResolver.LookupNetIP(ctx, "ip", o.host); err == nil {
		hosts = resolved
	}
	for _, host := range hosts {
		if host = address.Plain(host); host == addr || local && isLocal(host) {
			return true
		}
	}
	return false
}

// isLocal reports whether addr is an address of this machine.
func isLocal(addr netip.Addr) bool {
	if addr.IsLoopback() || addr.IsUnspecified() {
		return true
	}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, known := range interfaces {
		if prefix, err := netip.ParsePrefix(known.String()); err == nil && address.Plain(prefix.Addr()) == addr {
			return true
		}
	}
	return false
}
