package api

import (
	"context"
	"net/http"
	"time"

	"github.com/everhook/everhook/internal/access"
)

// NewPerson describes a person to invite.
type NewPerson struct {
	Name   string   `json:"name" maxLength:"100" doc:"The name of the person."`
	Email  string   `json:"email" maxLength:"254" doc:"The email address by which the person signs in."`
	Role   string   `json:"role" doc:"What the person may do: viewer, operator, editor or admin."`
	Labels []string `json:"labels,omitempty" doc:"Limits the person to flows with one of these labels."`
}

// Invitation is an invitation with its link.
type Invitation struct {
	Person access.Person `json:"person"`
	// Link is the address that the person opens, or its path on the admin address without --admin-url. It is shown
	// only in this answer.
	Link string `json:"link"`
	// Expires is the end of the link, which works once.
	Expires time.Time `json:"expires"`
}

type invitePersonInput struct{ Body NewPerson }

func invitePerson(s *service) {
	add(s, operation{id: "invite-person", method: http.MethodPost, path: "/api/v1/people", tag: tagAccess,
		role: access.Admin, everywhere: true, confidential: true, summary: "Invite a person",
		description: "The person opens the link and chooses a passkey or a password.", status: http.StatusCreated},
		func(ctx context.Context, in *invitePersonInput) (*reply[Invitation], error) {
			return s.invitation(s.Access.Invite(ctx, access.NewPerson{Name: in.Body.Name, Email: in.Body.Email,
				Role: access.Role(in.Body.Role), Labels: in.Body.Labels}))
		})
}

func (s *service) invitation(invited access.Invited, err error) (*reply[Invitation], error) {
	if err != nil {
		return nil, err
	}
	return answer(Invitation{invited.Person, s.Access.AdminURL + invited.Path, invited.Expires}), nil
}
