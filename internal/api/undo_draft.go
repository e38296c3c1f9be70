package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

func undoDraft(s *service) {
	add(s, operation{id: "undo-draft", method: http.MethodPost, path: "/api/v1/flows/{key}/draft/undo", tag: tagDrafts,
		role: access.Editor, summary: "Undo the last change of a draft",
		refusals: []int{http.StatusPreconditionFailed}},
		func(ctx context.Context, in *AtDraft) (*draftOutput, error) {
			return s.changeDraft(ctx, *in, s.Store.UndoDraft)
		})
}
