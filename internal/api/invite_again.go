package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

func inviteAgain(s *service) {
	add(s, operation{id: "invite-again", method: http.MethodPost, path: "/api/v1/people/{id}/invitation",
		tag: tagAccess, role: access.Admin, everywhere: true, confidential: true,
		summary: "Make a new link for a person",
		description: "For example after a lost passkey. Earlier links end. Once the link is used, it replaces the " +
			"person's password and passkeys, and ends the sessions.", status: http.StatusCreated},
		func(ctx context.Context, in *NamedActor) (*reply[Invitation], error) {
			return s.invitation(s.Access.InviteAgain(ctx, in.ID))
		})
}
