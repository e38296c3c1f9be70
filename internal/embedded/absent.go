//go:build noembedded

package embedded

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
)

// Server is a stub for binaries that are built without the embedded server. Start never returns one.
type Server struct{}

// Start returns an error: this binary has no embedded server.
func Start(_ context.Context, o Options) (*Server, error) {
	if _, err := o.withDefaults(); err != nil {
		return nil, err
	}
	return nil, errors.New("this binary was built without the embedded Temporal server: " +
		"pass --temporal-address with the address of a Temporal cluster, or use a binary built without the tag " +
		"noembedded")
}

// Address is empty.
func (*Server) Address() string { return "" }

// Services is empty.
func (*Server) Services() []string { return nil }

// ClientTLS is nil.
func (*Server) ClientTLS() *tls.Config { return nil }

// Namespace is empty.
func (*Server) Namespace() string { return "" }

// UI is nil.
func (*Server) UI() http.Handler { return nil }

// ReadOnlyUI is nil.
func (*Server) ReadOnlyUI() http.Handler { return nil }

// Restart has nothing to do.
func (*Server) Restart(context.Context) error { return nil }

// Restarts is 0.
func (*Server) Restarts() int { return 0 }

// Failing is nil.
func (*Server) Failing() error { return nil }

// Stop has nothing to do.
func (*Server) Stop(context.Context) error { return nil }
