package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/store"
)

// Intervals of counting. Runs that were cancelled or had a timeout are looked for less often. Lists of Temporal lag, so
// each look goes back some time before the latest run that was counted.
const (
	countEvery     = time.Second
	countOthers    = 10 * time.Second
	recount        = 30 * time.Minute
	lagOfLists     = 3 * time.Second
	longLagOfLists = time.Minute
	// countLease is how long another process waits for one that died.
	countLease = 10 * time.Second
)

// Intervals of deletion.
const (
	deleteEvery = time.Minute
	// defaultDeleteAfter is how long a run that will be deleted is kept, so that its answer can be fetched.
	defaultDeleteAfter = time.Hour
	auditEvery         = time.Hour
	// deletedAtOnce bounds the runs of one flow that are deleted in one round.
	deletedAtOnce = 10_000
)

// retention counts runs that have ended, and deletes what is no longer kept. One process does it for all.
type retention struct {
	server *Server
	runs   *runs.Operator
	eraser *runs.Eraser
	holder string
	audit  time.Duration
	// deleteAfter is how long a run that will be deleted is kept, deleteEvery the interval of looks for them.
	deleteAfter, deleteEvery time.Duration
	counted                  struct{ all, others time.Time }
	deleted, forgotten       time.Time
	teller                   *teller
	// swept is up to when the runs of a flow were looked at for deletion.
	swept map[string]time.Time
}

func (s *Server) newEraser() *runs.Eraser {
	return runs.NewEraser(s.operator(), s.temporal.namespace, s.temporal.large.resolve,
		func(ctx context.Context, closed []runs.Closed) error {
			return s.store.CountRuns(ctx, s.countable(closed), time.Time{})
		})
}

func (s *Server) operator() *runs.Operator {
	return runs.NewOperator(s.temporal.client, s.with.Registry, s.temporal.attributes)
}

// startRetention starts counting and deleting; Stop ends it.
func (s *Server) startRetention() {
	r := &retention{server: s, runs: s.operator(), eraser: s.newEraser(), holder: rand.Text(),
		audit: s.options.AuditRetention.Std(), deleteAfter: cmp.Or(s.with.DeleteAfter, defaultDeleteAfter),
		swept: map[string]time.Time{}, teller: s.newTeller()}
	r.deleteEvery = min(deleteEvery, r.deleteAfter)
	ctx, cancel := context.WithCancel(context.Background())
	var working sync.WaitGroup
	working.Go(func() { r.run(ctx) })
	s.endRetention = func() {
		cancel()
		working.Wait()
		r.release()
	}
}

const leaseOfRetention = "retention"

// releaseTimeout bounds how long a stop waits for the store.
const releaseTimeout = time.Second

func (r *retention) release() {
	ctx, cancel := context.WithTimeout(context.Background(), releaseTimeout)
	defer cancel()
	_ = r.server.store.ReleaseLease(ctx, leaseOfRetention, r.holder) // it ends by itself, too
}

func (r *retention) run(ctx context.Context) {
	ticker := time.NewTicker(countEvery)
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := r.round(ctx, time.Now())
		if err != nil && ctx.Err() == nil && !failing {
			r.server.logger.Warn("ended runs are not counted and deleted for now; it is tried again each second",
				"error", err)
		}
		failing = err != nil
	}
}

// round does what is due, if this process is the one that does it.
func (r *retention) round(ctx context.Context, now time.Time) error {
	held, err := r.server.store.Lease(ctx, leaseOfRetention, r.holder, countLease)
	if err != nil || !held {
		return err
	}
	if err := r.count(ctx, now); err != nil {
		return err
	}
	r.teller.round(ctx)
	if now.Sub(r.deleted) >= r.deleteEvery {
		r.deleted = now
		if err := r.delete(ctx, now); err != nil {
			return err
		}
	}
	if now.Sub(r.forgotten) >= auditEvery {
		r.forgotten = now
		_, err = r.server.store.ForgetAudit(ctx, now.Add(-r.audit))
	}
	return err
}

