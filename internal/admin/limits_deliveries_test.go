package admin_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/admin"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/internal/runs"
)

// onRecord has one delivery, to the flow pay.
type onRecord struct {
	id       string
	asked    *deliverylog.Filter
	replayed int
}

func (o *onRecord) record() *deliverylog.Record {
	return &deliverylog.Record{ID: o.id, Flow: "pay", Fields: []deliverylog.Field{{Name: "a", Value: "secret"}},
		HasRequest: true, Request: &deliverylog.Request{Method: "POST"}}
}

func (o *onRecord) List(_ context.Context, f deliverylog.Filter) ([]deliverylog.Record, error) {
	o.asked = &f
	return []deliverylog.Record{*o.record()}, nil
}

func (o *onRecord) Get(context.Context, string) (*deliverylog.Record, error) { return o.record(), nil }

func (o *onRecord) Replay(context.Context, string, api.ReplayRequest, []byte) (runs.Replayed, error) {
	o.replayed++
	return runs.Replayed{}, nil
}

func (o *onRecord) Sample(context.Context, string) (*api.Sample, error) { return &api.Sample{}, nil }

func (o *onRecord) Erase(context.Context, runs.Match, bool, string) (deliverylog.Erased, error) {
	return deliverylog.Erased{}, nil
}

func TestALabelLimitsDeliveries(t *testing.T) {
	t.Parallel()
	limits := admin.Limits{Labels: func(context.Context) (map[string][]string, error) {
		return map[string][]string{"orders": {"crm"}, "pay": {"money"}}, nil
	}}
	source := &onRecord{id: everhook.NewDeliveryID(time.Now())}
	all := limits.Deliveries(source)
	as := func(a access.Actor) context.Context { return access.With(t.Context(), a) }

	other := as(access.Actor{Role: access.Operator, Labels: []string{"crm"}})
	_, err := all.List(other, deliverylog.Filter{})
	require.NoError(t, err)
	require.Equal(t, []string{"orders"}, source.asked.Flows)
	_, err = all.List(other, deliverylog.Filter{Flows: []string{"pay"}})
	require.NoError(t, err)
	require.Equal(t, []string{}, source.asked.Flows, "none, and not all")
	_, err = all.Get(other, source.id)
	require.ErrorIs(t, err, deliverylog.ErrNoRecord)
	_, err = all.Replay(other, source.id, api.ReplayRequest{}, nil)
	require.ErrorIs(t, err, deliverylog.ErrNoRecord)
	_, err = all.Sample(other, "pay")
	require.ErrorIs(t, err, deliverylog.ErrNoRecord)
	require.Zero(t, source.replayed)

	own := as(access.Actor{Role: access.Operator, Labels: []string{"money"}})
	record, err := all.Get(own, source.id)
	require.NoError(t, err)
	require.NotNil(t, record.Request)
	_, err = all.Replay(own, source.id, api.ReplayRequest{}, nil)
	require.NoError(t, err)
	require.Equal(t, 1, source.replayed)

	viewer := as(access.Actor{Role: access.Viewer, ValuesHidden: true})
	record, err = all.Get(viewer, source.id)
	require.NoError(t, err)
	require.Nil(t, record.Request)
	require.Empty(t, record.Fields)
	denied := func(err error) {
		t.Helper()
		_, ok := errors.AsType[*access.Denied](err)
		require.True(t, ok, "%v", err)
	}
	_, err = all.List(viewer, deliverylog.Filter{Value: "secret"})
	denied(err)
	_, err = all.Sample(viewer, "pay")
	denied(err)
	_, err = all.Replay(viewer, source.id, api.ReplayRequest{}, nil)
	denied(err)
	_, err = all.Erase(as(access.Actor{Role: access.Operator}), runs.Match{}, true, "")
	denied(err)
	_, err = all.List(as(access.Actor{Role: access.Caller, Flows: []string{"pay"}}), deliverylog.Filter{})
	denied(err)
}
