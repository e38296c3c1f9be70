package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

func getDraft(s *service) {
	add(s, operation{id: "get-draft", method: http.MethodGet, path: "/api/v1/flows/{key}/draft", tag: tagDrafts,
		role: access.Viewer, summary: "Show the draft of a flow"},
		func(ctx context.Context, in *NamedFlow) (*draftOutput, error) {
			if err := s.may(ctx, access.Viewer, in.Key); err != nil {
				return nil, err
			}
			return s.draftOf(s.Store.Draft(ctx, in.Key))
		})
}
