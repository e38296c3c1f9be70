package server

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/inbox"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/subflow"
	"github.com/everhook/everhook/receiver"
)

// loader finds called flows.
func (s *Server) loader() *subflow.Loader {
	return subflow.New(subflow.Options{Store: s.store, Versions: s.versions, Secret: s.secrets.Lookup,
		Permit: s.secrets.Permit, Env: s.env, Resume: s.catalog.ResumeBase, Links: s.links})
}

// calls implements api.Calls.
type calls struct {
	flows *subflow.Loader
	// starts start the runs, or keep them in the inbox; runs read their answers.
	starts  receiver.Starter
	runs    *runs.Starter
	waiting waitingRuns
	// input returns the start of a run that waits in the inbox.
	input func(ctx context.Context, row inbox.Row) ([]byte, error)
}

var _ api.Calls = calls{}

// newCalls makes the calls of the admin API. Without the role receiver there is no inbox: runs are started directly.
func (s *Server) newCalls() calls {
	c := calls{flows: s.loader(), runs: s.starter(), waiting: s.waitingRuns()}
	c.starts = starting{c.runs}
	if s.starts != nil {
		c.starts, c.runs = s.acceptingStarter(), s.starts
	}
	if s.has(RoleReceiver) {
		c.input = inboxOfProcess{s}.Input
	}
	return c
}

// maxCallWait bounds how long a call waits for its answer.
const maxCallWait = 50 * time.Second

// Start starts a run of a flow.
func (c calls) Start(ctx context.Context, flow string, call api.Call) (api.StartedRun, error) {
	callee, err := c.flows.Resolve(ctx, flow, 0, call.Input)
	if err != nil {
		return api.StartedRun{}, err
	}
	if len(callee.Wrong) > 0 {
		return api.StartedRun{}, &api.WrongInput{Problems: callee.Wrong}
	}
	started := api.StartedRun{RunAnswer: api.RunAnswer{Flow: flow, Version: callee.Version.Number}}
	if callee.Skips {
		started.Skipped = true
		return started, nil
	}
	d := callDelivery(&callee, call, time.Now().UTC())
	started.ID = d.RunID
	prepared, err := c.starts.Prepare(&callee.Version, d)
	if err != nil {
		return api.StartedRun{}, err
	}
	var begun everhook.Started
	if wait := waitOf(&callee, call.Wait); wait > 0 {
		begun, err = prepared.Run(ctx, wait)
	} else {
		begun, err = prepared.Start(ctx)
	}
	if err != nil {
		return api.StartedRun{}, err
	}
	started.Duplicate = begun.Duplicate
	if started.Answer = published(begun.Answer); started.Answer == nil {
		started.Status = everhook.Pending
	} else {
		started.Status = started.Answer.Ended
	}
	return started, nil
}

// waitOf is how long a call waits for its answer; 0 if it does not.
func waitOf(callee *subflow.Callee, wanted time.Duration) time.Duration {
	if callee.Version.Definition.Mode == everhook.Async {
		return 0
	}
	if wanted < 0 {
		wanted = callee.Flow.Wait().Std()
	}
	return min(wanted, maxCallWait)
}

// callDelivery is the delivery of a call. Its run ID follows from the key, so that a repeated call is the same run.
func callDelivery(callee *subflow.Callee, call api.Call, now time.Time) everhook.Delivery {
	d := everhook.Delivery{ID: string(everhook.NewRunID()), RunID: everhook.NewRunID(), ReceivedAt: now,
		Failure: callee.Failure, Actor: call.Actor}
	if len(call.Key) > 0 {
		key := hex.EncodeToString(call.Key)
		d.RunID = everhook.CallerRunID(callee.Stored.Secret, call.Actor, "call "+key)
		d.DedupeKey, d.Caller, d.Digest, d.Duplicates = call.Name, call.Actor, key, &everhook.DuplicatePolicy{}
	}
	d.Trigger = everhook.Mapping{"input": call.Input, "id": string(d.RunID), "receivedAt": everhook.FormatTime(now)}
	return d
}

// Answer returns the state of a run.
func (c calls) Answer(ctx context.Context, flow string, id everhook.RunID,
	wait time.Duration) (api.RunAnswer, string, error) {
	if row, waits := c.waiting.of(ctx, flow, id); waits {
		return c.notStarted(ctx, row)
	}
	got, err := c.runs.Answer(ctx, flow, id, wait)
	if err != nil {
		return api.RunAnswer{}, "", err
	}
	return api.RunAnswer{ID: id, Flow: flow, Version: got.Version, Status: got.Status,
		Answer: published(got.Answer)}, got.Actor, nil
}

// notStarted is the state of a run that is not started yet, and the actor who started it.
func (c calls) notStarted(ctx context.Context, row inbox.Row) (api.RunAnswer, string, error) {
	waiting := api.RunAnswer{ID: row.Run, Flow: row.Flow, Version: row.Version, Status: waitingStatus(row)}
	data, err := c.input(ctx, row)
	if errors.Is(err, inbox.ErrNoRow) { // a dead letter, or it is started just now
		return waiting, "", nil
	}
	if err != nil {
		return waiting, "", err
	}
	early, err := runs.EarlyAnswer(data)
	if err != nil {
		return waiting, "", err
	}
	waiting.Answer = published(early)
	d, err := runs.StoredDelivery(data)
	return waiting, d.Actor, err
}

// published is an answer without what only receivers need.
func published(answer *everhook.Answer) *everhook.Answer {
	if answer == nil {
		return nil
	}
	shown := *answer
	shown.Delivery, shown.Digest = "", ""
	return &shown
}
