package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/store"
)

// DraftText is a new text of a draft.
type DraftText struct {
	Text      string `json:"text" maxLength:"1048576" doc:"The whole text. It need not be valid."`
	Base      int    `json:"base,omitempty" minimum:"0" doc:"The version that a new draft begins from."`
	Operation string `json:"operation,omitempty" maxLength:"200" doc:"What was done, in a few words, for the list of what can be undone."`
	Typing    bool   `json:"typing,omitempty" doc:"Merges the text with what the same author typed in the same second."`
}

type putDraftInput struct {
	NamedFlow
	IfMatch string `header:"If-Match" doc:"The ETag of the draft that the text was made from. Without it, there must be no draft yet."`
	Body    DraftText
}

func putDraft(s *service) {
	add(s, operation{id: "put-draft", method: http.MethodPut, path: "/api/v1/flows/{key}/draft", tag: tagDrafts,
		role: access.Editor, summary: "Save the draft of a flow", maxBody: maxDraft,
		description: "A draft is never served. It keeps its last 100 revisions.",
		refusals:    []int{http.StatusPreconditionFailed}},
		func(ctx context.Context, in *putDraftInput) (*draftOutput, error) {
			if err := s.may(ctx, access.Editor, in.Key); err != nil {
				return nil, err
			}
			put := store.DraftPut{Flow: in.Key, Text: in.Body.Text, Base: in.Body.Base, Operation: in.Body.Operation,
				Typing: in.Body.Typing}
			var err error
			if in.IfMatch != "" {
				if put.Revision, err = revisionOf(in.IfMatch); err != nil {
					return nil, err
				}
			}
			if changedBefore(ctx) {
				return s.draftOf(s.Store.Draft(ctx, in.Key))
			}
			return s.draftOf(s.Store.PutDraft(ctx, put))
		})
}

// maxDraft bounds the body: a text may be longer as JSON.
const maxDraft = 6*store.MaxText + 4<<10
