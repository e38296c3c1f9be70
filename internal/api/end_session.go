package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

func endSession(s *service) {
	add(s, operation{id: "end-session", method: http.MethodDelete, path: "/api/v1/sessions/{id}", tag: tagAccess,
		role: access.Viewer, summary: "End a session",
		description: "Others than one's own need the role admin.", status: http.StatusNoContent},
		func(ctx context.Context, in *NamedActor) (*struct{}, error) {
			return nil, s.Access.EndSession(ctx, in.ID)
		})
}
