package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

// TokenList are all tokens, the latest first.
type TokenList struct {
	Tokens []access.Token `json:"tokens"`
}

func listTokens(s *service) {
	add(s, operation{id: "list-tokens", method: http.MethodGet, path: "/api/v1/tokens", tag: tagAccess,
		role: access.Admin, everywhere: true, summary: "List the tokens",
		description: "The latest first, also revoked and expired ones. The last use is told to the minute."},
		func(ctx context.Context, _ *struct{}) (*reply[TokenList], error) {
			tokens, err := s.Access.Tokens(ctx)
			if err != nil {
				return nil, err
			}
			return answer(TokenList{append([]access.Token{}, tokens...)}), nil
		})
}
