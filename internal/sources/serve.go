package sources

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/catalog"
	"github.com/everhook/everhook/nodes/kind"
)

// startTimeout bounds one start. A start goes on if its source is stopped meanwhile.
const startTimeout = 10 * time.Second

// serve runs a source until ctx ends, and restarts it when it fails.
func (s *Sources) serve(ctx context.Context, flow catalog.Sourced) {
	definition := flow.Version.Definition
	logger := s.options.Logger.With("flow", definition.Key, "version", flow.Version.Number, "trigger",
		definition.Trigger.Type)
	served := kind.SourceFlow{
		Key: definition.Key, Version: flow.Version.Number, Secret: s.options.Secret, Logger: logger,
		Start: func(ctx context.Context, event kind.Event) (kind.Started, error) {
			return s.start(ctx, flow, event, logger)
		},
	}
	pause := s.options.Pause
	for ctx.Err() == nil {
		began := s.options.Clock()
		err := guarded(ctx, flow.Source, served, logger)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			logger.Info("the trigger has ended: it starts no more runs until its flow changes or this process " +
				"starts again")
			return
		}
		if s.options.Clock().Sub(began) >= maxPause {
			pause = s.options.Pause
		}
		logger.Error("the trigger failed and is started again", "error", s.options.Redact(err.Error()), "after", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, maxPause)
	}
}

// guarded runs a source and returns a panic as an error.
func guarded(ctx context.Context, source kind.Source, flow kind.SourceFlow, logger *slog.Logger) (err error) {
	defer func() {
		if caught := recover(); caught != nil {
			logger.Error("a trigger panicked", "stack", string(debug.Stack()))
			err = fmt.Errorf("it panicked: %v", caught)
		}
	}()
	return source.Serve(ctx, flow)
}

// start starts the run of an event, and returns when it is durable.
func (s *Sources) start(ctx context.Context, flow catalog.Sourced, event kind.Event,
	logger *slog.Logger) (kind.Started, error) {
	d, size, err := s.delivery(flow, event)
	if err != nil {
		return kind.Started{}, err
	}
	if err := ctx.Err(); err != nil {
		return kind.Started{}, err
	}
	if filtering, ok := flow.Source.(kind.Filtering); ok {
		taken, err := filtering.Takes(d.Trigger)
		if err != nil {
			d.Failure = everhook.AsError(err).At(everhook.TriggerStep)
		} else if !taken {
			s.options.Observe(Record{Flow: flow.Version.Definition.Key, Bytes: size, Skipped: true})
			logger.Info("event", "skipped", true)
			return kind.Started{Skipped: true}, nil
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
	defer cancel()
	began := s.options.Clock()
	started, err := s.options.Start(ctx, flow.Version, d)
	s.options.Observe(Record{
		Flow: flow.Version.Definition.Key, Run: d.RunID, Bytes: size, Took: s.options.Clock().Sub(began),
		Duplicate: started.Duplicate, Failed: err != nil,
	})
	if err != nil {
		return kind.Started{}, fmt.Errorf("start a run: %w", err)
	}
	logger.Info("event", "run", d.RunID, "duplicate", started.Duplicate)
	return kind.Started{RunID: d.RunID, Duplicate: started.Duplicate}, nil
}

// delivery makes the input of a run from an event, and returns the size of its data. The run ID also depends on the
// kind of trigger, because a flow whose trigger changes has other events.
func (s *Sources) delivery(flow catalog.Sourced, event kind.Event) (d everhook.Delivery, size int, err error) {
	if event.Key == "" {
		return d, 0, errors.New("an event without a key: what is given twice could not be told from what happens twice")
	}
	canonical, err := everhook.Canonical(event.Data)
	if err != nil {
		return d, 0, fmt.Errorf("the data of the event %s: %w", everhook.Shorten(event.Key, 100), err)
	}
	data, ok := canonical.(map[string]any)
	if !ok { // the event has no data
		data = map[string]any{}
	}
	encoded, err := everhook.EncodeJSON(data)
	if err != nil {
		return d, 0, fmt.Errorf("the data of the event %s: %w", everhook.Shorten(event.Key, 100), err)
	}
	digest := sha256.Sum256(encoded)
	return everhook.Delivery{
		ID: string(everhook.NewRunID()), RunID: everhook.DerivedRunID(flow.Secret, flow.Version.Definition.Trigger.Type+
			"\x00"+event.Key),
		ReceivedAt: s.options.Clock(), Trigger: data, Digest: hex.EncodeToString(digest[:]), DedupeKey: event.Key,
		Duplicates: &everhook.DuplicatePolicy{Rerun: event.Rerun},
	}, len(encoded), nil
}
