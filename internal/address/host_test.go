package address_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/address"
)

func TestHostsThatAreNotPublic(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"example.com": "", "93.184.216.34": "", "2606:4700::1111": "", "10.0.0.1.example.com": "", "": "",
		"localhost": "this machine", "A.LOCALHOST.": "this machine", "127.0.0.1": "a loopback address",
		"0x7f.1": "a loopback address", "2130706433": "a loopback address", "[::1]": "a loopback address",
		"10.1.2.3": "a private address", "169.254.169.254": "a cloud's metadata address",
		"::ffff:192.168.0.1": "a private address",
	} {
		require.Equal(t, want, address.Host(host), host)
	}
}
