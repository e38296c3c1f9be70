package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

type changeFlowInput struct {
	NamedFlow
	Conditional
}

func disableFlow(s *service) {
	add(s, operation{id: "disable-flow", method: http.MethodPost, path: "/api/v1/flows/{key}/disable", tag: tagFlows,
		role: access.Editor, summary: "Disable a flow", timeout: actTimeout,
		description: "Its trigger starts no more runs. Runs that go on do not end.",
		refusals:    []int{http.StatusPreconditionFailed}},
		func(ctx context.Context, in *changeFlowInput) (*flowOutput, error) {
			if err := s.may(ctx, access.Editor, in.Key); err != nil {
				return nil, err
			}
			when, err := in.when(ctx)
			if err != nil {
				return nil, err
			}
			if err := s.Store.Disable(ctx, in.Key, when...); err != nil {
				return nil, err
			}
			return s.served(ctx, in.Key)
		})
}
