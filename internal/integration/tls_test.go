package integration

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/server"
)

// writeCertificate writes a certificate for this machine, with a name, and its key.
func writeCertificate(t *testing.T, cert, key, name string) *x509.Certificate {
	t.Helper()
	made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	data, err := x509.CreateCertificate(rand.Reader, template, template, &made.PublicKey, made)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(made)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: data}), 0o600))
	parsed, err := x509.ParseCertificate(data)
	require.NoError(t, err)
	return parsed
}

func TestBothAddressesSpeakTLSWithTheLatestCertificate(t *testing.T) {
	t.Parallel()
	cert, key := filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	first := writeCertificate(t, cert, key, "first")
	p := start(t, config{change: func(o *server.Options) { o.TLSCert, o.TLSKey = cert, key }})
	f := p.sync(t, "secured", "nodes: [ { key: r, type: response, config: { body: secured } } ]")
	require.True(t, strings.HasPrefix(f.url, "https://"), f.url)

	// call gets an address with a fresh connection, and the name in the server's certificate.
	call := func(url string, trusted *x509.Certificate) (body, name string, err error) {
		pool := x509.NewCertPool()
		pool.AddCert(trusted)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{RootCAs: pool}}}
		method := http.MethodGet
		if url == f.url {
			method = http.MethodPost
		}
		request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
		if err != nil {
			return "", "", err
		}
		response, err := client.Do(request)
		if err != nil {
			return "", "", err
		}
		defer response.Body.Close()
		data, err := io.ReadAll(response.Body)
		return string(data), response.TLS.PeerCertificates[0].Subject.CommonName, err
	}
	for url, want := range map[string]string{f.url: "secured", p.AdminURL() + "/api/v1/flows": `"secured"`} {
		body, name, err := call(url, first)
		require.NoError(t, err)
		require.Contains(t, body, want)
		require.Equal(t, "first", name)
	}

	// Half of a new pair changes nothing; the whole pair is served within seconds.
	require.NoError(t, os.WriteFile(key, []byte("half of a pair"), 0o600))
	require.Never(t, func() bool { _, _, err := call(f.url, first); return err != nil }, 1500*time.Millisecond,
		100*time.Millisecond)
	second := writeCertificate(t, cert, key, "second")
	for _, url := range []string{f.url, p.AdminURL() + "/healthz"} {
		require.Eventually(t, func() bool {
			_, name, err := call(url, second)
			return err == nil && name == "second"
		}, patience, 50*time.Millisecond)
	}
}
