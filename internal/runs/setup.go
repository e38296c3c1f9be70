package runs

import (
	"context"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/everhook/everhook/workflows"
)

// IndexedTypes returns the search attributes with their types, as they must be registered in Temporal.
func IndexedTypes() map[string]enumspb.IndexedValueType {
	types := map[string]enumspb.IndexedValueType{}
	for _, attribute := range workflows.SearchAttributes() {
		types[attribute.GetName()] = attribute.GetValueType()
	}
	return types
}

// RegisterSearchAttributes adds the search attributes that a namespace lacks, and returns when the server accepts them.
// If it returns an error, runs can be started without search attributes.
func RegisterSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	operator := c.OperatorService()
	known, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("list search attributes: %w", err)
	}
	missing := map[string]enumspb.IndexedValueType{}
	for name, typ := range IndexedTypes() {
		switch have, ok := known.GetCustomAttributes()[name]; {
		case !ok:
			missing[name] = typ
		case have != typ:
			return fmt.Errorf("the search attribute %s exists with type %s, and %s is needed", name, have, typ)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if _, err := operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace,
		SearchAttributes: missing}); err != nil {
		return fmt.Errorf("add search attributes: %w", err)
	}
	return awaitSearchAttributes(ctx, c, namespace)
}

// attributeProbe is the pause between two probes for new search attributes.
const attributeProbe = 100 * time.Millisecond

// awaitSearchAttributes queries runs by the search attributes until the server accepts the query: the server refreshes
// its data about a namespace every few seconds, and refuses to start runs until then.
func awaitSearchAttributes(ctx context.Context, c client.Client, namespace string) error {
	var terms []string
	for _, attribute := range workflows.SearchAttributes() {
		terms = append(terms, attribute.GetName()+" = 'none'")
	}
	request := &workflowservice.CountWorkflowExecutionsRequest{Namespace: namespace, Query: strings.Join(terms, " OR ")}
	for {
		_, err := c.CountWorkflow(ctx, request)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server does not know the search attributes that were added: %w", err)
		case <-time.After(attributeProbe):
		}
	}
}
