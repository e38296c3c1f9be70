package address

import (
	"net/netip"
	"strconv"
	"strings"
)

// Literal parses a host that is an address in any notation that C libraries and browsers accept (inet_aton, WHATWG
// URL): dotted or not, decimal, octal (0177) or hexadecimal (0x7f), with one to four parts of which the last fills the
// rest.
func Literal(host string) (netip.Addr, bool) {
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr, true
	}
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var address uint64
	for i, part := range parts {
		number, ok := literalPart(part)
		if !ok {
			return netip.Addr{}, false
		}
		if i < len(parts)-1 {
			if number > 255 {
				return netip.Addr{}, false
			}
			address |= number << (24 - 8*i)
			continue
		}
		if number >= 1<<(32-8*i) {
			return netip.Addr{}, false
		}
		address |= number
	}
	return netip.AddrFrom4([4]byte{byte(address >> 24), byte(address >> 16), byte(address >> 8), byte(address)}), true
}

func literalPart(part string) (uint64, bool) {
	base := 10
	switch {
	case strings.HasPrefix(part, "0x"), strings.HasPrefix(part, "0X"):
		part, base = part[2:], 16
		if part == "" {
			return 0, true
		}
	case len(part) > 1 && part[0] == '0':
		part, base = part[1:], 8
	}
	number, err := strconv.ParseUint(part, base, 32)
	return number, err == nil
}
