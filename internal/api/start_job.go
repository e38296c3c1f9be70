package api

import (
	"context"
	"net/http"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/store"
)

// JobRequest is an action on all runs that a filter selects.
type JobRequest struct {
	Action string `json:"action" enum:"cancel,retry" doc:"cancel asks runs that go on to end; retry runs the deliveries of ended ones again."`
	Flow   string `json:"flow,omitempty" doc:"Only runs of the flow with this key."`
	Status string `json:"status,omitempty" doc:"Only runs with this status, for retry. Default: unresolved."`
	After  string `json:"after,omitempty" doc:"Only runs that started then or later: a time as RFC 3339, or how long ago it was."`
	Before string `json:"before,omitempty" doc:"Only runs that started before."`
	// Retry says what retries run.
	Retry RetryRequest `json:"retry,omitzero" doc:"What retries run."`
}

type startJobInput struct{ Body JobRequest }

type startJobOutput struct {
	Location string `header:"Location" doc:"The job, as a path."`
	Body     Job
}

func startJob(s *service) {
	add(s, operation{id: "start-job", method: http.MethodPost, path: "/api/v1/jobs", tag: tagRuns,
		role: access.Operator, summary: "Cancel or retry many runs", status: http.StatusAccepted,
		description: "At most 10,000 runs a job. The answer comes at once; read the job for its progress. A job ends " +
			"with the process that works on it: start it again then."},
		func(ctx context.Context, in *startJobInput) (*startJobOutput, error) {
			filter, err := in.Body.filter(time.Now())
			if err != nil {
				return nil, err
			}
			job, err := s.beginJob(ctx, in.Body.Action, store.Change{Action: in.Body.Action, Object: "runs",
				Name: in.Body.Flow, Detail: map[string]any{"status": in.Body.Status, "after": in.Body.After,
					"before": in.Body.Before}})
			if err != nil {
				return nil, err
			}
			// The job outlives its request, and keeps its actor.
			go work(context.WithoutCancel(ctx), &s.jobs, job.ID, jobOf[runs.Summary]{
				find: func(ctx context.Context) ([]runs.Summary, bool, error) { return s.selected(ctx, filter) },
				act:  s.actionOf(job, in.Body),
				name: func(run runs.Summary) JobProblem { return JobProblem{Run: run.ID, Flow: run.Flow} }})
			return &startJobOutput{"/api/v1/jobs/" + job.ID, job}, nil
		})
}

// actionOf is what a job does with each run.
func (s *service) actionOf(job Job, wanted JobRequest) func(context.Context, runs.Summary) error {
	if wanted.Action == "cancel" {
		return func(ctx context.Context, run runs.Summary) error { return s.Actions.Cancel(ctx, run.Flow, run.ID) }
	}
	return func(ctx context.Context, run runs.Summary) error {
		_, err := s.Actions.Retry(ctx, run.Flow, run.ID, wanted.Retry, []byte("job "+job.ID))
		return err
	}
}

// filter selects the runs of a job.
func (j JobRequest) filter(now time.Time) (runs.Filter, error) {
	wanted := RunFilter{Flow: j.Flow, Status: j.Status, After: j.After, Before: j.Before}
	switch {
	case j.Action == "cancel" && j.Status == "":
		wanted.Status = string(everhook.Pending)
	case j.Action == "cancel" && j.Status != string(everhook.Pending):
		return runs.Filter{}, wrongf("/body/status", "only pending runs can be cancelled")
	case j.Action == "retry" && j.Status == "":
		wanted.Status = Unresolved
	case j.Action == "retry" && j.Status == string(everhook.Pending):
		return runs.Filter{}, wrongf("/body/status", "runs that go on cannot be retried")
	}
	if j.Retry.From != "" && !everhook.IsNodeKey(j.Retry.From) {
		return runs.Filter{}, wrongf("/body/retry/from", "%q is not a node key", everhook.Shorten(j.Retry.From, 80))
	}
	return wanted.parseAt("/body", now)
}
