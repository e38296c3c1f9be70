package api

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/jobs"
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

// asked is the last filter, without its page.
func (p *pagedRuns) asked() runs.Filter {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	filter := p.filter
	filter.Page = nil
	return filter
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

// erasing deletes like fakeActions cancels.
type erasing struct{ *fakeActions }

func (e erasing) Delete(ctx context.Context, flow string, id everhook.RunID) error {
	return e.Cancel(ctx, flow, id)
}

func (erasing) Erase(context.Context, runs.Match, bool, []byte) (runs.Erased, error) {
	return runs.Erased{}, nil
}

func someRuns(t *testing.T) (*service, *pagedRuns, *fakeActions) {
	t.Helper()
	s, d := onStore(t)
	list := &pagedRuns{}
	for _, id := range []everhook.RunID{"aaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbb",
		"aaaaaaaaaaaaaaaaaaaaaaaaaa", "cccccccccccccccccccccccccc"} {
		list.runs = append(list.runs, runs.Summary{ID: id, Flow: "orders"})
	}
	actions := &fakeActions{}
	s.Runs, s.Actions = list, actions
	s.Erasing = erasing{actions}
	working := jobs.New(jobs.Options{Store: d.Store, Works: JobWorks(s.Options),
		Actor: func(context.Context, string) (access.Actor, error) { return access.Local, nil }})
	t.Cleanup(working.Close)
	s.Jobs = working
	return s, list, actions
}

// ended waits until a job has ended.
func (s *service) ended(t *testing.T, location string) (job jobs.Job) {
	t.Helper()
	require.Eventually(t, func() bool {
		job = decode[jobs.Job](t, s.call(t, "GET", location, ""))
		return job.State == jobs.Ended
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
		`{"action":"delete"}`:                             "/body/action",
		`{"action":"delete","status":"pending"}`:          "/body/status",
		`{"action":"retry","version":2}`:                  "/body/version",
		`{"action":"retry","version":-1,"flow":"a"}`:      "/body/version",
		`{"action":"retry","dryRun":"yes"}`:               "/body/dryRun",
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
	for range 4 {
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

func TestAJobIsBegunOnceByItsKey(t *testing.T) {
	t.Parallel()
	s, _, actions := someRuns(t)
	lossy := s.Options
	lossy.Requests = forgetful{s.Store.(*deployed)}
	died := newService(lossy)
	first := died.call(t, "POST", "/api/v1/jobs", `{"action":"retry"}`, keyHeader, "k")
	job := s.ended(t, first.Header().Get("Location"))
	again := s.call(t, "POST", "/api/v1/jobs", `{"action":"retry"}`, keyHeader, "k")
	require.Equal(t, job, decode[jobs.Job](t, again), "the answer was lost, not the job")
	require.Len(t, actions.retries, 3)
	require.Len(t, decode[AuditList](t, s.call(t, "GET", "/api/v1/audit?object=runs", "")).Entries, 1)
}

func TestAJobSelectsByVersionLabelAndText(t *testing.T) {
	t.Parallel()
	s, list, _ := someRuns(t)
	for _, key := range []string{"orders", "order-mail", "refunds"} {
		s.applied(t, key, "200")
	}
	require.NoError(t, s.Store.SetLabels(t.Context(), "orders", []string{"sales"}))
	for body, want := range map[string]runs.Filter{
		`{"action":"delete","flow":"orders","version":2}`:   {Flow: "orders", Version: 2},
		`{"action":"delete","text":"ORDER"}`:                {Flows: []string{"order-mail", "orders"}},
		`{"action":"delete","label":"sales"}`:               {Flows: []string{"orders"}},
		`{"action":"delete","label":"none"}`:                {Flows: []string{}},
		`{"action":"delete","label":"sales","text":"mail"}`: {Flows: []string{}},
	} {
		s.ended(t, s.call(t, "POST", "/api/v1/jobs", body).Header().Get("Location"))
		got := list.asked()
		require.True(t, got.Ended, body)
		require.False(t, got.Before.IsZero(), "runs of after the start of the job are not deleted")
		require.Equal(t, want, runs.Filter{Flow: got.Flow, Flows: got.Flows, Version: got.Version}, body)
	}
	w := s.call(t, "GET", "/api/v1/runs?label=sales&text=ord&flow=orders&version=3", "")
	require.Equal(t, 200, w.Code, w.Body)
	got := list.asked()
	require.Equal(t, runs.Filter{Flow: "orders", Flows: []string{"orders"}, Version: 3, Limit: 100}, got)
}

func TestOnlyAdminsDeleteByAJob(t *testing.T) {
	t.Parallel()
	s, _, actions := someRuns(t)
	for name, c := range map[string]struct {
		actor access.Actor
		want  int
	}{
		"an operator":     {access.Actor{ID: "token:o", Role: access.Operator}, 403},
		"a limited admin": {access.Actor{ID: "token:l", Role: access.Admin, Labels: []string{"a"}}, 403},
		"an admin":        {access.Actor{ID: "token:a", Role: access.Admin}, 202},
	} {
		w := s.as(c.actor, "POST", "/api/v1/jobs", `{"action":"delete","status":"failed","dryRun":true}`)
		require.Equal(t, c.want, w.Code, name)
		if c.want == 202 {
			job := s.ended(t, w.Header().Get("Location"))
			require.True(t, job.DryRun)
			require.Equal(t, 3, job.Found)
			require.Zero(t, job.Done)
			other := access.Actor{ID: "token:x", Role: access.Operator, Labels: []string{"a"}}
			require.Equal(t, 404, s.as(other, "GET", w.Header().Get("Location"), "").Code)
		}
	}
	require.Empty(t, actions.cancelled, "a dry run changes nothing")
}
