package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

// NamedVersion are the parameters that name a version of a flow.
type NamedVersion struct {
	NamedFlow
	Number int `path:"number" minimum:"1" doc:"The number of the version."`
}

type enableVersionInput struct {
	NamedVersion
	Conditional
}

func enableVersion(s *service) {
	add(s, operation{id: "enable-version", method: http.MethodPost,
		path: "/api/v1/flows/{key}/versions/{number}/enable", tag: tagFlows, role: access.Editor,
		summary: "Enable a version of a flow", timeout: actTimeout,
		description: "An older version is a roll back. Runs that go on keep the version that they started with. The " +
			"version is served when the answer comes.",
		refusals: []int{http.StatusPreconditionFailed}},
		func(ctx context.Context, in *enableVersionInput) (*flowOutput, error) {
			if err := s.may(ctx, access.Editor, in.Key); err != nil {
				return nil, err
			}
			when, err := in.when(ctx)
			if err != nil {
				return nil, err
			}
			version, err := s.Store.Version(ctx, in.Key, in.Number)
			if err != nil {
				return nil, err
			}
			if err := s.Deployment.Permit(version.Definition); err != nil {
				return nil, fail(conflict, err.Error())
			}
			if err := s.Store.Enable(ctx, in.Key, in.Number, when...); err != nil {
				return nil, err
			}
			return s.served(ctx, in.Key)
		})
}
