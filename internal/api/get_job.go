package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/jobs"
	"github.com/everhook/everhook/internal/store"
)

type getJobInput struct {
	ID string `path:"id" maxLength:"64" doc:"The ID of the job."`
}

func getJob(s *service) {
	add(s, operation{id: "get-job", method: http.MethodGet, path: "/api/v1/jobs/{id}", tag: tagRuns,
		role: access.Operator, summary: "Show the progress of a job",
		description: "An actor who is limited to some flows sees only its own jobs."},
		func(ctx context.Context, in *getJobInput) (*reply[jobs.Job], error) {
			job, err := s.Jobs.Get(ctx, in.ID)
			actor := access.From(ctx)
			if errors.Is(err, store.ErrNotFound) || err == nil && actor.Limited() && job.Actor() != actor.ID {
				return nil, fail(notFound, "no such job, or it ended more than a day ago")
			}
			if err != nil {
				return nil, err
			}
			return answer(job), nil
		})
}
