package signature

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/everhook/everhook"
)

// Certificate says where to fetch the certificate of a provider that signs with its own key.
type Certificate struct {
	// URL is the path of the certificate's URL in the body, Hosts matches the allowed hosts, and Name is the name in
	// the certificate.
	URL   everhook.Path
	Hosts *regexp.Regexp
	Name  string
}

// Why a message of a provider with a certificate is refused.
const (
	OtherTopic Refused = "the topic is none that the flow takes"
	OtherHost  Refused = "the URL in the message is not one of the provider's"
)

// CertificateURL returns the URL of the certificate of a message. It returns Refused if the topic, which is checked
// first, is not one of the given ones, or if the URL is not the provider's.
func (p *Preset) CertificateURL(body []byte, topics []string) (string, error) {
	document, err := everhook.ParseJSON(body)
	if err != nil {
		return "", Malformed
	}
	if !p.Takes(document, topics) {
		return "", OtherTopic
	}
	address := textAt(document, p.Certificate.URL)
	if !p.Certificate.Allows(address) || !strings.HasSuffix(address, ".pem") {
		return "", OtherHost
	}
	return address, nil
}

// Allows reports whether a URL may be fetched: it must be on one of the provider's hosts, by TLS on the usual port.
func (c *Certificate) Allows(address string) bool {
	parsed, err := url.Parse(address)
	return err == nil && parsed.Scheme == "https" && parsed.User == nil && parsed.Port() == "" &&
		parsed.Fragment == "" && c.Hosts.MatchString(parsed.Host)
}

// Check returns an error if a fetched certificate is not the provider's, or not valid at a time.
func (c *Certificate) Check(data []byte, at time.Time) error {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return errors.New("it is no certificate")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	if at.Before(certificate.NotBefore) || at.After(certificate.NotAfter) {
		return errors.New("the certificate is not valid now")
	}
	return certificate.VerifyHostname(c.Name)
}
