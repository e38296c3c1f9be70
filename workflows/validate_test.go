package workflows_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"

	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/nodes/trigger"
	"github.com/everhook/everhook/workflows"
)

// The kinds of a release whose checks refuse every flow.
type (
	refusedCondition       struct{ nodes.Condition }
	refusedMultiConditions struct{ nodes.MultiConditions }
	refusedLoop            struct{ nodes.Loop }
	refusedParallel        struct{ nodes.Parallel }
	refusedSubflow         struct{ nodes.Subflow }
	refusedVariable        struct{ nodes.Variable }
	refusedOutput          struct{ nodes.Output }
	refusedJSONMapping     struct{ nodes.JSONMapping }
	refusedDelay           struct{ nodes.Delay }
	refusedEndRun          struct{ nodes.EndRun }
	refusedCalculation     struct{ nodes.Calculation }
	refusedDateCalculation struct{ nodes.DateCalculation }
	refusedJSONQuery       struct{ nodes.JSONQuery }
	refusedWaitForCall     struct{ nodes.WaitForCall }
	refusedHTTPRequest     struct{ nodes.HTTPRequest }
	refusedResponse        struct{ nodes.Response }
	refusedWebhook         struct{ trigger.Webhook }
	refusedCall            struct{ trigger.Call }
)

func refuse(v *kind.Validation) { v.Error("", "this release takes no such node", "remove it") }

func (*refusedCondition) Validate(v *kind.Validation)       { refuse(v) }
func (*refusedMultiConditions) Validate(v *kind.Validation) { refuse(v) }
func (*refusedLoop) Validate(v *kind.Validation)            { refuse(v) }
func (*refusedParallel) Validate(v *kind.Validation)        { refuse(v) }
func (*refusedSubflow) Validate(v *kind.Validation)         { refuse(v) }
func (*refusedVariable) Validate(v *kind.Validation)        { refuse(v) }
func (*refusedOutput) Validate(v *kind.Validation)          { refuse(v) }
func (*refusedJSONMapping) Validate(v *kind.Validation)     { refuse(v) }
func (*refusedDelay) Validate(v *kind.Validation)           { refuse(v) }
func (*refusedEndRun) Validate(v *kind.Validation)          { refuse(v) }
func (*refusedCalculation) Validate(v *kind.Validation)     { refuse(v) }
func (*refusedDateCalculation) Validate(v *kind.Validation) { refuse(v) }
func (*refusedJSONQuery) Validate(v *kind.Validation)       { refuse(v) }
func (*refusedWaitForCall) Validate(v *kind.Validation)     { refuse(v) }
func (*refusedHTTPRequest) Validate(v *kind.Validation)     { refuse(v) }
func (*refusedResponse) Validate(v *kind.Validation)        { refuse(v) }
func (*refusedWebhook) Validate(v *kind.Validation)         { refuse(v) }
func (*refusedCall) Validate(v *kind.Validation)            { refuse(v) }

// TestChecksOfALaterReleaseDoNotStopRuns replays every recorded history with kinds whose checks refuse every flow.
func TestChecksOfALaterReleaseDoNotStopRuns(t *testing.T) {
	t.Parallel()
	r := kind.NewRegistry()
	kind.Add[refusedCondition](r)
	kind.Add[refusedMultiConditions](r)
	kind.Add[refusedLoop](r)
	kind.Add[refusedParallel](r)
	kind.Add[refusedSubflow](r)
	kind.Add[refusedVariable](r)
	kind.Add[refusedOutput](r)
	kind.Add[refusedJSONMapping](r)
	kind.Add[refusedDelay](r)
	kind.Add[refusedEndRun](r)
	kind.Add[refusedCalculation](r)
	kind.Add[refusedDateCalculation](r)
	kind.Add[refusedJSONQuery](r)
	kind.Add[refusedWaitForCall](r)
	kind.Add[refusedHTTPRequest](r)
	kind.Add[refusedResponse](r)
	kind.AddTrigger[refusedWebhook](r)
	kind.AddTrigger[refusedCall](r)
	require.ElementsMatch(t, nodes.Standard().Names(), r.Names(), "add the new kind to this test")
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		DataConverter: workflows.DataConverter()})
	require.NoError(t, err)
	workflows.NewInterpreter(compile.NewVersions(r)).Register(replayer)
	for _, name := range histories(t) {
		file := filepath.Join("testdata", "histories", name+".json")
		require.NoError(t, replayer.ReplayWorkflowHistoryFromJSONFile(log.NewStructuredLogger(
			slog.New(slog.DiscardHandler)), file), name)
	}
}
