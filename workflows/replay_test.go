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

// histories are the recorded runs of testdata/histories. `go test ./internal/integration -update` records them anew
// under new names; none is ever removed or changed, because runs like them are still going on somewhere.
var histories = []string{
	"answer-broken-body-1",
	"answer-broken-body-2",
	"answer-empty-1",
	"answer-empty-2",
	"answer-error-1",
	"answer-error-2",
	"answer-failed-1",
	"answer-failed-2",
	"answer-late-1",
	"answer-late-2",
	"answer-nothing-1",
	"answer-nothing-2",
	"answer-output-1",
	"answer-output-2",
	"answer-parallel-1",
	"answer-parallel-2",
	"answer-rejected-1",
	"answer-rejected-2",
	"answer-timeout-1",
	"answer-timeout-2",
	"answer-twice-1",
	"answer-twice-2",
	"callback-1",
	"callback-2",
	"cancelled-after-answer-1",
	"cancelled-after-answer-2",
	"cancelled-request-1",
	"cancelled-request-2",
	"caught-failures-1",
	"caught-failures-2",
	"condition-response-1",
	"condition-response-2",
	"condition-response-traced-1",
	"condition-response-traced-2",
	"early-answer-1",
	"early-answer-2",
	"endless-expression-1",
	"endless-expression-2",
	"github-push-1",
	"github-push-2",
	"handed-over-1",
	"handed-over-answer-1",
	"handed-over-loop-1",
	"handed-over-loop-2",
	"handed-over-loop-3",
	"http-request-1",
	"http-request-2",
	"http-request-traced-1",
	"http-request-traced-2",
	"invoice-reminder-1",
	"invoice-reminder-2",
	"json-query-1",
	"json-query-after-answer-1",
	"kept-1",
	"kept-2",
	"long-loop-1",
	"long-loop-2",
	"losing-branches-1",
	"losing-branches-2",
	"operator-cancels-1",
	"operator-cancels-2",
	"operator-terminates-1",
	"operator-terminates-2",
	"order-intake-1",
	"order-intake-2",
	"order-return-1",
	"order-total-1",
	"order-total-2",
	"payment-callback-1",
	"payment-callback-2",
	"response-json-1",
	"response-json-2",
	"response-text-1",
	"response-text-2",
	"response-without-caller-1",
	"response-without-caller-2",
	"retried-from-node-1",
	"secrets-1",
	"secrets-2",
	"slack-event-1",
	"stripe-payment-1",
	"subflow-1",
	"subflow-aborted-1",
	"subflow-below-aborted-1",
	"subflow-below-cancelled-1",
	"subflow-called-1",
	"subflow-cancelled-1",
	"subflow-middle-aborted-1",
	"subflow-middle-cancelled-1",
	"subflow-without-wait-1",
	"translation-1",
	"tried-again-1",
	"tried-again-2",
	"wait-passes-1",
	"wait-passes-2",
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
