package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

func removePerson(s *service) {
	add(s, operation{id: "remove-person", method: http.MethodDelete, path: "/api/v1/people/{id}", tag: tagAccess,
		role: access.Admin, everywhere: true, summary: "Remove a person",
		description: "With passkeys, sessions and invitations. The audit trail keeps the name.",
		status:      http.StatusNoContent},
		func(ctx context.Context, in *NamedActor) (*struct{}, error) {
			return nil, s.Access.RemovePerson(ctx, in.ID)
		})
}
