package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

// PersonChange says what to change of a person.
type PersonChange struct {
	Name     *string   `json:"name,omitempty" maxLength:"100" doc:"The new name."`
	Role     *string   `json:"role,omitempty" doc:"The new role: viewer, operator, editor or admin."`
	Labels   *[]string `json:"labels,omitempty" doc:"The new labels; an empty list ends the limit to some flows."`
	Disabled *bool     `json:"disabled,omitempty" doc:"Whether the person may not sign in."`
}

type changePersonInput struct {
	NamedActor
	Body PersonChange
}

func changePerson(s *service) {
	add(s, operation{id: "change-person", method: http.MethodPut, path: "/api/v1/people/{id}", tag: tagAccess,
		role: access.Admin, everywhere: true, summary: "Change the rights of a person",
		description: "Fields that are left out stay. The change holds at once, also for open sessions."},
		func(ctx context.Context, in *changePersonInput) (*reply[access.Person], error) {
			person, err := s.Access.ChangePerson(ctx, in.ID, access.PersonChange{Name: in.Body.Name,
				Role: (*access.Role)(in.Body.Role), Labels: in.Body.Labels, Disabled: in.Body.Disabled})
			if err != nil {
				return nil, err
			}
			return answer(person), nil
		})
}
