package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/outline"
	"github.com/everhook/everhook/internal/store"
)

// CheckedDraft is a draft with what its text means.
type CheckedDraft struct {
	Draft Draft `json:"draft"`
	// Problems are all errors and warnings of the text.
	Problems []flowfile.Problem `json:"problems"`
	// Value is the text as a value; missing if it cannot be read.
	Value *everhook.Value `json:"value,omitempty"`
	// Outline is the flow as it is drawn; missing if the text cannot be read.
	Outline *outline.Drawing `json:"outline,omitempty"`
}

type checkDraftOutput struct {
	ETag string `header:"ETag" doc:"For If-Match."`
	Body CheckedDraft
}

func checkDraft(s *service) {
	add(s, operation{id: "check-draft", method: http.MethodGet, path: "/api/v1/flows/{key}/draft/check",
		tag: tagDrafts, role: access.Viewer, summary: "Show the draft of a flow with its problems and its outline"},
		func(ctx context.Context, in *NamedFlow) (*checkDraftOutput, error) {
			if err := s.may(ctx, access.Viewer, in.Key); err != nil {
				return nil, err
			}
			draft, err := s.Store.Draft(ctx, in.Key)
			if err != nil {
				return nil, err
			}
			return &checkDraftOutput{etag(draft.Revision), s.checked(draft)}, nil
		})
}

// checked reads the text of a draft.
func (s *service) checked(draft store.Draft) CheckedDraft {
	checked := CheckedDraft{Draft: s.shownDraft(draft), Problems: s.problemsOf(draft.Text)}
	document, problems := flowfile.ParseDocument(draftFile, []byte(draft.Text))
	if document == nil || len(problems.Errors()) > 0 {
		return checked
	}
	checked.Value, checked.Outline = everhook.Of(document.Value), outline.Of(document, s.Registry)
	return checked
}
