package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/flowdiff"
)

// VersionDiff are the changes from one version to another.
type VersionDiff struct {
	From    int               `json:"from"`
	To      int               `json:"to"`
	Changes []flowdiff.Change `json:"changes"`
}

type diffVersionsInput struct {
	NamedFlow
	From int `query:"from" required:"true" minimum:"1" doc:"The number of a version."`
	To   int `query:"to" required:"true" minimum:"1" doc:"The number of another one."`
}

func diffVersions(s *service) {
	add(s, operation{id: "diff-versions", method: http.MethodGet, path: "/api/v1/flows/{key}/diff", tag: tagFlows,
		role: access.Viewer, summary: "Compare two versions of a flow by their structure"},
		func(ctx context.Context, in *diffVersionsInput) (*reply[VersionDiff], error) {
			if _, err := s.stored(ctx, in.Key); err != nil {
				return nil, err
			}
			from, err := s.Store.Version(ctx, in.Key, in.From)
			if err != nil {
				return nil, err
			}
			to, err := s.Store.Version(ctx, in.Key, in.To)
			if err != nil {
				return nil, err
			}
			changes, err := flowdiff.Compare(from.Definition, to.Definition)
			if changes == nil {
				changes = []flowdiff.Change{}
			}
			return answer(VersionDiff{in.From, in.To, changes}), err
		})
}
