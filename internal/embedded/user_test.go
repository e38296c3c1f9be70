//go:build !noembedded

package embedded

import (
	"errors"
	"os"
	"os/user"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAUserWithoutANameGetsOne(t *testing.T) {
	unknown := func(string) (*user.User, error) { return nil, errors.New("unknown userid 65532") }
	known := func(string) (*user.User, error) { return &user.User{Username: "root"}, nil }
	t.Setenv("USER", "")
	t.Setenv("HOME", "/home")
	nameUser(known, "/data")
	require.Empty(t, os.Getenv("USER"))
	nameUser(unknown, "/data")
	require.Equal(t, "everhook", os.Getenv("USER"))
	require.Equal(t, "/home", os.Getenv("HOME"), "what is set stays")
	t.Setenv("HOME", "")
	nameUser(unknown, "/data")
	require.Equal(t, "/data", os.Getenv("HOME"))
}
