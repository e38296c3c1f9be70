package egress_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/egress"
)

// TestThePortsOfTheProcessAreRefused dials a server that stands for the admin address, as flows name it.
func TestThePortsOfTheProcessAreRefused(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	for _, test := range []struct {
		own, allow, dial string
		refused          bool
	}{
		{"127.0.0.1", "127.0.0.0/8", "127.0.0.1", true},
		{"127.0.0.1", "127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "localhost", "localhost", true},
		{"localhost", "127.0.0.0/8", "127.0.0.1", true},
		{"0.0.0.0", "127.0.0.0/8", "127.0.0.1", true},
		{"", "127.0.0.0/8", "127.0.0.1", true},
		{"::", "127.0.0.0/8", "2130706433", true},
		{"127.0.0.1", "0.0.0.0/0", "0.0.0.0", true},
		{"127.0.0.1", "127.0.0.1:" + port, "127.0.0.1", false},
		{"127.0.0.1", "localhost:" + port, "localhost", false},
		{"127.0.0.1", "127.0.0.1:1", "127.0.0.1", true},
		{"192.0.2.1", "127.0.0.0/8", "127.0.0.1", false},
		{"invalid.invalid", "127.0.0.0/8", "127.0.0.1", false},
	} {
		g := guard(t, test.allow)
		g.Deny(net.JoinHostPort(test.own, port), "the server's own admin address")
		conn, err := g.DialContext(context.Background(), "tcp4", net.JoinHostPort(test.dial, port))
		if !test.refused {
			require.NoError(t, err, "%+v", test)
			require.NoError(t, conn.Close())
			continue
		}
		var refused *egress.Refused
		require.ErrorAs(t, err, &refused, "%+v", test)
		if refused.Port != 0 {
			require.Contains(t, err.Error(), "the server's own admin address")
			require.Contains(t, err.Error(), "--egress-allow "+refused.Address.String()+":"+port)
		}
		if test.dial != "localhost" {
			require.Error(t, g.CheckHost(context.Background(), test.dial, port), "through a proxy: %+v", test)
		}
	}
}

func TestOtherPortsOfThisMachineStayAllowed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	g := guard(t, "127.0.0.0/8")
	g.Deny("127.0.0.1:1", "the server's own admin address")
	g.Deny("no address", "nothing")
	conn, err := g.DialContext(context.Background(), "tcp4", server.Listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}
