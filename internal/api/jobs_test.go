package api

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/runs"
)

// pagedRuns gives the runs of a list in pages of two, and details with steps.
type pagedRuns struct {
	runs   []runs.Summary
	mutex  sync.Mutex // jobs list at the same time
	filter runs.Filter
}

func (p *pagedRuns) List(_ context.Context, filter runs.Filter) ([]runs.Summary, []byte, error) {
	p.mutex.Lock()
	p.filter = filter
	p.mutex.Unlock()
	at := 0
	if len(filter.Page) > 0 {
		at = int(filter.Page[0])
	}
	end := min(at+2, len(p.runs))
	if end == len(p.runs) {
		return p.runs[at:end], nil, nil
	}
	return p.runs[at:end], []byte{byte(end)}, nil
}

func (p *pagedRuns) Find(context.Context, []string, everhook.RunID) (string, error) {
	return "orders", nil
}

func (p *pagedRuns) Show(_ context.Context, flow string, id everhook.RunID, _ string) (*runs.Detail, error) {
	detail := &runs.Detail{Summary: runs.Summary{ID: id, Flow: flow}, Total: 5}
	for i := range 5 {
		status := everhook.Resolved
		if i%2 == 1 {
			status = everhook.Failed
		}
		detail.Steps = append(detail.Steps, everhook.Step{Number: i + 1, Node: "n", Status: status})
	}
	return detail, nil
}

func someRuns(t *testing.T) (*service, *pagedRuns, *fakeActions) {
	t.Helper()
	s, _ := onStore(t)
	list := &pagedRuns{}
	for _, id := range []everhook.RunID{"aaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbb",
		"aaaaaaaaaaaaaaaaaaaaaaaaaa", "cccccccccccccccccccccccccc"} {
		list.runs = append(list.runs, runs.Summary{ID: id, Flow: "orders"})
	}
	actions := &fakeActions{}
	s.Runs, s.Actions = list, actions
	return s, list, actions
}

// ended waits until a job has ended.
func (s *service) ended(t *testing.T, location string) (job Job) {
	t.Helper()
	require.Eventually(t, func() bool {
		job = decode[Job](t, s.call(t, "GET", location, ""))
		return job.State == jobEnded
	}, time.Minute, time.Millisecond)
	return job
}

func TestAJobActsOnEachRunOfItsFilterOnce(t *testing.T) {
	t.Parallel()
	s, list, actions := someRuns(t)
	w := s.call(t, "POST", "/api/v1/jobs", `{"action":"cancel","flow":"orders","after":"2h"}`)
	require.Equal(t, http.StatusAccepted, w.Code, w.Body)
	job := s.ended(t, w.Header().Get("Location"))
	require.Equal(t, 3, job.Found, "a run that was started again is one run")
	require.Equal(t, 3, job.Done)
	require.Zero(t, job.Failed+job.Refused)
	require.ElementsMatch(t, []string{"orders/aaaaaaaaaaaaaaaaaaaaaaaaaa", "orders/bbbbbbbbbbbbbbbbbbbbbbbbbb",
		"orders/cccccccccccccccccccccccccc"}, actions.cancelled)
	require.Equal(t, everhook.Pending, list.filter.Status)
	require.Equal(t, "orders", list.filter.Flow)
	require.False(t, list.filter.After.IsZero())

	w = s.call(t, "POST", "/api/v1/jobs", `{"action":"retry","retry":{"current":true}}`)
	job = s.ended(t, w.Header().Get("Location"))
	require.Equal(t, 3, job.Done)
	require.True(t, list.filter.Unresolved)
	require.Len(t, actions.retries, 3)
	require.True(t, actions.retries[0].Current)
	trail := decode[AuditList](t, s.call(t, "GET", "/api/v1/audit?object=runs", ""))
	require.Len(t, trail.Entries, 2)
}

