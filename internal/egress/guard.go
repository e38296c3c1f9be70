// Package egress keeps requests of flows away from the operator's own network and from the process's own ports. It
// checks the address that is dialled, after the name is resolved, so no name, notation or redirect gets around it.
package egress

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/idna"

	"github.com/everhook/everhook/internal/address"
)

// dialTimeout bounds how long one connection may take to open.
const dialTimeout = 10 * time.Second

// Guard allows the public internet and the addresses that its operator lists. It refuses the process's own ports,
// unless an entry of the list names the port.
type Guard struct {
	prefixes []allowedPrefix
	hosts    map[string]map[uint16]bool
	own      []ownAddress
}

// anyPort stands for every port in an allow list. Port 0 cannot be dialled.
const anyPort = 0

type allowedPrefix struct {
	prefix netip.Prefix
	port   uint16
}

// Refused is the error for an address that flows may not call.
type Refused struct {
	// Host is the host that the flow named.
	Host string
	// Address is the address of Host.
	Address netip.Addr
	// Port is set if the port is refused, not the whole address.
	Port uint16
	// What describes the address: "a loopback address".
	What string
}

func (r *Refused) Error() string {
	entry := r.Address.String()
	if r.Port != 0 {
		entry = netip.AddrPortFrom(r.Address, r.Port).String()
	}
	name := entry
	if r.Host != "" && r.Host != r.Address.String() {
		name += " (" + r.Host + ")"
	}
	return fmt.Sprintf("%s is %s, and flows may not call it; to allow it, start with --egress-allow %s", name, r.What,
		entry)
}

// New makes a guard. Each entry of allow is a CIDR ("10.0.0.0/8"), an address or a host name. Addresses and host names
// may have a port ("localhost:8080", "[::1]:443"). A host name that is listed is allowed whatever it resolves to.
func New(allow []string) (*Guard, error) {
	guard := &Guard{hosts: map[string]map[uint16]bool{}}
	for _, entry := range allow {
		if err := guard.allow(strings.TrimSpace(entry)); err != nil {
			return nil, err
		}
	}
	return guard, nil
}

func (g *Guard) allow(entry string) error {
	if prefix, err := netip.ParsePrefix(entry); err == nil {
		g.prefixes = append(g.prefixes, allowedPrefix{prefix: unmapPrefix(prefix.Masked())})
		return nil
	}
	host, port := entry, uint16(anyPort)
	if h, p, err := net.SplitHostPort(entry); err == nil {
		number, err := strconv.ParseUint(p, 10, 16)
		if err != nil || number == anyPort {
			return fmt.Errorf("--egress-allow %s: %q is not a port", entry, p)
		}
		host, port = h, uint16(number)
	}
	if addr, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		addr = address.Plain(addr)
		g.prefixes = append(g.prefixes, allowedPrefix{netip.PrefixFrom(addr, addr.BitLen()), port})
		return nil
	}
	name := hostName(host)
	if name == "" || strings.ContainsAny(name, "/:*@[] ") {
		return fmt.Errorf("--egress-allow %s: write a CIDR (10.0.0.0/8), an address or a host; an address and a host "+
			"may have a port (localhost:8080)", entry)
	}
	if g.hosts[name] == nil {
		g.hosts[name] = map[uint16]bool{}
	}
	g.hosts[name][port] = true
	return nil
}

func unmapPrefix(prefix netip.Prefix) netip.Prefix {
	if prefix.Addr().Is4In6() && prefix.Bits() >= 96 {
		return netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
	}
	return prefix
}

// hostName normalises a host name for comparison: lower case, ASCII, without the final dot.
func hostName(host string) string {
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// DialContext connects as net.Dialer does, to TCP addresses that the guard allows. A refusal is a *Refused in the
// error's chain.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if err := g.checkLiteral(ctx, host, port); err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: dialTimeout,
		ControlContext: func(ctx context.Context, _, dialled string, _ syscall.RawConn) error {
			addr, err := netip.ParseAddrPort(dialled)
			if err != nil {
				return fmt.Errorf("the egress guard cannot read the address %q", dialled)
			}
			return g.check(ctx, host, addr)
		}}
	return dialer.DialContext(ctx, network, address)
}

// CheckHost checks a host that a proxy is asked to connect to, as far as that is possible without resolving it. It
// refuses addresses in any notation that resolvers take, and the names of this machine. What other names resolve to,
// the proxy must check.
func (g *Guard) CheckHost(ctx context.Context, host, port string) error {
	if name := hostName(host); name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return g.check(ctx, host, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), portNumber(port)))
	}
	return g.checkLiteral(ctx, host, port)
}

func (g *Guard) checkLiteral(ctx context.Context, host, port string) error {
	if addr, ok := address.Literal(hostName(host)); ok {
		return g.check(ctx, host, netip.AddrPortFrom(addr, portNumber(port)))
	}
	return nil
}

// check decides about one address of a host.
func (g *Guard) check(ctx context.Context, host string, addr netip.AddrPort) error {
	addr = netip.AddrPortFrom(address.Plain(addr.Addr()), addr.Port())
	if g.allows(host, addr, addr.Port()) {
		return nil
	}
	if what := g.ownPort(ctx, addr); what != "" {
		return &Refused{Host: host, Address: addr.Addr(), Port: addr.Port(), What: what}
	}
	if what := address.Reason(addr.Addr()); what != "" && !g.allows(host, addr, anyPort) {
		return &Refused{Host: host, Address: addr.Addr(), What: what}
	}
	return nil
}

// allows reports whether an entry with that port covers a host or its address.
func (g *Guard) allows(host string, addr netip.AddrPort, port uint16) bool {
	if g.hosts[hostName(host)][port] {
		return true
	}
	return slices.ContainsFunc(g.prefixes, func(allowed allowedPrefix) bool {
		return allowed.port == port && allowed.prefix.Contains(addr.Addr())
	})
}

// portNumber returns 0 for text that is not a port: port 0 cannot be dialled.
func portNumber(port string) uint16 {
	number, _ := strconv.ParseUint(port, 10, 16)
	return uint16(number)
}
