package server

import (
	"context"
	"errors"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/workflows"
)

// actions are what the admin address can do to runs.
type actions struct {
	*workflows.Runs
	starter *workflows.Starter
	store   *store.Store
}

var _ admin.Actions = actions{}

// Retry takes the current version from the store; the version that the run had is in its history.
func (a actions) Retry(ctx context.Context, flow string, id everhook.RunID, current bool,
	from string) (workflows.Retried, error) {
	options := workflows.RetryOptions{From: from}
	if current {
		version, err := a.enabled(ctx, flow)
		if err != nil {
			return workflows.Retried{}, err
		}
		options.Version = &version
	}
	return a.starter.Retry(ctx, flow, id, options)
}

func (a actions) enabled(ctx context.Context, key string) (everhook.Version, error) {
	flow, err := a.store.Flow(ctx, key)
	if errors.Is(err, store.ErrNotFound) || err == nil && flow.Enabled == 0 {
		return everhook.Version{},
			workflows.Refusef("flow %q has no enabled version; enable one, or retry with the version that the run had",
				key)
	}
	if err != nil {
		return everhook.Version{}, err
	}
	return a.store.Version(ctx, key, flow.Enabled)
}