func TestAJobSaysWhichRunsItCouldNotActOn(t *testing.T) {
	t.Parallel()
	s, _, actions := someRuns(t)
	actions.err = runs.Refusef("the run has ended already")
	job := s.ended(t, s.call(t, "POST", "/api/v1/jobs", `{"action":"cancel"}`).Header().Get("Location"))
	require.Equal(t, 3, job.Refused)
	require.Equal(t, "the run has ended already", job.Problems[0].Detail)
	actions.err = context.DeadlineExceeded
	job = s.ended(t, s.call(t, "POST", "/api/v1/jobs", `{"action":"cancel"}`).Header().Get("Location"))
	require.Equal(t, 3, job.Failed)
}

func TestAJobThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	s, _, actions := someRuns(t)
	for body, pointer := range map[string]string{
		`{"action":"drop"}`:                               "/body/action",
		`{}`:                                              "/body",
		`{"action":"cancel","status":"failed"}`:           "/body/status",
		`{"action":"retry","status":"pending"}`:           "/body/status",
		`{"action":"retry","status":"fine"}`:              "/body/status",
		`{"action":"retry","flow":"A"}`:                   "/body/flow",
		`{"action":"retry","after":"soon"}`:               "/body/after",
		`{"action":"retry","retry":{"from":"a b"}}`:       "/body/retry/from",
		`{"action":"retry","retry":{"current":"always"}}`: "/body/retry/current",
	} {
		w := s.call(t, "POST", "/api/v1/jobs", body)
		require.Equal(t, http.StatusBadRequest, w.Code, body)
		require.Contains(t, w.Body.String(), `"pointer":"`+pointer+`"`, body)
	}
	require.Empty(t, actions.cancelled)
	require.Equal(t, http.StatusNotFound, s.call(t, "GET", "/api/v1/jobs/none", "").Code)
}

func TestJobsAreBounded(t *testing.T) {
	t.Parallel()
	s, _, actions := someRuns(t)
	actions.wait = make(chan struct{})
	var locations []string
	for range maxJobs {
		w := s.call(t, "POST", "/api/v1/jobs", `{"action":"retry"}`)
		require.Equal(t, http.StatusAccepted, w.Code)
		locations = append(locations, w.Header().Get("Location"))
	}
	require.Equal(t, http.StatusTooManyRequests, s.call(t, "POST", "/api/v1/jobs", `{"action":"retry"}`).Code)
	close(actions.wait)
	for _, location := range locations {
		s.ended(t, location)
	}
}

func TestStepsAreListedByFilterAndPage(t *testing.T) {
	t.Parallel()
	s, _, _ := someRuns(t)
	path := "/api/v1/runs/" + string(someRun) + "/steps"
	first := decode[StepList](t, s.call(t, "GET", path+"?limit=2", ""))
	require.Len(t, first.Steps, 2)
	require.Equal(t, 5, first.Total)
	second := decode[StepList](t, s.call(t, "GET", path+"?limit=2&page="+first.Next, ""))
	require.Equal(t, 3, second.Steps[0].Number)
	last := decode[StepList](t, s.call(t, "GET", path+"?limit=2&page="+second.Next, ""))
	require.Len(t, last.Steps, 1)
	require.Empty(t, last.Next)
	failed := decode[StepList](t, s.call(t, "GET", path+"?status=failed", ""))
	require.Len(t, failed.Steps, 2)
	require.Equal(t, 400, s.call(t, "GET", path+"?status=failed&page="+first.Next, "").Code)
}

func TestEndedJobsAreForgottenOldestFirst(t *testing.T) {
	t.Parallel()
	var j jobs
	var ids []string
	for i := range jobsKept + 1 {
		job, ok := j.begin("cancel")
		require.True(t, ok)
		ids = append(ids, job.ID)
		ended := time.Now().Add(time.Duration(i) * time.Millisecond)
		j.update(job.ID, func(job *Job) { job.Ended = &ended })
	}
	_, kept := j.get(ids[0])
	require.False(t, kept)
	_, kept = j.get(ids[1])
	require.True(t, kept)
	require.Len(t, j.all, jobsKept)
}
