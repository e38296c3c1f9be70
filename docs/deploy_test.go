package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestThePageOfDeployingNamesOnlyFlagsThatThereAre asks each command that the page shows for its flags.
func TestThePageOfDeployingNamesOnlyFlagsThatThereAre(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "everhook")
	built, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "noembedded", "-o", binary,
		"../cmd/everhook").CombinedOutput()
	require.NoError(t, err, string(built))
	page, err := os.ReadFile("deploy.md")
	require.NoError(t, err)
	text := strings.ReplaceAll(string(page), "\\\n", "")
	shown := regexp.MustCompile(`(?m)^ *everhook ([a-z]+(?: (?:apply|create))?)(.*)$`).FindAllStringSubmatch(text, -1)
	require.NotEmpty(t, shown)
	flag := regexp.MustCompile(`--[a-z-]+`)
	for _, command := range shown {
		help, err := exec.CommandContext(t.Context(), binary,
			append(strings.Fields(command[1]), "--help")...).CombinedOutput()
		require.NoError(t, err, string(help))
		for _, name := range flag.FindAllString(command[2], -1) {
			require.Regexp(t, regexp.QuoteMeta(name)+`\b`, string(help), command[0])
		}
	}
}
