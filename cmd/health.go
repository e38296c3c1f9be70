package cmd

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/everhook/everhook/internal/server"
)

// healthCommand is for health checks of containers whose image has no HTTP client.
type healthCommand struct {
	configFlag
	Listen  string `default:":13000" placeholder:"ADDRESS" help:"Address of the server that is asked. Default :13000."`
	TLSCert string `name:"tls-cert" placeholder:"FILE" help:"Set if the server has --tls-cert: it is then asked by https."`
}

const healthTimeout = 3 * time.Second

func (c *healthCommand) Run(ctx context.Context, s streams) error {
	if err := server.CheckAddress("listen", c.Listen); err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(c.Listen)
	if host == "" || net.ParseIP(host).IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	scheme, client := "http", http.DefaultClient
	if c.TLSCert != "" {
		// The certificate names the server for others, not for this machine; nothing secret is asked.
		scheme, client = "https", &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+"/readyz",
		nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		reason, _ := io.ReadAll(io.LimitReader(response.Body, 1000))
		return fmt.Errorf("not ready: %s", strings.TrimSpace(string(reason)))
	}
	_, err = fmt.Fprintln(s.out, "ready")
	return err
}
