package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/jobs"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/store"
)

// Jobs act on many runs; *jobs.Jobs implements it.
type Jobs interface {
	// Begin begins a job once, see jobs.Jobs.Begin.
	Begin(ctx context.Context, id string, r jobs.Request, change store.Change) (jobs.Job, error)
	// Get returns a job; the error wraps store.ErrNotFound if there is none.
	Get(ctx context.Context, id string) (jobs.Job, error)
}

// JobRequest is an action on all runs that a filter selects.
type JobRequest struct {
	Action  string `json:"action" enum:"cancel,retry,delete" doc:"cancel asks runs that go on to end; retry runs the deliveries of ended ones again; delete deletes ended ones, and needs the role admin and a filter."`
	Flow    string `json:"flow,omitempty" doc:"Only runs of the flow with this key."`
	Version int    `json:"version,omitempty" minimum:"0" doc:"Only runs of this version of the flow."`
	Label   string `json:"label,omitempty" maxLength:"100" doc:"Only runs of flows with this label."`
	Text    string `json:"text,omitempty" maxLength:"200" doc:"Only runs of flows whose key or title contains this text, in any case."`
	Status  string `json:"status,omitempty" doc:"Only runs with this status, for retry and delete. Default for retry: unresolved."`
	After   string `json:"after,omitempty" doc:"Only runs that started then or later: a time as RFC 3339, or how long ago it was."`
	Before  string `json:"before,omitempty" doc:"Only runs that started before. Default: the start of the job."`
	// Retry says what retries run.
	Retry  RetryRequest `json:"retry,omitzero" doc:"What retries run."`
	DryRun bool         `json:"dryRun,omitempty" doc:"Only count the runs."`
}

type startJobInput struct{ Body JobRequest }

type startJobOutput struct {
	Location string `header:"Location" doc:"The job, as a path."`
	Body     jobs.Job
}

func startJob(s *service) {
	add(s, operation{id: "start-job", method: http.MethodPost, path: "/api/v1/jobs", tag: tagRuns,
		role: access.Operator, summary: "Cancel, retry or delete many runs", status: http.StatusAccepted,
		description: "At most 10,000 runs a job, and only those that started before it. The answer comes at once; " +
			"read the job for its progress. If the process that works on it dies, another one goes on."},
		func(ctx context.Context, in *startJobInput) (*startJobOutput, error) {
			filter, err := s.jobFilter(ctx, in.Body)
			if err != nil {
				return nil, err
			}
			return s.beginJob(ctx, jobs.Action(in.Body.Action), in.Body.DryRun,
				runsJob{filter, in.Body.Retry.Current, in.Body.Retry.From}, in.Body.change())
		})
}

// beginJob begins a job of the actor, once for each request with a key.
func (s *service) beginJob(ctx context.Context, action jobs.Action, dry bool, of any,
	change store.Change) (*startJobOutput, error) {
	id := strings.ToLower(rand.Text())
	if key := keyOf(ctx); key != nil {
		id = hex.EncodeToString(key[:16])
	}
	request, err := json.Marshal(of)
	if err != nil {
		return nil, err
	}
	change.Detail["job"] = id
	job, err := s.Jobs.Begin(ctx, id, jobs.Request{Actor: access.From(ctx).ID, Action: action, Of: request, Dry: dry},
		change)
	if errors.Is(err, store.ErrTooManyJobs) {
		return nil, fail(tooMany, err.Error()).with("Retry-After", "30")
	}
	if err != nil {
		return nil, err
	}
	return &startJobOutput{"/api/v1/jobs/" + job.ID, job}, nil
}

// change is the entry of the audit trail.
func (j JobRequest) change() store.Change {
	detail := map[string]any{}
	for name, value := range map[string]string{"status": j.Status, "after": j.After, "before": j.Before,
		"label": j.Label, "text": j.Text} {
		if value != "" {
			detail[name] = value
		}
	}
	if j.Version != 0 {
		detail["version"] = j.Version
	}
	if j.DryRun {
		detail["dryRun"] = true
	}
	return store.Change{Action: j.Action, Object: "runs", Name: j.Flow, Detail: detail}
}

// jobFilter selects the runs of a job.
func (s *service) jobFilter(ctx context.Context, j JobRequest) (runs.Filter, error) {
	wanted := RunFilter{Flow: j.Flow, Version: j.Version, Label: j.Label, Text: j.Text, Status: j.Status,
		After: j.After, Before: j.Before}
	isPending := j.Status == string(everhook.Pending)
	switch jobs.Action(j.Action) {
	case jobs.Cancel:
		if j.Status != "" && !isPending {
			return runs.Filter{}, wrongf("/body/status", "only pending runs can be cancelled")
		}
		wanted.Status = string(everhook.Pending)
	case jobs.Retry:
		if isPending {
			return runs.Filter{}, wrongf("/body/status", "runs that go on cannot be retried")
		}
		if j.Status == "" {
			wanted.Status = Unresolved
		}
	case jobs.Delete:
		if err := access.RequireEverywhere(ctx, access.Admin); err != nil {
			return runs.Filter{}, err
		}
		if isPending {
			return runs.Filter{}, wrongf("/body/status", "runs that go on cannot be deleted")
		}
		if wanted == (RunFilter{}) {
			return runs.Filter{}, wrongf("/body/action", "a filter is missing: all runs that have ended would be "+
				"deleted")
		}
	}
	if j.Retry.From != "" && !everhook.IsNodeKey(j.Retry.From) {
		return runs.Filter{}, wrongf("/body/retry/from", "%q is not a node key", everhook.Shorten(j.Retry.From, 80))
	}
	now := time.Now()
	filter, err := wanted.parseAt("/body", now)
	if err != nil {
		return filter, err
	}
	if filter.Before.IsZero() || filter.Before.After(now) {
		filter.Before = now // a job that another process goes on with must not retry its own retries
	}
	filter.Ended = jobs.Action(j.Action) != jobs.Cancel
	return filter, s.ofFlows(ctx, wanted, &filter)
}
