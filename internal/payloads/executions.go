package payloads

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// temporal implements Executions on a Temporal server.
type temporal struct {
	client    client.Client
	namespace string
}

// NewExecutions returns the executions of a namespace.
func NewExecutions(c client.Client, namespace string) Executions { return temporal{c, namespace} }

// Root reads the server's own record, which never lags.
func (t temporal) Root(ctx context.Context, workflow string) (string, bool, error) {
	description, err := t.client.DescribeWorkflowExecution(ctx, workflow, "")
	if _, missing := errors.AsType[*serviceerror.NotFound](err); missing {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	info := description.GetWorkflowExecutionInfo()
	for _, above := range []string{info.GetRootExecution().GetWorkflowId(), info.GetParentExecution().GetWorkflowId()} {
		if above != "" {
			return above, true, nil
		}
	}
	return workflow, true, nil
}

// Related reads the visibility store, which may be seconds behind. An execution that was just started belongs to a
// family with older executions.
func (t temporal) Related(ctx context.Context, workflow, root string) (bool, error) {
	if strings.ContainsAny(workflow+root, `'"\`) {
		return true, nil // No run has such an ID, and the query could not contain it.
	}
	return t.any(ctx, fmt.Sprintf("WorkflowId = '%s' OR WorkflowId = '%s' OR RootWorkflowId = '%s'", workflow, root,
		root))
}

// StartedBefore reads the visibility store.
func (t temporal) StartedBefore(ctx context.Context, before time.Time) (bool, error) {
	return t.any(ctx, fmt.Sprintf("StartTime < '%s'", before.UTC().Format(time.RFC3339)))
}

func (t temporal) any(ctx context.Context, query string) (bool, error) {
	found, err := t.client.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: t.namespace,
		Query: query})
	return found.GetCount() > 0, err
}
