package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// TestARunIsFoundByItsID checks that the run ID, which is all that a caller has, finds the run in Temporal's lists and
// its page.
func TestARunIsFoundByItsID(t *testing.T) {
	t.Parallel()
	f := shared.async(t, "found-by-id", "nodes: [ { key: out, type: output, config: { value: 1 } } ]")
	got := f.post(t, "")
	f.ended(t, got.run)
	query := fmt.Sprintf("%s = '%s'", workflows.AttributeRun.GetName(), got.run)
	require.Eventually(t, func() bool {
		count, err := f.product.Temporal().CountWorkflow(t.Context(),
			&workflowservice.CountWorkflowExecutionsRequest{Query: query})
		return err == nil && count.GetCount() == 1
	}, patience, 20*time.Millisecond)
	require.Equal(t, got.run, f.show(t, got.run).ID)
	runs := runs.NewOperator(f.product.Temporal(), nodes.Standard(), true)
	flow, err := runs.Find(t.Context(), nil, got.run)
	require.NoError(t, err)
	require.Equal(t, f.key, flow)
	_, err = runs.Find(t.Context(), []string{f.key}, "aaaaaaaaaaaaaaaaaaaaaaaaaa")
	require.ErrorIs(t, err, everhook.ErrNoRun)
}
