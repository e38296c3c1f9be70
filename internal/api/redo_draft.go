package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

func redoDraft(s *service) {
	add(s, operation{id: "redo-draft", method: http.MethodPost, path: "/api/v1/flows/{key}/draft/redo", tag: tagDrafts,
		role: access.Editor, summary: "Redo the last change of a draft",
		refusals: []int{http.StatusPreconditionFailed}},
		func(ctx context.Context, in *AtDraft) (*draftOutput, error) {
			return s.changeDraft(ctx, *in, s.Store.RedoDraft)
		})
}
