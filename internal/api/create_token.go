package api

import (
	"context"
	"net/http"
	"time"

	"github.com/everhook/everhook/internal/access"
)

// defaultExpiry is how long a token is valid unless the request says otherwise.
const defaultExpiry = 90 * 24 * time.Hour

// NewToken describes a token to make.
type NewToken struct {
	Name    string    `json:"name" maxLength:"100" doc:"The name of the token, unlike those of the other valid ones."`
	Role    string    `json:"role" doc:"What it may do: caller, viewer, operator, editor or admin."`
	Labels  []string  `json:"labels,omitempty" doc:"Limits the token to flows with one of these labels."`
	Flows   []string  `json:"flows,omitempty" doc:"The keys of the flows that a caller may start."`
	Expires time.Time `json:"expires,omitzero" doc:"The end of the token. Default: in 90 days."`
	Forever bool      `json:"forever,omitempty" doc:"Makes a token that does not expire."`
}

// CreatedToken is a new token with its text.
type CreatedToken struct {
	access.Token
	// Secret is the text of the token. It is shown only in this answer.
	Secret string `json:"secret"`
}

type createTokenInput struct{ Body NewToken }

func createToken(s *service) {
	add(s, operation{id: "create-token", method: http.MethodPost, path: "/api/v1/tokens", tag: tagAccess,
		role: access.Admin, everywhere: true, confidential: true, summary: "Make a token",
		description: "Its text is in the answer, and nowhere else. The name keeps a repeated request from making two.",
		status:      http.StatusCreated},
		func(ctx context.Context, in *createTokenInput) (*reply[CreatedToken], error) {
			expires := in.Body.Expires
			switch {
			case in.Body.Forever && !expires.IsZero():
				return nil, wrongf("/body/expires", "excludes forever; keep one of them")
			case !in.Body.Forever && expires.IsZero():
				expires = time.Now().Add(defaultExpiry)
			}
			token, secret, err := s.Access.CreateToken(ctx, access.NewToken{Name: in.Body.Name,
				Role: access.Role(in.Body.Role), Labels: in.Body.Labels, Flows: in.Body.Flows, Expires: expires})
			if err != nil {
				return nil, err
			}
			return answer(CreatedToken{token, secret}), nil
		})
}