// count adds the runs that ended since the last look to the counters.
func (r *retention) count(ctx context.Context, now time.Time) error {
	cursor, err := r.server.store.CountCursor(ctx)
	if err != nil {
		return err
	}
	back, usual := lagOfLists, true
	if now.Sub(r.counted.others) >= countOthers {
		back, usual = longLagOfLists, false
	}
	if now.Sub(r.counted.all) >= recount {
		back, usual = store.CountWindow(), false
	}
	since := time.Time{}
	if !cursor.IsZero() {
		since = cursor.Add(-back)
	}
	latest := cursor
	err = r.runs.ClosedSince(ctx, since, usual, func(closed []runs.Closed) error {
		for _, run := range closed {
			if run.At.After(latest) {
				latest = run.At
			}
		}
		return r.server.store.CountRuns(ctx, r.server.countable(closed), time.Time{})
	})
	if err != nil {
		return err
	}
	if !usual {
		r.counted.others = now
	}
	if back == store.CountWindow() {
		r.counted.all = now
	}
	if latest.After(cursor) {
		return r.server.store.CountRuns(ctx, nil, latest)
	}
	return nil
}

// countable are ended runs as the store counts them.
func (s *Server) countable(closed []runs.Closed) []store.ClosedRun {
	all := make([]store.ClosedRun, len(closed))
	for i, run := range closed {
		all[i] = store.ClosedRun{Execution: run.Execution, Flow: run.Flow, Run: run.ID, Version: run.Version,
			Status: run.Status, ClosedAt: run.At, Tell: s.telling.concerns(run)}
	}
	return all
}

// delete deletes the runs that end with a status of the enabled version's options.deleteOn.
func (r *retention) delete(ctx context.Context, now time.Time) error {
	enabled, err := r.server.store.EnabledVersions(ctx)
	if err != nil {
		return err
	}
	before := now.Add(-r.deleteAfter)
	for _, flow := range enabled {
		statuses := flow.Version.Definition.Options.DeleteOn
		if len(statuses) == 0 {
			continue
		}
		name := flow.Flow.Key + " " + flow.Version.Hash
		number := 0
		for _, status := range statuses {
			err := r.runs.ClosedOf(ctx, flow.Flow.Key, status, r.swept[name], before, func(closed []runs.Closed) error {
				for _, run := range closed {
					if run.Keyed || number >= deletedAtOnce {
						continue
					}
					number++
					if err := r.eraser.Delete(ctx, run.Flow, run.ID); !runs.IsOver(err) {
						return err
					}
				}
				return ctx.Err()
			})
			if err != nil {
				return err
			}
		}
		if number > 0 {
			r.server.logger.Info("deleted runs that options.deleteOn names", "flow", flow.Flow.Key, "runs", number)
		}
		if number < deletedAtOnce {
			r.swept[name] = before.Add(-longLagOfLists)
		}
	}
	return nil
}

// erasing implements api.Erasing: what it does is in the audit trail.
type erasing struct {
	*runs.Eraser
	store *store.Store
	log   *deliverylog.Log
}

// Delete deletes a run and records it.
func (e erasing) Delete(ctx context.Context, flow string, id everhook.RunID) error {
	if err := e.Eraser.Delete(ctx, flow, id); err != nil {
		return err
	}
	return e.store.Record(ctx, store.Change{Action: "delete", Object: "run", Name: everhook.WorkflowID(flow, id)})
}

// Erase deletes the runs of a page that match, with what is on record of their deliveries, and records which. The value
// is personal, and not recorded.
func (e erasing) Erase(ctx context.Context, match runs.Match, dry bool, page []byte) (runs.Erased, error) {
	erased, err := e.Eraser.Erase(ctx, match, dry, page)
	if err != nil || dry || len(erased.Found) == 0 {
		return erased, err
	}
	ids, ended := make([]string, len(erased.Found)), []everhook.RunID{}
	for i, run := range erased.Found {
		ids[i] = everhook.WorkflowID(run.Flow, run.ID)
		if run.Status.Ended() {
			ended = append(ended, run.ID)
		}
	}
	if err := e.log.DeleteRuns(ctx, ended); err != nil {
		return erased, err
	}
	return erased, e.store.Record(ctx, store.Change{Action: "erase", Object: "run", Name: match.Path.String(),
		Detail: map[string]any{"runs": ids}})
}
