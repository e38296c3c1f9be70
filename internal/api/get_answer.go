package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
)

type getAnswerInput struct {
	NamedFlow
	ID   string `path:"id" doc:"The ID of the run: 26 characters of a-z and 2-7."`
	Wait int    `query:"waitSeconds" minimum:"0" maximum:"50" doc:"How long to wait for the answer. Default 0."`
	id   everhook.RunID
}

// Resolve refuses an ID that is none.
func (in *getAnswerInput) Resolve(ctx huma.Context) []error {
	problems := in.NamedFlow.Resolve(ctx)
	var ok bool
	if in.id, ok = everhook.ParseRunID(in.ID); !ok {
		problems = append(problems, wrongf("/path/id", "a run ID is 26 characters of a-z and 2-7"))
	}
	return problems
}

func getAnswer(s *service) {
	add(s, operation{id: "get-answer", method: http.MethodGet, path: "/api/v1/flows/{key}/runs/{id}/answer",
		tag: tagRuns, role: access.Caller, summary: "Get the answer of a run",
		description: "A caller gets the answers of the runs that it started itself, operators those of all runs that " +
			"they see.",
		timeout: actTimeout},
		func(ctx context.Context, in *getAnswerInput) (*reply[RunAnswer], error) {
			if err := s.may(ctx, access.Caller, in.Key); err != nil {
				return nil, err
			}
			answered, by, err := s.Calls.Answer(ctx, in.Key, in.id, time.Duration(in.Wait)*time.Second)
			if err != nil {
				return nil, err
			}
			if actor := access.From(ctx); !actor.May(access.Viewer) && by != actor.ID {
				return nil, everhook.ErrNoRun
			}
			return answer(answered), nil
		})
}
