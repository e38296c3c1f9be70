package integration

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSilentConnectionsShutNobodyOut is the attack of a stranger on a process that may open 1,024 files: more silent
// connections than that. Webhooks, the admin address and the requests of runs go on.
func TestSilentConnectionsShutNobodyOut(t *testing.T) {
	t.Parallel()
	partner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "here")
	}))
	t.Cleanup(partner.Close)
	flows := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(flows, "asks.yaml"), []byte(`key: asks
mode: sync
trigger: { type: webhook }
nodes:
  - { key: ask, type: http-request, config: { url: '`+partner.URL+`' } }
  - { key: say, type: response, config: { body: '{{ nodes.ask.body }}' } }
`), 0o600))
	arguments := append([]string{"-c", `ulimit -n 1024 && exec "$0" "$@"`, os.Args[0]},
		devArguments(flows, filepath.Join(t.TempDir(), "data"))...)
	p := follow(t, exec.Command("sh", arguments...))
	hook := regexp.MustCompile(`http://\S+/api/webhook:trigger/\S+`).FindString(p.out.String())
	pages := regexp.MustCompile(`Pages\s+(http://\S+)`).FindStringSubmatch(p.out.String())
	require.NotEmpty(t, hook, "%s", p.out)
	require.Len(t, pages, 2, "%s", p.out)
	for _, base := range []string{p.base, pages[1]} {
		address := strings.TrimSuffix(strings.TrimPrefix(base, "http://"), "/")
		for range 1100 {
			c, err := net.Dial("tcp", address)
			require.NoError(t, err)
			t.Cleanup(func() { c.Close() })
		}
		client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
		answer, err := client.Post(hook, "application/json", strings.NewReader("{}"))
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, "here", string(body))
		listed, err := client.Get(pages[1] + "api/v1/flows")
		require.NoError(t, err)
		require.NoError(t, listed.Body.Close())
		require.Equal(t, http.StatusOK, listed.StatusCode)
	}
}
