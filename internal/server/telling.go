package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/internal/subflow"
)

// telling says which flow is told of runs that did not resolve (--on-failure), and since when. The zero value tells
// none.
type telling struct {
	flow  string
	since time.Time
}

// concerns reports whether the flow is told of a run if that did not resolve. It is never told of its own runs, nor of
// those that they called: else a defect of it would call it again and again.
func (t telling) concerns(run runs.Closed) bool {
	return t.flow != "" && run.Flow != t.flow && run.Root != t.flow && !run.At.Before(t.since)
}

// openTelling reads since when a flow is told of runs. Of processes without --on-failure, those that count runs end it.
func (s *Server) openTelling(ctx context.Context) error {
	if s.options.OnFailure == "" && !s.has(RoleWorker) {
		return nil
	}
	since, err := s.store.TellSince(ctx, s.options.OnFailure == "")
	s.telling = telling{s.options.OnFailure, since}
	return err
}

// Bounds of telling.
const (
	// toldAtOnce is how many runs one round tells of.
	toldAtOnce = 50
	// tellFor is how long it is tried to tell of a run.
	tellFor = 24 * time.Hour
	// tellPause is the pause after a flow that could not be called, tellTimeout bounds one call.
	tellPause   = 10 * time.Second
	tellTimeout = 20 * time.Second
)

// teller calls the flow for runs that did not resolve.
type teller struct {
	*Server
	flows  *subflow.Loader
	starts *runs.Starter
	runs   *runs.Operator
	// after is when the flow is called again after it could not be; zero if it could.
	after time.Time
}

func (s *Server) newTeller() *teller {
	return &teller{Server: s, flows: s.loader(), starts: s.starter(), runs: s.operator()}
}

// round calls the flow for the runs that wait. The ID of such a call's run follows from the run that it tells of, so
// each is told of once, however often it is tried.
func (t *teller) round(ctx context.Context) {
	if t.telling.flow == "" || time.Now().Before(t.after) {
		return
	}
	waiting, err := t.store.Unresolved(ctx, toldAtOnce)
	for _, run := range waiting {
		if err = t.tell(ctx, run); err != nil && time.Since(run.ClosedAt) < tellFor {
			break
		}
		if err != nil {
			t.logger.Error("the flow of --on-failure was not told of a run", "flow", run.Flow, "run", run.Run, "error",
				err)
		}
		if err = t.store.Told(ctx, run.Execution); err != nil {
			break
		}
	}
	switch {
	case ctx.Err() != nil:
	case err == nil:
		t.after = time.Time{}
	default:
		if t.after.IsZero() {
			t.logger.Warn("the flow of --on-failure cannot be called; it is tried again for a day", "flow",
				t.telling.flow, "error", err)
		}
		t.after = time.Now().Add(tellPause)
	}
}

// tell calls the flow for a run.
func (t *teller) tell(ctx context.Context, run store.ClosedRun) error {
	ctx, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	input := t.inputOf(ctx, run)
	callee, err := t.flows.Resolve(ctx, t.telling.flow, 0, input)
	if err != nil || callee.Skips {
		return err
	}
	if len(callee.Wrong) > 0 {
		return fmt.Errorf("its schema refuses what it is told: %s: %s", callee.Wrong[0].Pointer,
			callee.Wrong[0].Detail)
	}
	id := everhook.DerivedRunID(callee.Stored.Secret, "on failure of "+run.Execution)
	now := time.Now().UTC()
	_, err = t.starts.Start(ctx, &callee.Version, everhook.Delivery{ID: string(id), RunID: id, ReceivedAt: now,
		Failure: callee.Failure, DedupeKey: run.Execution, Digest: run.Execution,
		Duplicates: &everhook.DuplicatePolicy{},
		Trigger:    everhook.Mapping{"input": input, "id": string(id), "receivedAt": everhook.FormatTime(now)}})
	return err
}

// inputOf is the input of the flow: what is known of a run that did not resolve. A run that was deleted has no error.
func (t *teller) inputOf(ctx context.Context, run store.ClosedRun) map[string]any {
	input := map[string]any{"run": string(run.Run), "flow": run.Flow, "version": run.Version,
		"status": string(run.Status), "ended": everhook.FormatTime(run.ClosedAt.UTC()), "error": nil,
		"url": nil}
	if base := t.PeopleURL(); base != "" {
		input["url"] = base + "/runs/" + string(run.Run)
	}
	outcome, err := t.runs.EndOf(ctx, run.Flow, run.Run, run.Execution)
	if err != nil && !errors.Is(err, everhook.ErrNoRun) {
		t.logger.Warn("the error of a run cannot be read", "flow", run.Flow, "run", run.Run, "error", err)
	}
	if outcome.Error != nil {
		input["error"] = map[string]any{"type": outcome.Error.Type, "message": outcome.Error.Message,
			"node": outcome.Error.Node}
	}
	return input
}
