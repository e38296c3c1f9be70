package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/store"
)

func discardDraft(s *service) {
	add(s, operation{id: "discard-draft", method: http.MethodDelete, path: "/api/v1/flows/{key}/draft", tag: tagDrafts,
		role: access.Editor, summary: "Discard the draft of a flow", status: http.StatusNoContent,
		refusals: []int{http.StatusPreconditionFailed}},
		func(ctx context.Context, in *AtDraft) (*struct{}, error) {
			if err := s.may(ctx, access.Editor, in.Key); err != nil {
				return nil, err
			}
			revision, err := revisionOf(in.IfMatch)
			if err != nil {
				return nil, err
			}
			err = s.Store.DiscardDraft(ctx, in.Key, revision)
			if errors.Is(err, store.ErrNotFound) && changedBefore(ctx) {
				err = nil
			}
			return nil, err
		})
}
