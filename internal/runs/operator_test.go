package runs

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/kind"
)

// retrying is a kind of another module that has a branch.
type retrying struct{}

func (*retrying) Spec() kind.Spec {
	return kind.Spec{Kind: "retrying", Branches: []kind.BranchSpec{{Name: "try"}}}
}

func (*retrying) Validate(*kind.Validation) {}

func (*retrying) Execute(kind.Run) (kind.Result, error) { return kind.Result{}, nil }

func TestARunIsAtStepsThatContainNoOthers(t *testing.T) {
	t.Parallel()
	registry := nodes.Standard()
	kind.Add[retrying](registry)
	var steps []everhook.Step
	for _, step := range []everhook.Step{
		{Kind: "calculation", Status: everhook.Resolved}, {Kind: "loop", Status: everhook.Pending},
		{Kind: "parallel", Status: everhook.Pending}, {Kind: "retrying", Status: everhook.Pending},
		{Kind: "delay", Status: everhook.Pending}, {Kind: "gone", Status: everhook.Pending},
		{Kind: "delay", Status: everhook.Cancelled},
	} {
		step.Number = len(steps) + 1
		steps = append(steps, step)
	}
	require.Equal(t, []int{6, 5}, NewOperator(nil, registry, true).at(steps))
}
