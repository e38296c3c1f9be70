package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/flowedit"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/store"
)

// DraftEdits are changes of a draft's text.
type DraftEdits struct {
	Operations []flowedit.Operation `json:"operations" minItems:"1" maxItems:"100" doc:"They are carried out one after the other, all or none."`
	Label      string               `json:"label,omitempty" maxLength:"200" doc:"What was done, in a few words, for the list of what can be undone. Default: the first operation."`
	DryRun     bool                 `json:"dryRun,omitempty" doc:"Only say what the text would be, and what would break."`
}

// EditedDraft is a draft after edits. With dryRun, its draft has the revision before and the text after them.
type EditedDraft struct {
	CheckedDraft
	// Broke are the errors that the text did not have before.
	Broke []flowfile.Problem `json:"broke"`
}

type editDraftInput struct {
	AtDraft
	Body DraftEdits
}

type editDraftOutput struct {
	ETag string `header:"ETag" doc:"For If-Match."`
	Body EditedDraft
}

func editDraft(s *service) {
	add(s, operation{id: "edit-draft", method: http.MethodPost, path: "/api/v1/flows/{key}/draft/edit", tag: tagDrafts,
		role: access.Editor, summary: "Change parts of the draft of a flow", maxBody: maxDraft,
		description: "Operations set, remove, insert, move, copy and rename parts of the text. All other bytes " +
			"stay as they are, and comments move with their nodes. A rename rewrites what names the node. The text " +
			"must be readable YAML; it need not be a valid flow.",
		refusals: []int{http.StatusPreconditionFailed}},
		func(ctx context.Context, in *editDraftInput) (*editDraftOutput, error) {
			if err := s.may(ctx, access.Editor, in.Key); err != nil {
				return nil, err
			}
			revision, err := revisionOf(in.IfMatch)
			if err != nil {
				return nil, err
			}
			draft, err := s.Store.Draft(ctx, in.Key)
			if err != nil {
				return nil, err
			}
			before := s.problemsOf(draft.Text)
			if !changedBefore(ctx) {
				if draft.Revision != revision {
					return nil, fmt.Errorf("the draft is at revision %d: %w", draft.Revision, store.ErrStale)
				}
				text, err := flowedit.Apply(ctx, draftFile, []byte(draft.Text), s.Registry,
					in.Body.Operations...)
				if err != nil {
					return nil, editProblem(err)
				}
				if draft.Text = string(text); !in.Body.DryRun {
					draft, err = s.Store.PutDraft(ctx, store.DraftPut{Flow: in.Key, Text: draft.Text,
						Revision: revision, Base: draft.Base, Operation: in.Body.label()})
					if err != nil {
						return nil, err
					}
				}
			}
			after := s.checked(draft)
			return &editDraftOutput{etag(draft.Revision), EditedDraft{after, newErrors(before, after.Problems)}}, nil
		})
}

// draftFile is the name of a draft in messages. Drafts are YAML, which JSON is too.
const draftFile = "flow.yaml"

// label is what an edit is called in the list of what can be undone.
func (e DraftEdits) label() string {
	if e.Label != "" {
		return e.Label
	}
	first := e.Operations[0]
	return everhook.Shorten(string(first.Op)+" "+first.Pointer, 200)
}

func (s *service) problemsOf(text string) []flowfile.Problem {
	_, problems := flowfile.Load(draftFile, []byte(text), s.Registry)
	return append([]flowfile.Problem{}, problems...)
}

// newErrors returns the errors of a text that the text before it does not have. Places may have moved.
func newErrors(before, after []flowfile.Problem) []flowfile.Problem {
	fresh := []flowfile.Problem{}
	for _, problem := range after {
		known := slices.ContainsFunc(before, func(b flowfile.Problem) bool {
			return b.Node == problem.Node && b.Message == problem.Message
		})
		if !problem.Warning && !known {
			fresh = append(fresh, problem)
		}
	}
	return fresh
}

// editProblem is the answer to operations that are not possible.
func editProblem(err error) error {
	if impossible, ok := errors.AsType[*flowedit.Error](err); ok {
		return wrongf("/body/operations", "%s", impossible.Error())
	}
	if unreadable, ok := errors.AsType[flowfile.Problems](err); ok {
		return wrongf("/body/operations", "the text cannot be read: %s", unreadable.Error())
	}
	return err
}
