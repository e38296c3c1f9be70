package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/store"
)

// Publication says how a draft is published.
type Publication struct {
	Note   string `json:"note,omitempty" maxLength:"1000" doc:"What changed, for people."`
	DryRun bool   `json:"dryRun,omitempty" doc:"Only say what would change."`
}

type publishDraftInput struct {
	AtDraft
	Body *Publication
}

func publishDraft(s *service) {
	add(s, operation{id: "publish-draft", method: http.MethodPost, path: "/api/v1/flows/{key}/draft/publish",
		tag: tagDrafts, role: access.Editor, summary: "Publish the draft of a flow", timeout: actTimeout,
		description: "Its text becomes the enabled version, which is served when the answer comes. The draft is " +
			"discarded with the same change.",
		refusals: []int{http.StatusPreconditionFailed}},
		func(ctx context.Context, in *publishDraftInput) (*applyFlowOutput, error) {
			if err := s.may(ctx, access.Editor, in.Key); err != nil {
				return nil, err
			}
			revision, err := revisionOf(in.IfMatch)
			if err != nil {
				return nil, err
			}
			var wanted Publication
			if in.Body != nil {
				wanted = *in.Body
			}
			if changedBefore(ctx) {
				return s.published(ctx, in.Key)
			}
			draft, err := s.Store.Draft(ctx, in.Key)
			if err != nil {
				return nil, err
			}
			flow, problems, err := s.compiled(draft.Text, in.Key)
			if err != nil {
				return nil, err
			}
			if err := s.Deployment.Permit(flow.Definition); err != nil {
				return nil, fail(conflict, err.Error())
			}
			when := []store.Precondition{store.NotManagedByFiles}
			applied, revisionNow, err := s.planned(ctx, flow.Definition, when, wanted.DryRun)
			if err != nil {
				return nil, err
			}
			applied.Warnings, applied.Enabled = problems.Warnings(), true
			if wanted.DryRun {
				return dryRun(applied, revisionNow), nil
			}
			done, err := s.Deployment.Deploy(ctx, flow.Definition, "draft", store.ApplyOptions{Enable: true,
				Text: draft.Text, Note: wanted.Note, Draft: revision, When: when})
			if err != nil {
				return nil, err
			}
			applied.Version, applied.Created = done.Version.Number, done.Created
			return &applyFlowOutput{etag(done.Revision), applied}, nil
		})
}

// published is the answer to a publication that was made before, and whose answer was lost.
func (s *service) published(ctx context.Context, key string) (*applyFlowOutput, error) {
	flow, err := s.Store.Flow(ctx, key)
	if err != nil {
		return nil, err
	}
	return &applyFlowOutput{etag(flow.Revision), AppliedFlow{Key: key, Version: flow.Shown(), Created: true,
		Enabled: flow.Enabled > 0, Changes: nil}}, s.Deployment.Await(ctx)
}
