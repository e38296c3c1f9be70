package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

// SessionList are open sessions, the latest first.
type SessionList struct {
	Sessions []access.Session `json:"sessions"`
}

type listSessionsInput struct {
	All bool `query:"all" doc:"The sessions of all, which needs the role admin. Default: those of the actor."`
}

func listSessions(s *service) {
	add(s, operation{id: "list-sessions", method: http.MethodGet, path: "/api/v1/sessions", tag: tagAccess,
		role: access.Viewer, summary: "List open sessions", description: "At most 1,000."},
		func(ctx context.Context, in *listSessionsInput) (*reply[SessionList], error) {
			sessions, err := s.Access.Sessions(ctx, in.All)
			if err != nil {
				return nil, err
			}
			return answer(SessionList{append([]access.Session{}, sessions...)}), nil
		})
}
