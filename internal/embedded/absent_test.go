//go:build noembedded

package embedded

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABinaryWithoutTheServerSaysSo(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{Directory: t.TempDir()})
	require.ErrorContains(t, err, "built without the embedded Temporal server: pass --temporal-address")
	_, err = Start(t.Context(), Options{})
	require.ErrorContains(t, err, "name one")
}
