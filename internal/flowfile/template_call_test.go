package flowfile_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/trigger"
)

func TestTheTemplateOfACalledFlowLoadsWithoutAProblem(t *testing.T) {
	t.Parallel()
	for _, mode := range []everhook.Mode{everhook.Sync, everhook.Async} {
		flow, problems := flowfile.Load("new.yaml", []byte(flowfile.CallTemplate("cost", mode)), nodes.Standard())
		require.Empty(t, problems)
		require.Equal(t, mode, flow.Definition.Mode)
		require.IsType(t, &trigger.Call{}, flow.Trigger)
	}
}
