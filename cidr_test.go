package everhook_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func TestACIDRIsARangeOrOneAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"203.0.113.0/24": "203.0.113.0/24", " 203.0.113.7 ": "203.0.113.7/32", "2001:db8::/32": "2001:db8::/32",
		"::1":       "::1/128",
		"0.0.0.0/0": "0.0.0.0/0", "::ffff:203.0.113.7": "203.0.113.7/32",
	} {
		var read everhook.CIDR
		require.NoError(t, read.UnmarshalText([]byte(text)))
		require.Equal(t, want, read.String())
		require.Equal(t, netip.MustParsePrefix(want), read.Prefix())
		written, err := read.MarshalText()
		require.NoError(t, err)
		again, err := everhook.ParseCIDR(string(written))
		require.NoError(t, err)
		require.Equal(t, read, again)
	}
	for text, want := range map[string]string{
		"203.0.113.7/24": "203.0.113.7/24 has bits after its prefix; write 203.0.113.0/24 for the range, or " +
			"203.0.113.7 for that address alone",
		"localhost": `"localhost" is not a range of addresses; write for example 203.0.113.0/24, ` +
			`2001:db8::/32 or 203.0.113.7`,
		"203.0.113.0/33": `"203.0.113.0/33" is not a range of addresses; write for example 203.0.113.0/24, ` +
			`2001:db8::/32 or 203.0.113.7`,
		"fe80::1%eth0": `"fe80::1%eth0" is not a range of addresses; write for example 203.0.113.0/24, ` +
			`2001:db8::/32 or 203.0.113.7`,
		"::ffff:203.0.113.0/120": `"::ffff:203.0.113.0/120" is not a range of addresses; write for example ` +
			`203.0.113.0/24, 2001:db8::/32 or 203.0.113.7`,
		"": `"" is not a range of addresses; write for example 203.0.113.0/24, 2001:db8::/32 or 203.0.113.7`,
	} {
		_, err := everhook.ParseCIDR(text)
		require.EqualError(t, err, want)
	}
}
