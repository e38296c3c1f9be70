// Package clients bounds the use of a process by one client address: requests, guesses and connections. A client is an
// IPv4 address, or an IPv6 network of 64 bits, all of whose addresses belong to one subscriber. The memory for clients
// is bounded too: the clients that were seen longest ago are forgotten.
package clients

import "net/netip"

// Of returns the client of an address. All unknown addresses, the zero Addr, are one client.
func Of(address netip.Addr) netip.Addr {
	address = address.Unmap()
	if !address.Is6() {
		return address
	}
	network, _ := address.WithZone("").Prefix(64)
	return network.Addr()
}

// half is the number of keys in one half of a table.
const half = 32 << 10

// table keeps values for the keys that were set last: at least half of them, at most two halves.
type table[K comparable, V any] struct {
	half          int
	recent, older map[K]V
}

// get returns the value of a key; the zero value if it has none or was forgotten.
func (t *table[K, V]) get(key K) V {
	if v, ok := t.recent[key]; ok {
		return v
	}
	return t.older[key]
}

func (t *table[K, V]) set(key K, v V) {
	if _, known := t.recent[key]; !known && len(t.recent) >= t.half || t.recent == nil {
		t.recent, t.older = map[K]V{}, t.recent
	}
	t.recent[key] = v
}
