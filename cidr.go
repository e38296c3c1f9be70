package everhook

import (
	"fmt"
	"net/netip"
	"strings"
)

// CIDR is a range of addresses. Flow files and flags write it as "203.0.113.0/24", "2001:db8::/32", or one address.
type CIDR netip.Prefix

// ParseCIDR reads a CIDR. Bits after the prefix must be zero: "203.0.113.7/24" is likely a mistake.
func ParseCIDR(text string) (CIDR, error) {
	text = strings.TrimSpace(text)
	if address, err := netip.ParseAddr(text); err == nil && address.Zone() == "" {
		address = address.Unmap()
		return CIDR(netip.PrefixFrom(address, address.BitLen())), nil
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix.Addr().Is4In6() {
		return CIDR{}, fmt.Errorf("%q is not a range of addresses; write for example 203.0.113.0/24, 2001:db8::/32 or "+
			"203.0.113.7", Shorten(text, 60))
	}
	if prefix != prefix.Masked() {
		return CIDR{}, fmt.Errorf("%s has bits after its prefix; write %s for the range, or %s for that address alone",
			prefix, prefix.Masked(), prefix.Addr())
	}
	return CIDR(prefix), nil
}

// Prefix is the netip.Prefix.
func (c CIDR) Prefix() netip.Prefix { return netip.Prefix(c) }

// String is the address, "/" and the number of bits.
func (c CIDR) String() string { return c.Prefix().String() }

// MarshalText is String.
func (c CIDR) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText is ParseCIDR.
func (c *CIDR) UnmarshalText(text []byte) (err error) {
	*c, err = ParseCIDR(string(text))
	return err
}
