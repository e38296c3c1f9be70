package api

import (
	"context"
	"time"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/store"
)

// Draft is a text of a flow that is being written.
type Draft struct {
	Flow string `json:"flow"`
	// Base is the version that it began from; 0 for none.
	Base int `json:"base,omitempty"`
	// Revision is the number of the revision that is shown.
	Revision int64  `json:"revision"`
	Text     string `json:"text"`
	// Operation says what made the revision, Author who did, and Saved when.
	Operation string    `json:"operation,omitempty"`
	Author    string    `json:"author"`
	Saved     time.Time `json:"saved"`
	// Undo and Redo are the revisions that these would show; missing if there is nothing to undo or redo.
	Undo int64 `json:"undo,omitempty"`
	Redo int64 `json:"redo,omitempty"`
	// URL is the webhook URL that the flow has, or will have once it is published.
	URL string `json:"url,omitempty"`
}

type draftOutput struct {
	ETag string `header:"ETag" doc:"For If-Match."`
	Body Draft
}

func (s *service) draftOf(d store.Draft, err error) (*draftOutput, error) {
	if err != nil {
		return nil, err
	}
	return &draftOutput{etag(d.Revision), s.shownDraft(d)}, nil
}

func (s *service) shownDraft(d store.Draft) Draft {
	shown := Draft{Flow: d.Flow, Base: d.Base, Revision: d.Revision, Text: d.Text, Operation: d.Operation,
		Author: d.Author, Saved: d.SavedAt, Undo: d.Undo, Redo: d.Redo}
	if s.HookURL != nil {
		shown.URL = s.HookURL(d.Token)
	}
	return shown
}

// AtDraft names a revision of a draft.
type AtDraft struct {
	NamedFlow
	IfMatch string `header:"If-Match" required:"true" doc:"The ETag of the draft. If it has another revision now, the request is refused with 412."`
}

// change runs a change of a draft at its revision. A change that was made before, whose answer was lost, is not made
// again.
func (s *service) changeDraft(ctx context.Context, in AtDraft,
	change func(ctx context.Context, flow string, revision int64) (store.Draft, error)) (*draftOutput, error) {
	if err := s.may(ctx, access.Editor, in.Key); err != nil {
		return nil, err
	}
	revision, err := revisionOf(in.IfMatch)
	if err != nil {
		return nil, err
	}
	if changedBefore(ctx) {
		return s.draftOf(s.Store.Draft(ctx, in.Key))
	}
	return s.draftOf(change(ctx, in.Key, revision))
}
