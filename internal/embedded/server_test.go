//go:build !noembedded

package embedded

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAServerStartsAndStops(t *testing.T) {
	began := time.Now()
	s, err := Start(t.Context(), Options{Directory: t.TempDir(), UI: true})
	require.NoError(t, err)
	t.Log("start", time.Since(began), s.Address())
	began = time.Now()
	require.NoError(t, s.Stop(context.Background()))
	t.Log("stop", time.Since(began))
}
