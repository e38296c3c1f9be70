package cmd

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/nodes/kind"
)

// The statuses are those of the table in docs/api.md.
func TestExitStatusesAreAsDocumented(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(server.Close)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for status, command := range map[int]struct {
		ctx  context.Context
		args []string
	}{
		0:                 {t.Context(), []string{"version"}},
		1:                 {t.Context(), []string{"run", "list", "--server", server.URL}},
		statusUsage:       {t.Context(), []string{"run", "lisst"}},
		statusInterrupted: {ended, []string{"run", "list", "--server", server.URL}},
	} {
		var out, errs strings.Builder
		require.Equal(t, status, run(command.ctx, kind.NewRegistry(), command.args,
			streams{strings.NewReader(""), &out, &errs}), command.args)
	}
	page, err := os.ReadFile("../docs/api.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(page), "## Exit statuses")
	require.True(t, found)
	var documented []string
	for _, row := range regexp.MustCompile(`(?m)^\| ([0-9]+) \|`).FindAllStringSubmatch(table, -1) {
		documented = append(documented, row[1])
	}
	require.Equal(t, []string{"0", "1", strconv.Itoa(statusUsage), strconv.Itoa(statusInterrupted)}, documented)
}
