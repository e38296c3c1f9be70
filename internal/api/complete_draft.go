package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/assist"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
)

// ExpressionAt is a position in an expression or template that is being written.
type ExpressionAt struct {
	Pointer string `json:"pointer" maxLength:"2000" doc:"The JSON pointer of the field in the draft. The draft need not have it yet."`
	Text    string `json:"text" maxLength:"65536" doc:"The text of the field as it is now."`
	Offset  int    `json:"offset" minimum:"0" doc:"The position in the text, in bytes."`
	Whole   bool   `json:"whole,omitempty" doc:"The text is an expression, not a template."`
}

// CompletedExpression says what can be written at a position, and what stands there.
type CompletedExpression struct {
	assist.Completion
	// About is the name at the position, if something is known of it.
	About *assist.About `json:"about,omitempty"`
}

type completeDraftInput struct {
	NamedFlow
	Body ExpressionAt
}

func completeDraft(s *service) {
	add(s, operation{id: "complete-draft", method: http.MethodPost, path: "/api/v1/flows/{key}/draft/complete",
		tag: tagDrafts, role: access.Editor, maxBody: 2 * maxAction,
		summary:     "Say which names can be written at a position of a draft",
		description: "Names that cannot be used there are included, with the reason. Nothing is changed."},
		func(ctx context.Context, in *completeDraftInput) (*reply[CompletedExpression], error) {
			place, err := s.placeIn(ctx, in.Key, in.Body.Pointer)
			if err != nil {
				return nil, err
			}
			at := in.Body
			completed := CompletedExpression{Completion: assist.Complete(at.Text, at.Whole, at.Offset, place)}
			if about, ok := assist.Hover(at.Text, at.Whole, at.Offset, place); ok {
				completed.About = &about
			}
			return answer(completed), nil
		})
}

// placeIn finds what can be named at a place of a draft.
func (s *service) placeIn(ctx context.Context, key, pointer string) (compile.Place, error) {
	if err := s.may(ctx, access.Viewer, key); err != nil {
		return compile.Place{}, err
	}
	draft, err := s.Store.Draft(ctx, key)
	if err != nil {
		return compile.Place{}, err
	}
	document, problems := flowfile.ParseDocument(draftFile, []byte(draft.Text))
	if document == nil || len(problems.Errors()) > 0 {
		return compile.Place{}, nil
	}
	definition := document.Definition()
	if definition == nil {
		return compile.Place{}, nil
	}
	place := compile.NamesAt(definition, s.Registry, pointer)
	place.Env, place.Secrets = joined(place.Env, s.Settings), joined(place.Secrets, s.Secrets)
	return place, nil
}

// joined are the names of both, sorted.
func joined(used []string, known func() []string) []string {
	all := map[string]bool{}
	for _, name := range used {
		all[name] = true
	}
	if known != nil {
		for _, name := range known() {
			all[name] = true
		}
	}
	return everhook.SortedKeys(all)
}
