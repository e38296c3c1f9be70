package apiclient_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheClientIsThatOfTheDocument generates the client again, beside the one that there is.
func TestTheClientIsThatOfTheDocument(t *testing.T) {
	t.Parallel()
	generated := filepath.Join(t.TempDir(), "client.gen.go")
	doc, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	var arguments []string
	for line := range strings.Lines(string(doc)) {
		line = strings.TrimPrefix(line, "//go:generate -command")
		if words := strings.Fields(strings.Replace(line, "client.gen.go", generated, 1)); len(words) > 1 &&
			(words[0] == "oapi-codegen" || words[1] == "oapi-codegen") {
			arguments = append(arguments, words[2:]...)
		}
	}
	output, err := exec.CommandContext(t.Context(), "go", arguments...).CombinedOutput()
	require.NoError(t, err, string(output))
	want, err := os.ReadFile(generated)
	require.NoError(t, err)
	got, err := os.ReadFile("client.gen.go")
	require.NoError(t, err)
	require.True(t, string(want) == string(got), "the API has changed: run `go generate ./internal/apiclient`")
}
