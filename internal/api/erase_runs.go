package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/runs"
)

// Erasing deletes runs that have ended; *runs.Eraser does the work.
type Erasing interface {
	// Delete deletes a run, see runs.Eraser.Delete.
	Delete(ctx context.Context, flow string, id everhook.RunID) error
	// Erase examines a page of runs, see runs.Eraser.Erase.
	Erase(ctx context.Context, match runs.Match, dry bool, page []byte) (runs.Erased, error)
}

// EraseRequest selects runs by a value of what they were started with.
type EraseRequest struct {
	Path  string `json:"path" maxLength:"1000" doc:"Where the value is in the body of the delivery (order.customer), or in the whole of it (query.customer)."`
	Value string `json:"value" minLength:"1" maxLength:"10000" doc:"The value, as text. Of a list, one element must have it."`
	Dry   bool   `json:"dry,omitempty" doc:"Only find the runs."`
	Page  string `json:"page,omitempty" doc:"The page of the answer before. Empty: the first."`
}

// ErasedRuns are the runs of a page that match.
type ErasedRuns struct {
	Runs []runs.Summary `json:"runs" doc:"The runs that match, with those that they called. Those that had ended are deleted; the others go on."`
	// Examined counts the runs of the page.
	Examined int `json:"examined" doc:"How many runs were examined."`
	// Unreadable counts those of them that could not be read.
	Unreadable int `json:"unreadable" doc:"How many of them could not be read."`
	// Next is the page of the next request; empty: all runs were examined.
	Next string `json:"next,omitempty" doc:"The page of the next request; empty: all runs were examined."`
}

type eraseRunsInput struct{ Body EraseRequest }

func eraseRuns(s *service) {
	add(s, operation{id: "erase-runs", method: http.MethodPost, path: "/api/v1/runs/erase", tag: tagRuns,
		role: access.Admin, everywhere: true, summary: "Delete the runs with a value",
		description: "Finds runs by a value of the delivery that started them, and deletes those that have ended, " +
			"with the runs that they called. One request examines a hundred runs: ask again with the next page.",
		timeout: actTimeout},
		func(ctx context.Context, in *eraseRunsInput) (*reply[ErasedRuns], error) {
			path, err := everhook.ParsePath(in.Body.Path)
			if err != nil {
				return nil, wrongf("/body/path", "%v", err)
			}
			cursor := cursorOf("erase", in.Body.Path, in.Body.Value)
			place, err := Paging{Page: in.Body.Page}.after(cursor)
			if err != nil {
				return nil, err
			}
			var page []byte
			if place != "" {
				page = []byte(place)
			}
			erased, err := s.Erasing.Erase(ctx, runs.Match{Path: path, Value: in.Body.Value}, in.Body.Dry, page)
			if err != nil {
				return nil, err
			}
			s.Logger.InfoContext(ctx, "runs are erased", "path", in.Body.Path, "found", len(erased.Found), "dry",
				in.Body.Dry)
			found := erased.Found
			if found == nil {
				found = []runs.Summary{}
			}
			return answer(ErasedRuns{Runs: found, Examined: erased.Examined, Unreadable: erased.Unreadable,
				Next: cursor.page(string(erased.Next))}), nil
		})
}
