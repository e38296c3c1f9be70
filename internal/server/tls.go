package server

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"
)

// certificate is that of the addresses of this process. It is read again when one of its files changes.
type certificate struct {
	cert, key string
	logger    *slog.Logger
	mu        sync.Mutex
	loaded    *tls.Certificate
	// stamps are the times of the last change of both files, as they were read. Looked is the last look at them.
	stamps [2]time.Time
	looked time.Time
}

// certificateEvery is how often the files of a certificate are looked at, at most.
const certificateEvery = time.Second

// newCertificate reads a certificate; nil without one.
func newCertificate(o *Options, logger *slog.Logger) (*certificate, error) {
	if o.TLSCert == "" {
		return nil, nil
	}
	c := &certificate{cert: o.TLSCert, key: o.TLSKey, logger: logger}
	if err := c.read(); err != nil {
		return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	return c, nil
}

// read reads both files. If they do not fit together, because only one was replaced yet, the certificate stays as it
// is, and the next look reads them again.
func (c *certificate) read() error {
	stamps, err := c.stat()
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return err
	}
	c.loaded, c.stamps = &pair, stamps
	return nil
}

func (c *certificate) stat() (stamps [2]time.Time, err error) {
	for i, name := range []string{c.cert, c.key} {
		info, err := os.Stat(name)
		if err != nil {
			return stamps, err
		}
		stamps[i] = info.ModTime()
	}
	return stamps, nil
}

// get implements tls.Config.GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < certificateEvery {
		return c.loaded, nil
	}
	c.looked = time.Now()
	if stamps, err := c.stat(); err == nil && stamps == c.stamps {
		return c.loaded, nil
	}
	if err := c.read(); err != nil {
		c.logger.Warn("the certificate changed but cannot be read; the one before stays in use", "error", err)
	} else {
		c.logger.Info("the certificate is read again", "file", c.cert)
	}
	return c.loaded, nil
}

// over makes a listener speak TLS; without a certificate it stays as it is.
func (c *certificate) over(l net.Listener) net.Listener {
	if c == nil {
		return l
	}
	return secured{tls.NewListener(l, &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get})}
}

// secured is a listener that speaks TLS.
type secured struct{ net.Listener }
