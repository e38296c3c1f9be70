package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

// Labels are words to group flows by.
type Labels struct {
	Labels []string `json:"labels" doc:"The labels, in place of those that the flow has."`
}

type labelFlowInput struct {
	NamedFlow
	Conditional
	Body Labels
}

func labelFlow(s *service) {
	add(s, operation{id: "label-flow", method: http.MethodPut, path: "/api/v1/flows/{key}/labels", tag: tagFlows,
		role: access.Editor, everywhere: true, summary: "Set the labels of a flow",
		description: "Rights can be limited to labels, so that an actor with such a limit cannot set them.",
		refusals:    []int{http.StatusPreconditionFailed}},
		func(ctx context.Context, in *labelFlowInput) (*flowOutput, error) {
			when, err := in.revision(ctx)
			if err != nil {
				return nil, err
			}
			if err := s.Store.SetLabels(ctx, in.Key, in.Body.Labels, when...); err != nil {
				return nil, err
			}
			return s.served(ctx, in.Key)
		})
}
