package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

// PersonList are all people by name.
type PersonList struct {
	People []access.Person `json:"people"`
}

func listPeople(s *service) {
	add(s, operation{id: "list-people", method: http.MethodGet, path: "/api/v1/people", tag: tagAccess,
		role: access.Admin, everywhere: true, summary: "List the people"},
		func(ctx context.Context, _ *struct{}) (*reply[PersonList], error) {
			people, err := s.Access.People(ctx)
			if err != nil {
				return nil, err
			}
			return answer(PersonList{append([]access.Person{}, people...)}), nil
		})
}
