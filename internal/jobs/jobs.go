package jobs

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/store"
)

// Store keeps jobs; *store.Store implements it.
type Store interface {
	BeginJob(ctx context.Context, job store.Job, change store.Change, holder string, lease time.Duration,
		most int) (store.Job, bool, error)
	Job(ctx context.Context, id string) (store.Job, error)
	SaveJob(ctx context.Context, job store.Job, holder string, lease time.Duration) (held bool, err error)
	TakeJob(ctx context.Context, holder string, lease time.Duration) (job store.Job, taken bool, err error)
}

// Options configure Jobs. All but Logger and Lease are required.
type Options struct {
	Store Store
	// Works are what jobs do.
	Works map[Action]Work
	// Actor returns an actor with the rights of this moment, see access.Service.ActorNow.
	Actor  func(ctx context.Context, id string) (access.Actor, error)
	Logger *slog.Logger
	// Lease is how long a job waits for a process that has died. Default 15s.
	Lease time.Duration
}

// Bounds of jobs.
const (
	defaultLease = 15 * time.Second
	// maxJobs bounds the jobs that go on at the same time, atOnce how many objects one works on at a time, and
	// maxTakeovers how often another process goes on with one.
	maxJobs      = 4
	atOnce       = 8
	maxTakeovers = 3
	// findTimeout bounds the search for the objects, actTimeout an action on one.
	findTimeout = 10 * time.Minute
	actTimeout  = 60 * time.Second
)

// Jobs works on jobs. It is safe for concurrent use.
type Jobs struct {
	options Options
	holder  string
	// ctx is the context of all work; Close ends it.
	ctx     context.Context
	end     context.CancelFunc
	working sync.WaitGroup
}

// New returns a Jobs that goes on with the jobs of processes that have died.
func New(o Options) *Jobs {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Lease = cmp.Or(o.Lease, defaultLease)
	j := &Jobs{options: o, holder: rand.Text()}
	j.ctx, j.end = context.WithCancel(context.Background())
	j.working.Go(j.takeOver)
	return j
}

// Close stops to work. A job that goes on is taken over by another process, or the next one.
func (j *Jobs) Close() {
	j.end()
	j.working.Wait()
}

// Begin begins a job, and returns once it is stored. A job with the same ID is begun once. The error wraps
// store.ErrTooManyJobs if too many go on.
func (j *Jobs) Begin(ctx context.Context, id string, r Request, change store.Change) (Job, error) {
	job := Job{ID: id, Action: r.Action, State: Looking, DryRun: r.Dry, Started: time.Now().UTC(), actor: r.Actor}
	request, err := json.Marshal(r)
	if err != nil {
		return Job{}, err
	}
	stored := job.written()
	stored.Request = string(request)
	begun, isNew, err := j.options.Store.BeginJob(ctx, stored, change, j.holder, j.options.Lease, maxJobs)
	if err != nil {
		return Job{}, err
	}
	if !isNew {
		job, _, err = read(begun)
		return job, err
	}
	j.working.Go(func() { j.work(job, r) })
	return job, nil
}

// Get returns a job; the error wraps store.ErrNotFound if there is none.
func (j *Jobs) Get(ctx context.Context, id string) (Job, error) {
	stored, err := j.options.Store.Job(ctx, id)
	if err != nil {
		return Job{}, err
	}
	job, _, err := read(stored)
	return job, err
}

// takeOver goes on with the jobs of processes that have died.
func (j *Jobs) takeOver() {
	ticker := time.NewTicker(j.options.Lease / 3)
	defer ticker.Stop()
	for {
		stored, taken, err := j.options.Store.TakeJob(j.ctx, j.holder, j.options.Lease)
		if err != nil && j.ctx.Err() == nil {
			j.options.Logger.Warn("the store does not tell which jobs wait; it is asked again", "error", err)
		}
		if taken {
			j.resume(stored)
			continue
		}
		select {
		case <-j.ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// resume goes on with a job.
func (j *Jobs) resume(stored store.Job) {
	job, request, err := read(stored)
	if err == nil && job.Takeovers > maxTakeovers {
		err = errors.New("the processes that worked on the job died, one after the other; start it again")
	}
	if err != nil {
		job.problem(Problem{Detail: err.Error()})
		j.finish(&job)
		return
	}
	j.options.Logger.Info("a job of a process that died goes on", "job", job.ID, "action", job.Action)
	job = Job{ID: job.ID, Action: job.Action, State: Looking, DryRun: job.DryRun, Started: job.Started,
		Takeovers: job.Takeovers, actor: job.actor}
	j.working.Go(func() { j.work(job, request) })
}

// finish stores the end of a job.
func (j *Jobs) finish(job *Job) {
	job.State, job.Ended = Ended, new(time.Now().UTC())
	if _, err := j.options.Store.SaveJob(j.ctx, job.written(), j.holder, j.options.Lease); err != nil {
		j.options.Logger.Warn("the end of a job cannot be stored: it is done again", "job", job.ID, "error", err)
	}
}
