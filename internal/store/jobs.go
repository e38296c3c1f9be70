package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Job is a long action that outlives its process.
type Job struct {
	ID string
	// Request says what to do, and Progress how far it is: JSON of the caller.
	Request, Progress string
	Started           time.Time
	// Ended is zero while it goes on.
	Ended time.Time
	// Takeovers counts the processes that went on with it after the one before had died.
	Takeovers int
}

// ErrTooManyJobs is the error of BeginJob while as many jobs go on as may.
var ErrTooManyJobs = errors.New("as many jobs go on as may; wait until one has ended")

// cursorOfJobs is locked while a job begins, so that they are counted one after the other.
const cursorOfJobs = "jobs"

// Bounds of jobs.
const (
	// jobKept is how long an ended job is kept, jobsKept how many of them.
	jobKept  = 24 * time.Hour
	jobsKept = 1000
)

// BeginJob adds a job for a holder, together with the entry of the audit trail, unless there is a job with its ID: then
// that is returned. It returns ErrTooManyJobs if most jobs go on.
func (s *Store) BeginJob(ctx context.Context, job Job, change Change, holder string, lease time.Duration,
	most int) (begun Job, isNew bool, err error) {
	err = s.change(ctx, func(tx *transaction) error {
		begun, isNew = job, false
		now := time.Now()
		if _, err := lockCursor(ctx, tx, cursorOfJobs); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, deleteOldJobs, moment(now.Add(-jobKept)), jobsKept); err != nil {
			return err
		}
		added, err := tx.exec(ctx, insertJob, job.ID, job.Request, job.Progress, moment(job.Started), holder,
			moment(now.Add(lease)))
		if err != nil {
			return err
		}
		if added == 0 {
			begun, _, err = one(ctx, tx.conn, scanJob, selectJob, job.ID)
			return err
		}
		working, _, err := one(ctx, tx.conn, value[int64], countJobs)
		if err != nil {
			return err
		}
		if working > int64(most) {
			return ErrTooManyJobs
		}
		isNew = true
		return tx.record(ctx, change)
	})
	return begun, isNew && err == nil, err
}

// Job returns a job, or ErrNotFound.
func (s *Store) Job(ctx context.Context, id string) (Job, error) {
	job, found, err := one(ctx, s.db, scanJob, selectJob, id)
	if err == nil && !found {
		err = fmt.Errorf("job %s: %w", id, ErrNotFound)
	}
	return job, err
}

// SaveJob keeps the progress of a job and renews its lease. It reports false if the holder has lost the job.
func (s *Store) SaveJob(ctx context.Context, job Job, holder string, lease time.Duration) (held bool, err error) {
	err = s.change(ctx, func(tx *transaction) error {
		saved, err := tx.exec(ctx, saveJob, job.Progress, moment(job.Ended), moment(time.Now().Add(lease)), job.ID,
			holder)
		held = saved > 0
		return err
	})
	return held && err == nil, err
}

// TakeJob gives a job whose holder has died to another one. It returns false if there is none.
func (s *Store) TakeJob(ctx context.Context, holder string, lease time.Duration) (job Job, taken bool, err error) {
	err = s.change(ctx, func(tx *transaction) error {
		now := time.Now()
		if job, taken, err = one(ctx, tx.conn, scanJob, tx.forUpdate(selectLostJob), moment(now)); err != nil {
			return err
		} else if !taken {
			return errUnchanged
		}
		job.Takeovers++
		_, err := tx.exec(ctx, takeJob, holder, moment(now.Add(lease)), job.Takeovers, job.ID)
		return err
	})
	return job, taken && err == nil, err
}

func scanJob(row scanner) (job Job, err error) {
	err = row.Scan(&job.ID, &job.Request, &job.Progress, (*moment)(&job.Started), (*moment)(&job.Ended),
		&job.Takeovers)
	return job, err
}

const (
	jobColumns    = `id, request, progress, started_at, ended_at, takeovers`
	deleteOldJobs = `DELETE FROM jobs WHERE ended_at > 0 AND (ended_at < ? OR id NOT IN
		(SELECT id FROM jobs WHERE ended_at > 0 ORDER BY ended_at DESC LIMIT ?))`
	insertJob = `INSERT INTO jobs (id, request, progress, started_at, ended_at, holder, until, takeovers)
		VALUES (?, ?, ?, ?, 0, ?, ?, 0) ON CONFLICT (id) DO NOTHING`
	selectJob     = `SELECT ` + jobColumns + ` FROM jobs WHERE id = ?`
	countJobs     = `SELECT count(*) FROM jobs WHERE ended_at = 0`
	saveJob       = `UPDATE jobs SET progress = ?, ended_at = ?, until = ? WHERE id = ? AND holder = ? AND ended_at = 0`
	selectLostJob = `SELECT ` + jobColumns + ` FROM jobs WHERE ended_at = 0 AND until <= ? ORDER BY started_at LIMIT 1`
	takeJob       = `UPDATE jobs SET holder = ?, until = ?, takeovers = ? WHERE id = ?`
)
