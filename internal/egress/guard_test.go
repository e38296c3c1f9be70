package egress_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/egress"
)

func guard(t *testing.T, allow ...string) *egress.Guard {
	t.Helper()
	g, err := egress.New(allow)
	require.NoError(t, err)
	return g
}

func TestAddressesThatAreNotPublicAreRefusedInEveryNotation(t *testing.T) {
	t.Parallel()
	for host, what := range map[string]string{
		"127.0.0.1":                "a loopback address",
		"127.255.255.254":          "a loopback address",
		"127.1":                    "a loopback address",
		"127.0.0.1.":               "a loopback address",
		"2130706433":               "a loopback address",
		"0177.0.0.1":               "a loopback address",
		"017700000001":             "a loopback address",
		"0x7f.0.0.1":               "a loopback address",
		"0x7F000001":               "a loopback address",
		"0x7f.1":                   "a loopback address",
		"１２７.0.0.1":                "a loopback address",
		"::1":                      "a loopback address",
		"0:0:0:0:0:0:0:1":          "a loopback address",
		"::ffff:127.0.0.1":         "a loopback address",
		"::ffff:7f00:1":            "a loopback address",
		"64:ff9b::127.0.0.1":       "a loopback address",
		"::127.0.0.1":              "a reserved address",
		"64:ff9b:1::a00:1":         "a reserved address",
		"0":                        "the unspecified address",
		"0x":                       "the unspecified address",
		"0.0.0.0":                  "the unspecified address",
		"0.1.2.3":                  "an address of this network",
		"::":                       "the unspecified address",
		"10.1.2.3":                 "a private address",
		"012.1.2.3":                "a private address",
		"172.16.0.1":               "a private address",
		"172.31.255.255":           "a private address",
		"192.168.1.1":              "a private address",
		"fc00::1":                  "a private address",
		"fdff::1":                  "a private address",
		"::ffff:10.0.0.1":          "a private address",
		"64:ff9b::10.0.0.1":        "a private address",
		"100.64.0.1":               "an address shared behind a carrier's NAT",
		"169.254.1.1":              "a link-local address",
		"fe80::1":                  "a link-local address",
		"fe80::1%eth0":             "a link-local address",
		"169.254.169.254":          "a cloud's metadata address",
		"169.254.170.2":            "a cloud's metadata address",
		"0xa9fea9fe":               "a cloud's metadata address",
		"::ffff:169.254.169.254":   "a cloud's metadata address",
		"64:ff9b::169.254.169.254": "a cloud's metadata address",
		"100.100.100.200":          "a cloud's metadata address",
		"168.63.129.16":            "a cloud's metadata address",
		"fd00:ec2::254":            "a cloud's metadata address",
		"192.0.0.1":                "a reserved address",
		"192.0.2.1":                "a documentation address",
		"198.51.100.1":             "a documentation address",
		"203.0.113.1":              "a documentation address",
		"2001:db8::1":              "a documentation address",
		"3fff::1":                  "a documentation address",
		"198.18.0.1":               "a benchmarking address",
		"224.0.0.1":                "a multicast address",
		"ff02::1":                  "a multicast address",
		"240.0.0.1":                "a reserved address",
		"255.255.255.255":          "the broadcast address",
		"2002:7f00:1::":            "a tunnel's (6to4) address",
		"2001:0:7f00:1::":          "a tunnel's (Teredo) address",
		"100::1":                   "a reserved address",
		"5f00::1":                  "a reserved address",
		"fec0::1":                  "a reserved address",
	} {
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			_, err := guard(t).DialContext(context.Background(), "tcp", net.JoinHostPort(host, "80"))
			var refused *egress.Refused
			require.ErrorAs(t, err, &refused)
			require.Equal(t, what, refused.What)
			require.Contains(t, err.Error(), refused.Address.String())
			require.Contains(t, err.Error(), "--egress-allow "+refused.Address.String())
			require.ErrorAs(t, guard(t).CheckHost(context.Background(), host, "80"), &refused, "through a proxy")
		})
	}
}

