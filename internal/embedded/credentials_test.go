//go:build !noembedded

package embedded

import (
	"context"
	"crypto/tls"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	grpccredentials "google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// TestNoPortServesAClientWithoutTheCertificate makes the calls that any other user or container of the machine could
// make: to every port, in plain text, by TLS without a certificate, and with a certificate of another process.
func TestNoPortServesAClientWithoutTheCertificate(t *testing.T) {
	t.Parallel()
	other, err := newCredentials()
	require.NoError(t, err)
	foreign := other.client()
	foreign.InsecureSkipVerify = true
	server := shared.Load().server
	require.Len(t, server.Services(), 4)
	for _, address := range server.Services() {
		for name, transport := range map[string]grpccredentials.TransportCredentials{
			"plain text":            insecure.NewCredentials(),
			"no certificate":        grpccredentials.NewTLS(&tls.Config{InsecureSkipVerify: true}),
			"another certificate":   grpccredentials.NewTLS(foreign),
			"the wrong authority":   grpccredentials.NewTLS(other.client()),
			"an old version of TLS": grpccredentials.NewTLS(old(server.ClientTLS())),
		} {
			require.Error(t, call(t, address, transport), "%s: %s", address, name)
		}
		require.NoError(t, call(t, address, grpccredentials.NewTLS(server.ClientTLS())), address)
	}
}

func old(c *tls.Config) *tls.Config {
	c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	return c
}

// call requests the health of a service, which every port answers.
func call(t *testing.T, address string, transport grpccredentials.TransportCredentials) error {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(transport))
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err = grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err == nil {
		return nil
	}
	_, listed := workflowservice.NewWorkflowServiceClient(conn).ListNamespaces(ctx,
		&workflowservice.ListNamespacesRequest{})
	if listed == nil {
		return nil
	}
	return err
}
