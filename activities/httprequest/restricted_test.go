package httprequest

import (
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/secrets"
)

// restricted sends requests that may call this machine, with the secret KEY, which may be sent to the given hosts.
func restricted(t *testing.T, hosts ...string) *requests {
	t.Helper()
	h := local(t)
	provider, err := secrets.New(secrets.Options{Environ: []string{"EVERHOOK_SECRET_KEY=hunter22"},
		Rules: secrets.Rules{"KEY": {Hosts: hosts}}})
	require.NoError(t, err)
	h.dependencies.Secrets = provider
	return h
}

func TestASecretGoesToItsHostsOnly(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	here := serve(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	host, err := url.Parse(here)
	require.NoError(t, err)
	for place, input := range map[string]activities.HTTPRequestInput{
		"url":    {URL: sealed(here+"/?key=", "$KEY")},
		"header": {URL: plainValue(here), Headers: sealedAt(map[string]any{"X-Key": nil}, "X-Key", "$KEY")},
		"query":  {URL: plainValue(here), Query: sealedAt(map[string]any{"key": nil}, "key", "$KEY")},
		"body":   {URL: plainValue(here), Method: "POST", Body: sealed("$KEY")},
		"basic": {URL: plainValue(here), Auth: &activities.HTTPAuth{Basic: &activities.BasicAuth{
			Username: plainValue("u"), Password: sealed("$KEY")}}},
	} {
		succeed(t, restricted(t, host.Host), input)
		require.EqualValues(t, 1, reached.Swap(0), place)
		for _, hosts := range []string{"api.example.com", "127.0.0.1:1", "*.0.0.1"} {
			failed, _ := fail(t, restricted(t, hosts), input)
			require.Equal(t, everhook.TypeRefused, failed.Type, place)
			require.Contains(t, failed.Message, "the secret KEY may not be sent to 127.0.0.1")
			require.NotContains(t, failed.Message, "hunter22")
			require.Zero(t, reached.Load(), place)
		}
	}
	succeed(t, restricted(t, "api.example.com"), activities.HTTPRequestInput{URL: plainValue(here)})
}

func TestASecretDoesNotFollowARedirectElsewhere(t *testing.T) {
	t.Parallel()
	var reached atomic.Int64
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	from := serve(t, func(w http.ResponseWriter, r *http.Request) {
		// The other side knows the secret, and puts it into the address.
		http.Redirect(w, r, elsewhere+"/?"+r.Header.Get("X-Key"), http.StatusFound)
	})
	input := activities.HTTPRequestInput{URL: plainValue(from), Redirects: 1,
		Headers: sealedAt(map[string]any{"X-Key": nil}, "X-Key", "$KEY")}
	failed, _ := fail(t, restricted(t, strings.TrimPrefix(from, "http://")), input)
	require.Equal(t, everhook.TypeRefused, failed.Type)
	require.Zero(t, reached.Load())
	succeed(t, restricted(t, "127.0.0.1"), input)
	require.EqualValues(t, 1, reached.Load())
}
