package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/assist"
)

// NameList is what can be named at a place of a draft.
type NameList struct {
	// Groups are the names by where they come from.
	Groups []assist.NameGroup `json:"groups"`
	// SecretsSet are the names of the secrets that this server has.
	SecretsSet []string `json:"secretsSet"`
}

type listNamesInput struct {
	NamedFlow
	Pointer string `query:"pointer" maxLength:"2000" doc:"The JSON pointer of the field. The draft need not have it yet."`
}

func listNames(s *service) {
	add(s, operation{id: "list-names", method: http.MethodGet, path: "/api/v1/flows/{key}/draft/names",
		tag: tagDrafts, role: access.Viewer, summary: "List what can be named at a place of a draft",
		description: "Each value has the text that names it. Values that cannot be named there have the reason."},
		func(ctx context.Context, in *listNamesInput) (*reply[NameList], error) {
			place, err := s.placeIn(ctx, in.Key, in.Pointer)
			if err != nil {
				return nil, err
			}
			list := NameList{Groups: assist.Names(place), SecretsSet: []string{}}
			if s.Secrets != nil {
				list.SecretsSet = slices.Concat(list.SecretsSet, s.Secrets())
			}
			return answer(list), nil
		})
}
