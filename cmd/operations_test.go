package cmd

import (
	"os"
	"regexp"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

func TestThePageOfOperationsNamesOnlyExistingFlags(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/operations.md")
	require.NoError(t, err)
	parser, err := kong.New(&commands{}, kong.Name("everhook"))
	require.NoError(t, err)
	known := map[string]bool{}
	for _, leaf := range parser.Model.Leaves(true) {
		known[leaf.FullPath()] = true
		for _, flag := range leaf.Flags {
			known["--"+flag.Name] = true
		}
	}
	mentioned := regexp.MustCompile("--[a-z][a-z-]+|`(everhook (?:run |flow |inbox )?[a-z]+)").
		FindAllStringSubmatch(string(page), -1)
	require.NotEmpty(t, mentioned)
	for _, match := range mentioned {
		name := match[0]
		if match[1] != "" {
			name = match[1]
		}
		require.True(t, known[name] || name == "--help", name)
	}
}
