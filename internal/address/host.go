// Package address knows addresses that are not on the public internet, in every notation.
package address

import "strings"

// Host says what is wrong with a host that is written out in a URL: an address that is not public, or a name of this
// machine. It is empty for all other names, which are not resolved.
func Host(host string) string {
	name := strings.TrimSuffix(strings.ToLower(host), ".")
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return "this machine"
	}
	if addr, ok := Literal(name); ok {
		return Reason(addr)
	}
	return ""
}
