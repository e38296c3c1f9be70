package receiver

import (
	"net"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/everhook/everhook/internal/clients"
)

// addresses refuses clients whose address the flow does not allow.
func addresses(r *Receiver, c *call) (reply, bool) {
	if len(c.route.Allow) == 0 {
		return reply{}, false
	}
	if client, ok := r.client(c); ok && within(client, c.route.Allow) {
		return reply{}, false
	}
	return refuse(Forbidden, "calls from this address are not allowed"), true
}

// client is the address of the caller: of the connection, or the address that trusted proxies report. It is unknown
// (false) if they report none that can be read.
func (r *Receiver) client(c *call) (netip.Addr, bool) {
	if !c.askedFor {
		c.client, c.hasClient = r.findClient(c)
		c.askedFor = true
	}
	return c.client, c.hasClient
}

// bounded gives the client whose use is bounded; false: no use of the call is. A proxy that reports no address, such as
// one that asks for health, is not bounded. If an address is reported that can't be read, all such callers of a proxy
// are one client, because a caller could have caused it.
func (r *Receiver) bounded(c *call) (netip.Addr, bool) {
	remote, isTCP := addressOf(c.ctx.RemoteAddr())
	if !isTCP {
		return netip.Addr{}, false
	}
	if len(r.options.TrustedProxies) == 0 {
		return clients.Of(remote), true
	}
	client, known := r.client(c)
	switch {
	case !known:
		return clients.Of(remote), true
	case client == remote && within(remote, r.options.TrustedProxies):
		return netip.Addr{}, false
	default:
		return clients.Of(client), true
	}
}

func (r *Receiver) findClient(c *call) (netip.Addr, bool) {
	remote, ok := addressOf(c.ctx.RemoteAddr())
	if !ok || !within(remote, r.options.TrustedProxies) {
		return remote, ok
	}
	forwardedFor, ok := r.firstUntrusted(remote, values(c, fiber.HeaderXForwardedFor), addressText)
	if !ok {
		return netip.Addr{}, false
	}
	forwarded, ok := r.firstUntrusted(remote, values(c, "Forwarded"), forParameter)
	switch {
	case !ok:
		return netip.Addr{}, false
	case forwarded == remote:
		return forwardedFor, true
	case forwardedFor == remote || forwardedFor == forwarded:
		return forwarded, true
	default:
		// A proxy writes one of the headers and passes the other one on from the caller. Which is which is unknown.
		return netip.Addr{}, false
	}
}

// firstUntrusted follows a list of hops from its end, the nearest hop, to the first hop that is not a trusted proxy.
// Without a list it returns the proxy itself.
func (r *Receiver) firstUntrusted(nearest netip.Addr, lists []string,
	read func(string) (netip.Addr, bool)) (netip.Addr, bool) {
	address := nearest
	for i := len(lists) - 1; i >= 0; i-- {
		hops := strings.Split(lists[i], ",")
		for j := len(hops) - 1; j >= 0; j-- {
			hop, ok := read(strings.TrimSpace(hops[j]))
			if !ok {
				return netip.Addr{}, false
			}
			if address = hop; !within(address, r.options.TrustedProxies) {
				return address, true
			}
		}
	}
	return address, true
}

// forParameter reads one element of the header Forwarded (RFC 7239, 4).
func forParameter(element string) (netip.Addr, bool) {
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(name, "for") {
			return addressText(strings.Trim(value, `"`))
		}
	}
	return netip.Addr{}, false
}

// addressText reads an address with or without a port, as proxies write it: 203.0.113.7, 203.0.113.7:4711, 2001:db8::1,
// [2001:db8::1]:4711.
func addressText(text string) (netip.Addr, bool) {
	if pair, err := netip.ParseAddrPort(text); err == nil {
		return plain(pair.Addr()), true
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	address, err := netip.ParseAddr(text)
	return plain(address), err == nil
}

func addressOf(address net.Addr) (netip.Addr, bool) {
	if tcp, ok := address.(*net.TCPAddr); ok {
		return plain(tcp.AddrPort().Addr()), true
	}
	return netip.Addr{}, false
}

// plain writes an IPv4 address in IPv6 as the former, and without the name of a network interface.
func plain(address netip.Addr) netip.Addr { return address.Unmap().WithZone("") }

func within(address netip.Addr, ranges []netip.Prefix) bool {
	for _, r := range ranges {
		if r.Contains(address) {
			return true
		}
	}
	return false
}

// values are those of a header, one for each time that it was sent.
func values(c *call, name string) []string {
	var all []string
	for _, value := range c.header.PeekAll(name) {
		all = append(all, string(value))
	}
	return all
}
