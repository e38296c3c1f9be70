package integration

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/server"
)

func TestWrongSettingsSayWhatToDo(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, []byte("no certificate"), 0o600))
	for _, test := range []struct {
		name   string
		change func(*server.Options)
		want   string
	}{
		{"a public URL without a scheme", func(o *server.Options) { o.PublicURL = "hooks.example.com" },
			"--public-url"},
		{"a public URL with a query", func(o *server.Options) { o.PublicURL = "https://hooks.example.com?a=b" },
			"--public-url"},
		{"a retention that Temporal does not take",
			func(o *server.Options) { o.Retention = everhook.Duration(time.Minute) }, "--retention"},
		{"an admin URL with a path", func(o *server.Options) { o.AdminURL = "https://everhook.example/x" },
			"--admin-url"},
		{"a key without its certificate", func(o *server.Options) { o.TLSKey = file }, "--tls-cert and --tls-key"},
		{"certificates that are none", func(o *server.Options) { o.TLSCert, o.TLSKey = file, file }, "--tls-cert"},
		{"OIDC without the address of the pages", func(o *server.Options) { o.OIDCIssuer = "https://idp.example" },
			"--admin-url"},
		{"a role of OIDC that is none", func(o *server.Options) {
			o.AdminURL, o.OIDCIssuer, o.OIDCClientID = "https://a.example", "https://idp.example", "x"
			o.OIDCRole = []string{"staff=root"}
		}, "--oidc-role"},
		{"an admin token that can be guessed", func(o *server.Options) { o.AdminToken = "fifteen letters" },
			"--admin-token has 15 characters; write at least 16"},
		{"a webhook address that is taken", func(o *server.Options) { o.Listen = taken.Addr().String() }, "--listen"},
		{"an admin address that is taken", func(o *server.Options) { o.Admin = taken.Addr().String() }, "--admin"},
		{"an egress rule that is none", func(o *server.Options) { o.EgressAllow = []string{"http://x"} },
			"--egress-allow"},
		{"an egress proxy that is none", func(o *server.Options) { o.EgressProxy = "proxy" }, "--egress-proxy"},
		{"a data directory that is a file", func(o *server.Options) { o.Data = file }, file},
		{"a directory of secrets that is a file", func(o *server.Options) { o.SecretsDir = file }, file},
		{"CA certificates that are missing", func(o *server.Options) {
			o.TemporalAddress,
				o.TemporalTLSCA = "127.0.0.1:1", file+"x"
		}, "--temporal-tls-ca"},
		{"CA certificates that are none", func(o *server.Options) {
			o.TemporalAddress, o.TemporalTLSCA = "127.0.0.1:1",
				file
		}, "no PEM certificate"},
		{"a client certificate without its key", func(o *server.Options) {
			o.TemporalAddress,
				o.TemporalTLSCert = "127.0.0.1:1", file
		}, "--temporal-tls-key"},
		{"a client certificate that is none", func(o *server.Options) {
			o.TemporalAddress, o.TemporalTLSCert, o.TemporalTLSKey = "127.0.0.1:1", file, file
		}, "--temporal-tls-cert"},
		{"a place of large values that is none", func(o *server.Options) { o.PayloadStore = "s3" }, "--payload-store"},
		{"a directory of large values that nobody shares", func(o *server.Options) {
			o.TemporalAddress,
				o.PayloadStore = "127.0.0.1:1", "directory"
		}, "--payload-dir"},
		{"a threshold of large values that is too low", func(o *server.Options) { o.PayloadThreshold = 1 << 10 },
			"--payload-threshold"},
		{"a threshold of large values that is too high", func(o *server.Options) { o.PayloadThreshold = 2 << 20 },
			"--payload-threshold"},
		{"an API key, which implies TLS", func(o *server.Options) {
			o.TemporalAddress, o.TemporalAPIKey = "127.0.0.1:1",
				"key"
		}, "--temporal-address"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := launch(t.Context(), config{dir: t.TempDir(), change: test.change})
			require.ErrorContains(t, err, test.want)
			t.Log(err)
		})
	}
}

func TestAPublicURLIsInEverythingThatIsSent(t *testing.T) {
	t.Parallel()
	p := start(t, config{change: func(o *server.Options) {
		o.PublicURL, o.AdminToken = "https://hooks.example.com/base/", "token-of-the-admin"
	}})
	f := p.sync(t, "public", "options: { wait: 1s }\nnodes: ["+longWait+"]")
	require.Equal(t, "https://hooks.example.com/base/api/webhook:trigger/"+f.token, f.url)
	listed := get(t, p.AdminURL()+"/api/v1/flows", header("Authorization", "Bearer token-of-the-admin"))
	require.Contains(t, listed.body, f.url)
	require.Equal(t, http.StatusUnauthorized, get(t, p.AdminURL()+"/api/v1/flows").status)
}
