package admin

import (
	"context"
	"errors"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/internal/runs"
)

// Deliveries limits deliveries on record.
func (l Limits) Deliveries(all api.Deliveries) api.Deliveries { return limitedDeliveries{l, all} }

type limitedDeliveries struct {
	Limits
	all api.Deliveries
}

// List implements api.Deliveries. An actor without a right to see values cannot search for them.
func (d limitedDeliveries) List(ctx context.Context, f deliverylog.Filter) ([]deliverylog.Record, error) {
	actor := access.From(ctx)
	if err := access.Require(ctx, access.Viewer); err != nil {
		return nil, err
	}
	if actor.ValuesHidden && f.Value != "" {
		return nil, &access.Denied{Actor: actor, Needed: access.Operator}
	}
	if actor.Limited() {
		labels, err := d.Labels(ctx)
		if err != nil {
			return nil, err
		}
		seen := []string{}
		for _, flow := range everhook.SortedKeys(labels) {
			if actor.MayWith(access.Viewer, flow, labels[flow]) && (f.Flows == nil || f.Flows[0] == flow) {
				seen = append(seen, flow)
			}
		}
		f.Flows = seen
	}
	records, err := d.all.List(ctx, f)
	for i := range records {
		hide(&records[i], actor.ValuesHidden)
	}
	return records, err
}

// hide removes what a caller sent from a record, if values are hidden.
func hide(r *deliverylog.Record, hidden bool) {
	if hidden {
		r.Fields, r.Request, r.HasRequest = nil, nil, false
	}
}

// Get implements api.Deliveries.
func (d limitedDeliveries) Get(ctx context.Context, id string) (*deliverylog.Record, error) {
	r, err := d.all.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := d.permit(ctx, access.Viewer, r.Flow); err != nil {
		return nil, unseen(err)
	}
	hide(r, access.From(ctx).ValuesHidden)
	return r, nil
}

// unseen is the error for a delivery of a flow that the actor does not see.
func unseen(err error) error {
	if errors.Is(err, everhook.ErrNoRun) {
		return deliverylog.ErrNoRecord
	}
	return err
}

// Replay implements api.Deliveries.
func (d limitedDeliveries) Replay(ctx context.Context, id string, wanted api.ReplayRequest,
	key []byte) (runs.Replayed, error) {
	r, err := d.all.Get(ctx, id)
	if err != nil {
		return runs.Replayed{}, err
	}
	if err := d.permit(ctx, access.Operator, r.Flow); err != nil {
		return runs.Replayed{}, unseen(err)
	}
	return d.all.Replay(ctx, id, wanted, key)
}

// Sample implements api.Deliveries.
func (d limitedDeliveries) Sample(ctx context.Context, flow string) (*api.Sample, error) {
	if err := d.permit(ctx, access.Viewer, flow); err != nil {
		return nil, unseen(err)
	}
	if actor := access.From(ctx); actor.ValuesHidden {
		return nil, &access.Denied{Actor: actor, Needed: access.Operator}
	}
	return d.all.Sample(ctx, flow)
}

// Erase implements api.Deliveries.
func (d limitedDeliveries) Erase(ctx context.Context, match runs.Match, dry bool,
	after string) (deliverylog.Erased, error) {
	if err := access.RequireEverywhere(ctx, access.Admin); err != nil {
		return deliverylog.Erased{}, err
	}
	return d.all.Erase(ctx, match, dry, after)
}
