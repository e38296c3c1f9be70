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
	"github.com/everhook/everhook/internal/runs"
)

// Job is an action on many runs. Its state is kept by the process that works on it, for a day; it ends with the
// process.
type Job struct {
	ID     string `json:"id"`
	Action string `json:"action" enum:"cancel,retry"`
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

// JobProblem says why a run was not acted on.
type JobProblem struct {
	Run    everhook.RunID `json:"run"`
	Flow   string         `json:"flow"`
	Detail string         `json:"detail"`
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

// work looks for the runs of a job and acts on each.
func (s *service) work(ctx context.Context, id string, filter runs.Filter,
	act func(ctx context.Context, run runs.Summary) error) {
	defer s.jobs.update(id, func(job *Job) {
		now := time.Now().UTC()
		job.State, job.Ended = jobEnded, &now
	})
	found, more, err := s.selected(ctx, filter)
	s.jobs.update(id, func(job *Job) {
		job.State, job.Found, job.More = jobWorking, len(found), more
		if err != nil {
			job.Failed++
			job.Problems = append(job.Problems, JobProblem{Detail: fmt.Sprintf("not all runs were found: %v", err)})
		}
	})
	var group errgroup.Group
	group.SetLimit(jobAtOnce)
	for _, run := range found {
		group.Go(func() error {
			acting, cancel := context.WithTimeout(ctx, actTimeout)
			defer cancel()
			err := act(acting, run)
			s.jobs.update(id, func(job *Job) { job.note(run, err) })
			return nil
		})
	}
	_ = group.Wait()
}

// note counts a run that was dealt with.
func (j *Job) note(run runs.Summary, err error) {
	j.Done++
	if err == nil {
		return
	}
	if _, refused := errors.AsType[*runs.Refusal](err); refused || errors.Is(err, everhook.ErrNoRun) {
		j.Refused++
	} else {
		j.Failed++
	}
	if len(j.Problems) < keptProblems {
		j.Problems = append(j.Problems, JobProblem{run.ID, run.Flow, err.Error()})
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
