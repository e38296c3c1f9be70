package jobs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/everhook/everhook/internal/access"
)

// work does a job.
func (j *Jobs) work(job Job, r Request) {
	ctx, cancel := context.WithCancel(j.ctx)
	defer cancel()
	w := &working{Jobs: j, job: job, request: r, lost: cancel}
	var saving sync.WaitGroup
	saving.Go(func() { w.save(ctx) })
	w.do(ctx)
	if ctx.Err() == nil {
		w.mutex.Lock()
		j.finish(&w.job)
		w.mutex.Unlock()
	}
	cancel()
	saving.Wait()
}

// working is a job that this process works on.
type working struct {
	*Jobs
	request Request
	// lost ends the work, because another process has the job.
	lost context.CancelFunc

	mutex sync.Mutex
	job   Job
}

func (w *working) update(change func(*Job)) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	change(&w.job)
}

// save keeps the progress and the lease.
func (w *working) save(ctx context.Context) {
	ticker := time.NewTicker(min(time.Second, w.options.Lease/5))
	defer ticker.Stop()
	saved := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		w.mutex.Lock()
		held := true
		var err error
		if w.job.State != Ended {
			held, err = w.options.Store.SaveJob(ctx, w.job.written(), w.holder, w.options.Lease)
		}
		w.mutex.Unlock()
		switch {
		case err == nil && held:
			saved = time.Now()
		case ctx.Err() != nil:
			return
		case err == nil || time.Since(saved) >= w.options.Lease:
			w.options.Logger.Warn("another process goes on with a job", "job", w.job.ID, "error", err)
			w.lost()
			return
		}
	}
}

// do looks for the objects and acts on each.
func (w *working) do(ctx context.Context) {
	found, more, err := w.find(ctx)
	w.update(func(job *Job) {
		job.State, job.Found, job.More = Working, len(found), more
		if err != nil {
			job.Failed++
			job.problem(Problem{Detail: fmt.Sprintf("not all were found: %v", err)})
		}
	})
	if w.request.Dry {
		return
	}
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, item := range found {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			err := w.act(ctx, item)
			if ctx.Err() == nil {
				w.update(func(job *Job) { job.note(item, err) })
			}
			return nil
		})
	}
	_ = group.Wait()
}

// find returns the objects of the job, each once.
func (w *working) find(ctx context.Context) (found []Item, more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	work, ctx, err := w.ready(ctx)
	if err != nil {
		return nil, false, err
	}
	all, more, err := work.Find(ctx, w.request.Of)
	seen := map[Item]bool{}
	for _, item := range all {
		if !seen[item] {
			seen[item] = true
			found = append(found, item)
		}
	}
	if len(found) > Most {
		found, more = found[:Most], true
	}
	return found, more, err
}

// act acts on an object.
func (w *working) act(ctx context.Context, item Item) error {
	ctx, cancel := context.WithTimeout(ctx, actTimeout)
	defer cancel()
	work, ctx, err := w.ready(ctx)
	if err != nil {
		return err
	}
	return work.Act(ctx, w.request.Of, item, []byte("job "+w.job.ID))
}

// ready returns what the job does, and a context of its actor with the rights of this moment.
func (w *working) ready(ctx context.Context) (Work, context.Context, error) {
	work, ok := w.options.Works[w.request.Action]
	if !ok {
		return nil, ctx, fmt.Errorf("this release does not know the action %s", w.request.Action)
	}
	actor, err := w.options.Actor(ctx, w.request.Actor)
	if err != nil {
		return nil, ctx, fmt.Errorf("the rights of %s: %w", w.request.Actor, err)
	}
	return work, access.With(ctx, actor), nil
}
