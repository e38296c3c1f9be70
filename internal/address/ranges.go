package address

import "net/netip"

// span is a range of addresses that are not on the public internet, and what they are.
type span struct {
	prefix netip.Prefix
	what   string
}

// denied holds the ranges that the IANA special-purpose registries (RFC 6890 and its updates) do not mark as globally
// reachable, and the addresses that clouds answer metadata on. The first match names the reason, so single addresses
// stand before their range.
var denied = []span{
	{netip.MustParsePrefix("169.254.169.254/32"), "a cloud's metadata address"},
	{netip.MustParsePrefix("169.254.170.0/23"), "a cloud's metadata address"},
	{netip.MustParsePrefix("100.100.100.200/32"), "a cloud's metadata address"},
	{netip.MustParsePrefix("168.63.129.16/32"), "a cloud's metadata address"},
	{netip.MustParsePrefix("192.0.0.192/32"), "a cloud's metadata address"},
	{netip.MustParsePrefix("fd00:ec2::254/128"), "a cloud's metadata address"},
	{netip.MustParsePrefix("fd20:ce::254/128"), "a cloud's metadata address"},
	{netip.MustParsePrefix("0.0.0.0/32"), "the unspecified address"},
	{netip.MustParsePrefix("0.0.0.0/8"), "an address of this network"},
	{netip.MustParsePrefix("10.0.0.0/8"), "a private address"},
	{netip.MustParsePrefix("100.64.0.0/10"), "an address shared behind a carrier's NAT"},
	{netip.MustParsePrefix("127.0.0.0/8"), "a loopback address"},
	{netip.MustParsePrefix("169.254.0.0/16"), "a link-local address"},
	{netip.MustParsePrefix("172.16.0.0/12"), "a private address"},
	{netip.MustParsePrefix("192.0.0.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.0.2.0/24"), "a documentation address"},
	{netip.MustParsePrefix("192.88.99.0/24"), "a reserved address"},
	{netip.MustParsePrefix("192.168.0.0/16"), "a private address"},
	{netip.MustParsePrefix("198.18.0.0/15"), "a benchmarking address"},
	{netip.MustParsePrefix("198.51.100.0/24"), "a documentation address"},
	{netip.MustParsePrefix("203.0.113.0/24"), "a documentation address"},
	{netip.MustParsePrefix("224.0.0.0/4"), "a multicast address"},
	{netip.MustParsePrefix("255.255.255.255/32"), "the broadcast address"},
	{netip.MustParsePrefix("240.0.0.0/4"), "a reserved address"},
	{netip.MustParsePrefix("::/128"), "the unspecified address"},
	{netip.MustParsePrefix("::1/128"), "a loopback address"},
	{netip.MustParsePrefix("fc00::/7"), "a private address"},
	{netip.MustParsePrefix("fe80::/10"), "a link-local address"},
	{netip.MustParsePrefix("ff00::/8"), "a multicast address"},
	{netip.MustParsePrefix("2001:db8::/32"), "a documentation address"},
	{netip.MustParsePrefix("3fff::/20"), "a documentation address"},
	{netip.MustParsePrefix("2001::/32"), "a tunnel's (Teredo) address"},
	{netip.MustParsePrefix("2001::/23"), "a reserved address"},
	{netip.MustParsePrefix("2002::/16"), "a tunnel's (6to4) address"},
}

var (
	// globalUnicast is all of IPv6 that is assigned to hosts (RFC 4291); what is outside is refused, whatever it may
	// become.
	globalUnicast = netip.MustParsePrefix("2000::/3")
	// nat64 holds an IPv4 address in its last four bytes that a gateway connects to (RFC 6052).
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// Reason says what is wrong with an address, or "" for one on the public internet.
func Reason(addr netip.Addr) string {
	addr = Plain(addr)
	if nat64.Contains(addr) {
		bytes := addr.As16()
		return Reason(netip.AddrFrom4([4]byte(bytes[12:])))
	}
	for _, s := range denied {
		if s.prefix.Contains(addr) {
			return s.what
		}
	}
	if addr.Is6() && !globalUnicast.Contains(addr) {
		return "a reserved address"
	}
	return ""
}

// Plain takes the zone off an address, which no prefix contains, and IPv4 out of its IPv6 form.
func Plain(addr netip.Addr) netip.Addr { return addr.WithZone("").Unmap() }
