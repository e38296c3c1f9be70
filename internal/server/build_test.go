package server

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABuildHasOneName(t *testing.T) {
	name := buildName()
	require.Regexp(t, "^[0-9a-f]{32}$", name)
	require.Equal(t, name, buildName())
}
