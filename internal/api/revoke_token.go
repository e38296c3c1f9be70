package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

// NamedActor is the parameter that names a token, a person or a session.
type NamedActor struct {
	ID string `path:"id" maxLength:"40" doc:"The ID, as the list shows it."`
}

func revokeToken(s *service) {
	add(s, operation{id: "revoke-token", method: http.MethodDelete, path: "/api/v1/tokens/{id}", tag: tagAccess,
		role: access.Admin, everywhere: true, summary: "Revoke a token",
		description: "It is refused at once, and its sessions end. It stays in the list.",
		status:      http.StatusNoContent},
		func(ctx context.Context, in *NamedActor) (*struct{}, error) {
			return nil, s.Access.RevokeToken(ctx, in.ID)
		})
}
