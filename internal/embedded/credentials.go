//go:build !noembedded

package embedded

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"

	uiconfig "github.com/temporalio/ui-server/v2/server/config"
	"go.temporal.io/server/common/rpc/encryption"
)

// credentials close the ports of the server to all other processes. Every port demands a client certificate of a
// certificate authority that is made at each start and exists only in memory (mutual TLS, RFC 8446). Other users of the
// machine and sidecars can open a connection, but cannot make a call. There is no other way in, so the server needs no
// authorizer.
type credentials struct {
	certificate tls.Certificate
	authority   *x509.CertPool
	ui          uiconfig.TLS
}

var _ encryption.TLSConfigProvider = (*credentials)(nil)

// lifetime is how long the certificate is valid: longer than any process runs.
const lifetime = 50 * 365 * 24 * time.Hour

// newCredentials makes an authority and one certificate that all services and clients in the process share. The key of
// the authority is discarded.
func newCredentials() (*credentials, error) {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	// The certificates must stay valid if the clock is set back.
	from := time.Now().Add(-lifetime)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "everhook, this process"}, NotBefore: from,
		NotAfter: time.Now().Add(lifetime), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	authorityDER, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: loopback}, NotBefore: from,
		NotAfter: authority.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		IPAddresses: []net.IP{net.ParseIP(loopback)},
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, authority, key.Public(), authorityKey)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	c := &credentials{
		certificate: tls.Certificate{Certificate: [][]byte{leafDER}, PrivateKey: key}, authority: x509.NewCertPool(),
		ui: uiconfig.TLS{
			CaData: pemData("CERTIFICATE", authorityDER), CertData: pemData("CERTIFICATE", leafDER),
			KeyData: pemData("PRIVATE KEY", keyDER), ServerName: loopback, EnableHostVerification: true,
		},
	}
	parsed, err := x509.ParseCertificate(authorityDER)
	if err != nil {
		return nil, fmt.Errorf("the certificate authority of the embedded server: %w", err)
	}
	c.authority.AddCert(parsed)
	return c, nil
}

// pemData is the form in which the UI server takes a certificate or key.
func pemData(kind string, der []byte) string {
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// forUI is the configuration for the UI server; without credentials it uses no TLS.
func (c *credentials) forUI() uiconfig.TLS {
	if c == nil {
		return uiconfig.TLS{}
	}
	return c.ui
}

func (c *credentials) server() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{c.certificate}, ClientCAs: c.authority,
		ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS13,
	}
}

func (c *credentials) client() *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{c.certificate}, RootCAs: c.authority, ServerName: loopback,
		MinVersion: tls.VersionTLS13,
	}
}

// GetInternodeServerConfig is for the ports of history, matching and worker.
func (c *credentials) GetInternodeServerConfig() (*tls.Config, error) { return c.server(), nil }

// GetInternodeClientConfig is for the calls between the services.
func (c *credentials) GetInternodeClientConfig() (*tls.Config, error) { return c.client(), nil }

// GetFrontendServerConfig is for the port that clients and workers use.
func (c *credentials) GetFrontendServerConfig() (*tls.Config, error) { return c.server(), nil }

// GetFrontendClientConfig is for the server's own workers.
func (c *credentials) GetFrontendClientConfig() (*tls.Config, error) { return c.client(), nil }

// GetRemoteClusterClientConfig is for calls to other clusters; this is the only one.
func (c *credentials) GetRemoteClusterClientConfig(string) (*tls.Config, error) {
	return c.client(), nil
}

// GetExpiringCerts reports none: the certificate outlives the process.
func (c *credentials) GetExpiringCerts(time.Duration) (expiring, expired encryption.CertExpirationMap, err error) {
	return encryption.CertExpirationMap{}, encryption.CertExpirationMap{}, nil
}
