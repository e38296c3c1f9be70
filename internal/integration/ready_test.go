package integration

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/server"
)

func TestNothingIsServedBeforeTheFlowsAreThere(t *testing.T) {
	t.Parallel()
	definition := load(t, "key: early\nmode: async\ntrigger: { type: webhook, token: early-token }\nnodes: []\n")
	p := start(t, config{prepare: func(ctx context.Context, s *server.Server) error {
		for _, base := range []string{s.BaseURL(), s.AdminURL()} {
			asking, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
			_, err := call(asking, http.MethodGet, base+"/readyz", nil)
			cancel()
			assert.ErrorIs(t, err, context.DeadlineExceeded, "it waits")
		}
		_, err := s.Catalog().Apply(ctx, definition, "test")
		return err
	}})
	require.Equal(t, http.StatusOK, get(t, p.BaseURL()+"/readyz").status)
	got, err := call(t.Context(), http.MethodPost, p.BaseURL()+"/api/webhook:trigger/early-token", nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, got.status)
}
