package api

import (
	"context"
	"net/http"
	"time"

	"github.com/everhook/everhook/internal/access"
)

// Rotation says how a token is replaced.
type Rotation struct {
	GraceSeconds int `json:"graceSeconds,omitempty" minimum:"0" maximum:"2592000" doc:"How long the old URL works, at most 30 days. Default: it stops at once."`
}

type rotateTokenInput struct {
	NamedFlow
	Conditional
	Body *Rotation
}

func rotateToken(s *service) {
	add(s, operation{id: "rotate-token", method: http.MethodPost, path: "/api/v1/flows/{key}/rotate-token",
		tag: tagFlows, role: access.Editor, summary: "Give a flow a new webhook URL",
		refusals: []int{http.StatusPreconditionFailed}},
		func(ctx context.Context, in *rotateTokenInput) (*flowOutput, error) {
			if err := s.may(ctx, access.Editor, in.Key); err != nil {
				return nil, err
			}
			when, err := in.revision(ctx)
			if err != nil {
				return nil, err
			}
			var grace time.Duration
			if in.Body != nil {
				grace = time.Duration(in.Body.GraceSeconds) * time.Second
			}
			// A second rotation would end the grace time of the first.
			if !changedBefore(ctx) {
				if _, err := s.Store.RotateToken(ctx, in.Key, grace, when...); err != nil {
					return nil, err
				}
			}
			return s.served(ctx, in.Key)
		})
}
