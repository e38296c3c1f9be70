package workflows_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// recorded lists the histories in testdata/histories, one a line: the name, then the versions of Go, the expression
// library and the Temporal SDK that it was recorded with. `go test ./internal/integration -update` records histories
// and adds lines. After the first release no history is removed or changed: runs like it may still be under way.
const recorded = "testdata/recorded.txt"

func histories(t *testing.T) (names []string) {
	t.Helper()
	text, err := os.ReadFile(recorded)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		require.Len(t, fields, 4, line)
		for i, made := range []string{"go1.", "expr@v", "sdk@v"} {
			require.Contains(t, fields[i+1], made, line)
		}
		names = append(names, fields[0])
	}
	return names
}

func TestEveryRecordedHistoryReplays(t *testing.T) {
	t.Parallel()
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter: workflows.DataConverter()})
	require.NoError(t, err)
	workflows.NewInterpreter(compile.NewVersions(nodes.Standard())).Keeping(alwaysPacking()).Register(replayer)
	for _, name := range histories(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join("testdata", "histories", name+".json")
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(log.NewStructuredLogger(
				slog.New(slog.DiscardHandler)), file))
		})
	}
}

func TestEveryRecordedHistoryIsListed(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(filepath.Join("testdata", "histories"))
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	var files []string
	for _, entry := range entries {
		files = append(files, entry.Name())
	}
	var listed []string
	for _, name := range histories(t) {
		listed = append(listed, name+".json")
	}
	require.ElementsMatch(t, listed, files, "list the new histories in "+recorded)
}