func TestPublicAddressesAndNamesPassTheCheck(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"8.8.8.8", "134744072", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "172.15.0.1", "172.32.0.1",
		"100.63.0.1", "100.128.0.1",
		"example.com", "127.0.0.1.example.com", "1.2.3.4.5", "256.1.1.1", "08.example", "10.256.1", "1.2.3.999", "",
		"a..b",
	} {
		require.NoError(t, guard(t).CheckHost(context.Background(), host, "443"), host)
	}
	for _, host := range []string{"localhost", "LOCALHOST.", "a.localhost"} {
		require.Error(t, guard(t).CheckHost(context.Background(), host, "443"), host)
	}
}

func TestANameIsCheckedByTheAddressThatIsDialled(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	address := net.JoinHostPort("localhost", port)

	_, err = guard(t).DialContext(context.Background(), "tcp4", address)
	var refused *egress.Refused
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "localhost", refused.Host)
	require.Contains(t, err.Error(), "127.0.0.1 (localhost) is a loopback address")

	for _, allow := range []string{"127.0.0.1", "127.0.0.0/8", "localhost", "LocalHost.", address, "127.0.0.1:" + port,
		"::ffff:127.0.0.0/104", "[::ffff:127.0.0.1]"} {
		conn, err := guard(t, " "+allow).DialContext(context.Background(), "tcp4", address)
		require.NoError(t, err, allow)
		require.NoError(t, conn.Close())
	}
	for _, allow := range []string{"127.0.0.2", "10.0.0.0/8", "localhost:1", "127.0.0.1:1", "example.com"} {
		_, err := guard(t, allow).DialContext(context.Background(), "tcp4", address)
		require.ErrorAs(t, err, &refused, allow)
	}
}

func TestAnAllowListThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{"", "10.0.0.0/33", "http://localhost", "localhost:0", "localhost:port",
		"localhost:70000", "a b", "*.example.com"} {
		_, err := egress.New([]string{entry})
		require.ErrorContains(t, err, "--egress-allow", entry)
	}
}

func TestAnAddressWithoutAPortIsAnError(t *testing.T) {
	t.Parallel()
	_, err := guard(t).DialContext(context.Background(), "tcp", "8.8.8.8")
	require.Error(t, err)
}

func TestAProxyIsTrustedAndWhatItIsAskedForIsChecked(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter,
		r *http.Request) {
		asked <- r.URL.String()
	}))
	t.Cleanup(proxy.Close)
	proxyURL, err := url.Parse(proxy.URL)
	require.NoError(t, err)
	transport := guard(t).Transport(proxyURL)
	t.Cleanup(transport.CloseIdleConnections)

	request := httptest.NewRequest(http.MethodGet, "http://name.example/x", nil)
	response, err := transport.RoundTrip(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, "http://name.example/x", <-asked)

	for _, target := range []string{"http://127.0.0.1/", "https://2130706433/", "http://localhost/"} {
		request := httptest.NewRequest(http.MethodGet, target, nil)
		_, err = transport.RoundTrip(request) //nolint:bodyclose // there is no response
		var refused *egress.Refused
		require.ErrorAs(t, err, &refused, target)
	}
}

func TestProxiesFromTheEnvironmentAreIgnored(t *testing.T) {
	t.Parallel()
	require.Nil(t, guard(t).Transport(nil).Proxy)
}

func FuzzNoNotationOfALoopbackAddressIsDialled(f *testing.F) {
	for _, host := range []string{"127.0.0.1", "0x7f.1", "[::1]", "0", "1.2.3.4", "::ffff:1.2.3.4%1"} {
		f.Add(host)
	}
	g, err := egress.New(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, host string) {
		err := g.CheckHost(context.Background(), host, "80")
		if addr, parseErr := netip.ParseAddr(host); parseErr == nil &&
			(addr.Unmap().IsLoopback() || addr.Unmap().IsPrivate()) {
			require.Error(t, err)
		}
	})
}
