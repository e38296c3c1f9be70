package api

import (
	"context"
	"net/http"

	"github.com/everhook/everhook/internal/access"
)

type getJobInput struct {
	ID string `path:"id" maxLength:"64" doc:"The ID of the job."`
}

func getJob(s *service) {
	add(s, operation{id: "get-job", method: http.MethodGet, path: "/api/v1/jobs/{id}", tag: tagRuns,
		role: access.Operator, summary: "Show the progress of a job"},
		func(_ context.Context, in *getJobInput) (*reply[Job], error) {
			job, ok := s.jobs.get(in.ID)
			if !ok {
				return nil, fail(notFound, "no such job in this process, or it ended more than a day ago")
			}
			return answer(job), nil
		})
}
