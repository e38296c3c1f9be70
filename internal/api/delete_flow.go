package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/store"
)

func deleteFlow(s *service) {
	add(s, operation{id: "delete-flow", method: http.MethodDelete, path: "/api/v1/flows/{key}", tag: tagFlows,
		role: access.Admin, summary: "Delete a flow", timeout: actTimeout, status: http.StatusNoContent,
		description: "Its versions, draft and counters go with it, and its URL works no more. Its runs stay.",
		refusals:    []int{http.StatusPreconditionFailed}},
		func(ctx context.Context, in *changeFlowInput) (*struct{}, error) {
			if err := s.may(ctx, access.Admin, in.Key); err != nil {
				return nil, err
			}
			when, err := in.when(ctx)
			if err != nil {
				return nil, err
			}
			err = s.Store.Delete(ctx, in.Key, when...)
			if errors.Is(err, store.ErrNotFound) && changedBefore(ctx) {
				err = nil
			}
			if err != nil {
				return nil, err
			}
			return nil, s.Deployment.Await(ctx)
		})
}
