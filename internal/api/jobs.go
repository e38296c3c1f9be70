package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/store"
)

// Job is an action on many runs or deliveries. Its state is kept by the process that works on it, for a day; it ends
// with the process.
type Job struct {
	ID     string `json:"id"`
	Action string `json:"action" enum:"cancel,retry,replay"`
	// State is looking while runs are looked for, working, or ended.
	State string `json:"state" enum:"looking,working,ended"`
	// Found is how many runs the filter selected, Done how many of them were dealt with. Of these, Refused were not
	// acted on, because the action is not possible for them, and Failed because of an error.
	Found   int `json:"found"`
	Done    int `json:"done"`
	Refused int `json:"refused"`
	Failed  int `json:"failed"`
	// More is set if the filter selects more runs than one job takes: repeat it.
	More bool `json:"more,omitempty"`
	// Problems are the first reasons of refusals and failures.
	Problems []JobProblem `json:"problems,omitempty"`
	Started  time.Time    `json:"started"`
	Ended    *time.Time   `json:"ended,omitempty"`
}

// JobProblem says why a run or a delivery was not acted on.
type JobProblem struct {
	Run      everhook.RunID `json:"run"`
	Flow     string         `json:"flow"`
	Delivery string         `json:"delivery,omitempty"`
	Detail   string         `json:"detail"`
}

// Bounds of jobs.
const (
	// maxJobs bounds the jobs that work at the same time, jobRuns the runs of one, and jobAtOnce how many of them it
	// works on at a time.
	maxJobs   = 4
	jobRuns   = 10_000
	jobAtOnce = 8
	// jobKept is how long an ended job can be read, jobsKept how many of them, and keptProblems how many problems one
	// has.
	jobKept      = 24 * time.Hour
	jobsKept     = 1000
	keptProblems = 20
)

// The states of a job.
const (
	jobLooking = "looking"
	jobWorking = "working"
	jobEnded   = "ended"
)

// jobs are the jobs of this process.
type jobs struct {
	mutex sync.Mutex
	all   map[string]*Job
}

// begin adds a job, unless too many are working.
func (j *jobs) begin(action string) (Job, bool) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	working, oldest := 0, ""
	for id, job := range j.all {
		switch {
		case job.Ended == nil:
			working++
		case time.Since(*job.Ended) > jobKept:
			delete(j.all, id)
		case oldest == "" || job.Ended.Before(*j.all[oldest].Ended):
			oldest = id
		}
	}
	if len(j.all)-working >= jobsKept {
		delete(j.all, oldest)
	}
	if working >= maxJobs {
		return Job{}, false
	}
	job := &Job{ID: strings.ToLower(rand.Text()), Action: action, State: jobLooking, Started: time.Now().UTC()}
	if j.all == nil {
		j.all = map[string]*Job{}
	}
	j.all[job.ID] = job
	return *job, true
}

func (j *jobs) get(id string) (Job, bool) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	job, ok := j.all[id]
	if !ok {
		return Job{}, false
	}
	shown := *job
	shown.Problems = append([]JobProblem(nil), job.Problems...)
	return shown, true
}

func (j *jobs) update(id string, change func(*Job)) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	change(j.all[id])
}

// beginJob records a job and begins it. It is refused while too many are working.
func (s *service) beginJob(ctx context.Context, action string, change store.Change) (Job, error) {
	job, ok := s.jobs.begin(action)
	if !ok {
		return Job{}, fail(tooMany, "as many jobs are working as may; wait until one has ended").
			with("Retry-After", "30")
	}
	change.Detail["job"] = job.ID
	if err := s.Store.Record(ctx, change); err != nil {
		s.jobs.update(job.ID, func(job *Job) { job.State, job.Ended = jobEnded, &job.Started })
		return Job{}, err
	}
	return job, nil
}

// jobOf says what a job does with what.
type jobOf[T any] struct {
	// find returns the objects, and whether there are more than one job takes.
	find func(ctx context.Context) (found []T, more bool, err error)
	act  func(ctx context.Context, object T) error
	// name is a problem that names an object.
	name func(object T) JobProblem
}

// work looks for the objects of a job and acts on each.
func work[T any](ctx context.Context, all *jobs, id string, of jobOf[T]) {
	defer all.update(id, func(job *Job) {
		now := time.Now().UTC()
		job.State, job.Ended = jobEnded, &now
	})
	found, more, err := of.find(ctx)
	all.update(id, func(job *Job) {
		job.State, job.Found, job.More = jobWorking, len(found), more
		if err != nil {
			job.Failed++
			job.Problems = append(job.Problems, JobProblem{Detail: fmt.Sprintf("not all were found: %v", err)})
		}
	})
	var group errgroup.Group
	group.SetLimit(jobAtOnce)
	for _, object := range found {
		group.Go(func() error {
			acting, cancel := context.WithTimeout(ctx, actTimeout)
			defer cancel()
			err := of.act(acting, object)
			all.update(id, func(job *Job) { job.note(of.name(object), err) })
			return nil
		})
	}
	_ = group.Wait()
}

// note counts an object that was dealt with. The problem names it.
func (j *Job) note(problem JobProblem, err error) {
	j.Done++
	if err == nil {
		return
	}
	if _, refused := errors.AsType[*runs.Refusal](err); refused || errors.Is(err, everhook.ErrNoRun) ||
		errors.Is(err, deliverylog.ErrNoRecord) {
		j.Refused++
	} else {
		j.Failed++
	}
	if len(j.Problems) < keptProblems {
		problem.Detail = err.Error()
		j.Problems = append(j.Problems, problem)
	}
}

// selected are the runs of a filter that the actor may see: one execution of each.
func (s *service) selected(ctx context.Context, filter runs.Filter) (found []runs.Summary, more bool, err error) {
	seen := map[string]bool{}
	filter.Limit = 1000
	for {
		reading, cancel := context.WithTimeout(ctx, ReadTimeout)
		page, next, err := s.Runs.List(reading, filter)
		if err == nil {
			page, err = s.visibleRuns(reading, page)
		}
		cancel()
		if err != nil {
			return found, false, err
		}
		for _, run := range page {
			if id := everhook.WorkflowID(run.Flow, run.ID); !seen[id] {
				seen[id] = true
				found = append(found, run)
			}
		}
		switch filter.Page = next; {
		case len(found) >= jobRuns:
			return found[:jobRuns], len(found) > jobRuns || len(next) > 0, nil
		case len(next) == 0:
			return found, false, nil
		}
	}
}
