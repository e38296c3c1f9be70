package server

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/store"
)

// actions implements api.Actions.
type actions struct {
	*runs.Operator
	starter *runs.Starter
	store   *store.Store
	inboxed inboxed
}

var _ api.Actions = actions{}

// Cancel requests the cancellation of a run that is started.
func (a actions) Cancel(ctx context.Context, flow string, id everhook.RunID) error {
	err := a.Operator.Cancel(ctx, flow, id)
	if row, waits := a.inboxed(ctx, flow, id); errors.Is(err, everhook.ErrNoRun) && waits {
		return runs.Refusef("the run is not started yet: its delivery %d waits in the inbox", row.ID)
	}
	return err
}

// Retry takes the current version from the store, and the version of the run from its history.
func (a actions) Retry(ctx context.Context, flow string, id everhook.RunID, wanted api.RetryRequest,
	key []byte) (runs.Retried, error) {
	options := runs.RetryOptions{From: wanted.From}
	if len(key) > 0 {
		// Without its flow the run has no secret to derive from, and a repeated request may retry it twice.
		if stored, err := a.store.Flow(ctx, flow); err == nil {
			options.ID = everhook.DerivedRunID(stored.Secret, "retry of "+string(id)+" by "+hex.EncodeToString(key))
		}
	}
	if wanted.Current {
		version, err := a.enabled(ctx, flow)
		if err != nil {
			return runs.Retried{}, err
		}
		options.Version = &version
	}
	return a.starter.Retry(ctx, flow, id, options)
}

func (a actions) enabled(ctx context.Context, key string) (everhook.Version, error) {
	flow, err := a.store.Flow(ctx, key)
	if errors.Is(err, store.ErrNotFound) || err == nil && flow.Enabled == 0 {
		return everhook.Version{},
			runs.Refusef("flow %q has no enabled version; enable one, or retry with the version that the run had",
				key)
	}
	if err != nil {
		return everhook.Version{}, err
	}
	return a.store.Version(ctx, key, flow.Enabled)
}
