package integration

import (
	"bufio"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/server"
)

// listening are the TCP ports on which this process listens (proc(5)).
func listening(t *testing.T) (ports []string) {
	t.Helper()
	own := map[string]bool{}
	descriptors, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	for _, descriptor := range descriptors {
		if target, err := os.Readlink(descriptor); err == nil {
			own[strings.Trim(strings.TrimPrefix(target, "socket:"), "[]")] = true
		}
	}
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		file, err := os.Open(table)
		require.NoError(t, err)
		for lines := bufio.NewScanner(file); lines.Scan(); {
			fields := strings.Fields(lines.Text())
			const stateListen = "0A"
			if len(fields) < 10 || fields[3] != stateListen || !own[fields[9]] {
				continue
			}
			_, hex, _ := strings.Cut(fields[1], ":")
			port, err := strconv.ParseUint(hex, 16, 16)
			require.NoError(t, err)
			ports = append(ports, strconv.FormatUint(port, 10))
		}
		require.NoError(t, file.Close())
	}
	return ports
}

// TestAnAllowedNetworkDoesNotOpenTheProcessItself finds the ports of a server by what listens since its start, so no
// other test may run beside it.
func TestAnAllowedNetworkDoesNotOpenTheProcessItself(t *testing.T) {
	before := listening(t)
	p := start(t, config{change: func(o *server.Options) {
		o.EgressAllow, o.Metrics = []string{"127.0.0.0/8"}, "127.0.0.1:0"
	}})
	hooks, err := url.Parse(p.BaseURL())
	require.NoError(t, err)
	ports := slices.DeleteFunc(listening(t), func(port string) bool {
		return slices.Contains(before, port) || port == hooks.Port()
	})
	admin, err := url.Parse(p.AdminURL())
	require.NoError(t, err)
	require.Contains(t, ports, admin.Port())
	require.Greater(t, len(ports), 4, "admin, metrics, and several of Temporal: %v", ports)
	partner := newPartner(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })

	calls := `nodes:
  - { key: call, type: http-request, onError: continue, config: { url: '{{ trigger.body }}' } }
  - { key: a, type: response, config: { body: { refused: '{{ errors.call.type }}' } } }
`
	f := p.sync(t, "calls-itself", calls)
	require.Equal(t, map[string]any{"refused": nil}, f.post(t, `"`+partner.URL+`"`).value(t), "the network is open")
	for _, port := range ports {
		for _, host := range []string{"127.0.0.1", "127.8.8.8", "2130706433"} {
			got := f.post(t, `"http://`+host+`:`+port+`/"`)
			require.Equal(t, map[string]any{"refused": everhook.TypeRefused}, got.value(t), "%s:%s", host, port)
		}
	}
}

func TestAnAddressOfTheProcessCanBeNamed(t *testing.T) {
	t.Parallel()
	reserved := newPartner(t, nil)
	address := netip.MustParseAddrPort(strings.TrimPrefix(reserved.URL, "http://")).String()
	reserved.Close()
	p := start(t, config{change: func(o *server.Options) { o.Admin, o.EgressAllow = address, []string{address} }})
	f := p.sync(t, "asks-itself", `nodes:
  - { key: call, type: http-request, config: { url: 'http://`+address+`/healthz' } }
  - { key: a, type: response, config: { body: '{{ nodes.call.status }}' } }
`)
	require.Equal(t, 200, f.post(t, "{}").value(t))
}

func TestSecretsInHeadersDoNotFollowRedirects(t *testing.T) {
	t.Parallel()
	other := newPartner(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	same := newPartner(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/here", http.StatusTemporaryRedirect)
			return
		}
		http.Redirect(w, r, other.URL+"/there", http.StatusTemporaryRedirect)
	})
	f := shared.sync(t, "redirected", `nodes:
  - key: call
    type: http-request
    config:
      url: '`+same.URL+`'
      headers:
        Content-Token: '{{ secret.PLANTED_BEARER }}'
        Accept-Key: 'k {{ secret.PLANTED_PASSWORD }}'
        Accept-Language: de
  - { key: a, type: response, config: { body: '{{ nodes.call.status }}' } }
`)
	got := f.post(t, "{}")
	require.Equal(t, 204, got.value(t), got.body)
	told := same.received()
	require.Len(t, told, 2)
	for _, call := range told {
		require.Equal(t, plantedBearer, call.header.Get("Content-Token"), "the same origin is told")
		require.Equal(t, "k "+plantedPassword, call.header.Get("Accept-Key"))
	}
	require.Len(t, other.received(), 1)
	header := other.received()[0].header
	require.Equal(t, "de", header.Get("Accept-Language"))
	require.Empty(t, header.Values("Content-Token"))
	require.Empty(t, header.Values("Accept-Key"))
	for name, values := range header {
		requireNothingPlanted(t, name, []byte(strings.Join(values, "\n")))
	}
}
