package workflows_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// histories are the recorded runs of testdata/histories. `go test ./internal/integration -update` records them anew under new names; none is ever removed or changed,
// because runs like them are still going on somewhere.
var histories = []string{
	"answer-broken-body-1",
	"answer-empty-1",
	"answer-error-1",
	"answer-failed-1",
	"answer-late-1",
	"answer-nothing-1",
	"answer-output-1",
	"answer-parallel-1",
	"answer-rejected-1",
	"answer-timeout-1",
	"answer-twice-1",
	"callback-1",
	"cancelled-after-answer-1",
	"cancelled-request-1",
	"caught-failures-1",
	"condition-response-1",
	"condition-response-traced-1",
	"early-answer-1",
	"endless-expression-1",
	"github-push-1",
	"http-request-1",
	"http-request-traced-1",
	"invoice-reminder-1",
	"kept-1",
	"long-loop-1",
	"losing-branches-1",
	"operator-cancels-1",
	"operator-terminates-1",
	"order-intake-1",
	"order-total-1",
	"payment-callback-1",
	"response-json-1",
	"response-text-1",
	"response-without-caller-1",
	"secrets-1",
	"tried-again-1",
	"wait-passes-1",
}

func TestEveryRecordedHistoryReplays(t *testing.T) {
	t.Parallel()
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{DataConverter: workflows.DataConverter()})
	require.NoError(t, err)
	workflows.NewInterpreter(nodes.Standard()).Register(replayer)
	for _, name := range histories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join("testdata", "histories", name+".json")
			require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(log.NewStructuredLogger(slog.New(slog.DiscardHandler)), file))
		})
	}
}

func TestNoRecordedHistoryIsForgotten(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir(filepath.Join("testdata", "histories"))
	require.NoError(t, err)
	require.NotEmpty(t, entries)
	recorded := make([]string, len(entries))
	for i, entry := range entries {
		recorded[i] = entry.Name()
	}
	listed := make([]string, len(histories))
	for i, name := range histories {
		listed[i] = name + ".json"
	}
	slices.Sort(listed)
	require.Equal(t, listed, recorded, "list the new histories in this file")
}
