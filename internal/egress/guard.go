// Package egress keeps requests that flows make away from the operator's own network: it checks the address that is
// dialled, after the name is resolved, so no name, notation or redirect leads around it.
package egress

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/idna"
)

// dialTimeout bounds how long one connection may take to open.
const dialTimeout = 10 * time.Second

// Guard allows the public internet, and what its operator lists.
type Guard struct {
	prefixes []allowedPrefix
	hosts    map[string]map[uint16]bool
}

// anyPort stands for every port in an allow list; nobody can connect to port 0.
const anyPort = 0

type allowedPrefix struct {
	prefix netip.Prefix
	port   uint16
}

// Refused tells which address the guard did not let a flow reach.
type Refused struct {
	// Host is what the flow named.
	Host string
	// Address is what it stands for.
	Address netip.Addr
	// What says what the address is: "a loopback address".
	What string
}

func (r *Refused) Error() string {
	name := r.Address.String()
	if r.Host != "" && r.Host != name {
		name += " (" + r.Host + ")"
	}
	return fmt.Sprintf("%s is %s, which flows may not call; if they should, start with --egress-allow %s", name, r.What,
		r.Address)
}

// New makes a guard. Each entry of allow is a CIDR ("10.0.0.0/8"), an address or a host name, the last two with an
// optional port ("localhost:8080", "[::1]:443"). A host name that is listed is allowed whatever it resolves to.
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
		addr = plain(addr)
		g.prefixes = append(g.prefixes, allowedPrefix{netip.PrefixFrom(addr, addr.BitLen()), port})
		return nil
	}
	name := hostName(host)
	if name == "" || strings.ContainsAny(name, "/:*@[] ") {
		return fmt.Errorf("--egress-allow %s: write a CIDR (10.0.0.0/8), an address or a host, the last two with a "+
			"port or without (localhost:8080)", entry)
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

// hostName is how a name is compared: lower case, ASCII, without the final dot.
func hostName(host string) string {
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	}
	return strings.TrimSuffix(strings.ToLower(host), ".")
}

// DialContext connects as net.Dialer does, to TCP addresses that Guard allows. A refusal is a *Refused in the error's
// chain.
func (g *Guard) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	if !g.allowsHost(host, port) {
		if err := g.checkLiteral(host, port); err != nil {
			return nil, err
		}
		dialer.ControlContext = func(_ context.Context, _, dialled string, _ syscall.RawConn) error {
			addr, err := netip.ParseAddrPort(dialled)
			if err != nil {
				return fmt.Errorf("the egress guard cannot read the address %q", dialled)
			}
			return g.check(host, addr)
		}
	}
	return dialer.DialContext(ctx, network, address)
}

// CheckHost refuses a host that a proxy is asked to connect to, as far as that can be told without resolving it:
// addresses in any notation that resolvers take, and names that always mean this machine. What other names resolve to
// is the proxy's to check.
func (g *Guard) CheckHost(host, port string) error {
	if g.allowsHost(host, port) {
		return nil
	}
	if name := hostName(host); name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return g.check(host, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), portNumber(port)))
	}
	return g.checkLiteral(host, port)
}

func (g *Guard) checkLiteral(host, port string) error {
	if addr, ok := literal(hostName(host)); ok {
		return g.check(host, netip.AddrPortFrom(addr, portNumber(port)))
	}
	return nil
}

func (g *Guard) check(host string, addr netip.AddrPort) error {
	address := plain(addr.Addr())
	what := reason(address)
	if what == "" {
		return nil
	}
	for _, allowed := range g.prefixes {
		if allowed.prefix.Contains(address) && (allowed.port == anyPort || allowed.port == addr.Port()) {
			return nil
		}
	}
	return &Refused{Host: host, Address: address, What: what}
}

func (g *Guard) allowsHost(host, port string) bool {
	ports := g.hosts[hostName(host)]
	return ports[anyPort] || ports[portNumber(port)]
}

// portNumber gives 0 for what is not a port: nothing can be dialled there.
func portNumber(port string) uint16 {
	number, _ := strconv.ParseUint(port, 10, 16)
	return uint16(number)
}
