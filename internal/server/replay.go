package server

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/access"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/internal/inbox"
	"github.com/everhook/everhook/internal/runs"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/receiver"
)

// onRecord implements api.Deliveries.
type onRecord struct {
	*deliverylog.Log
	server  *Server
	starter *runs.Starter
	// parser makes deliveries of requests. It serves nothing.
	parser *receiver.Receiver
}

var _ api.Deliveries = onRecord{}

func (s *Server) onRecord() onRecord {
	return onRecord{s.log, s, s.starter(), receiver.New(receiver.Options{Logger: s.logger, PublicURL: s.BaseURL(),
		MaxValues: s.options.MaxValues}, nil, nil)}
}

// Replay implements api.Deliveries.
func (d onRecord) Replay(ctx context.Context, id string, wanted api.ReplayRequest, key []byte) (runs.Replayed, error) {
	record, err := d.Get(ctx, id)
	if err != nil {
		return runs.Replayed{}, err
	}
	if record.Node != "" {
		return runs.Replayed{}, runs.Refusef("it was a call of the waiting node %q, which belongs to its run alone; "+
			"retry the run", record.Node)
	}
	source, err := d.source(ctx, record)
	if err != nil {
		return runs.Replayed{}, err
	}
	if err := d.startable(ctx, source); err != nil {
		return runs.Replayed{}, err
	}
	stored, err := d.server.store.Flow(ctx, record.Flow)
	if errors.Is(err, store.ErrNotFound) {
		return runs.Replayed{}, runs.Refusef("there is no flow %q any longer", record.Flow)
	}
	if err != nil {
		return runs.Replayed{}, err
	}
	version, err := d.version(ctx, stored, record, wanted)
	if err != nil {
		return runs.Replayed{}, err
	}
	options := runs.ReplayOptions{Of: id, Run: source.Run, Version: version, ID: everhook.NewRunID(),
		NewID: everhook.NewDeliveryID(time.Now())}
	if len(key) > 0 {
		options.ID = everhook.DerivedRunID(stored.Secret, "replay of "+id+" by "+hex.EncodeToString(key))
	}
	if source.Request.Whole() {
		options.Delivery = func(first everhook.RunID) (everhook.Delivery, error) {
			return d.parse(version, source, first)
		}
	}
	replayed, err := d.starter.Replay(ctx, record.Flow, options)
	if err != nil {
		return replayed, err
	}
	d.Add(&deliverylog.Record{ID: replayed.Delivery, Flow: record.Flow, Version: version.Number,
		Outcome: string(receiver.Accepted), Bytes: source.Bytes, Run: replayed.ID, ReplayOf: id,
		Caller: access.From(ctx).Name, Fields: source.Fields})
	return replayed, d.server.store.Record(ctx, store.Change{Action: "replay", Object: "delivery", Name: id,
		Detail: map[string]any{"flow": record.Flow, "version": version.Number, "run": string(replayed.ID)}})
}

// maxReplays bounds how many replays of replays are followed to the delivery that a caller sent.
const maxReplays = 100

// source is the delivery that a caller sent.
func (d onRecord) source(ctx context.Context, record *deliverylog.Record) (*deliverylog.Record, error) {
	for range maxReplays {
		if record.Request != nil || record.ReplayOf == "" {
			break
		}
		earlier, err := d.Get(ctx, record.ReplayOf)
		if errors.Is(err, deliverylog.ErrNoRecord) { // it is kept no longer, but the run of the replay may be
			return record, nil
		}
		if err != nil {
			return nil, err
		}
		record = earlier
	}
	return record, nil
}

// startable refuses a delivery whose run is about to be started.
func (d onRecord) startable(ctx context.Context, record *deliverylog.Record) error {
	i := d.server.inbox.Load()
	if i == nil || record.Run == "" {
		return nil
	}
	row, err := i.Box().Waits(ctx, record.Flow, record.Run)
	switch {
	case errors.Is(err, inbox.ErrNoRow):
		return nil
	case err != nil:
		return err
	case row.DeadAt.IsZero():
		return runs.Refusef("it waits in the inbox, and its run starts soon")
	default:
		return nil
	}
}

// version is the version to run.
func (d onRecord) version(ctx context.Context, stored store.Flow, record *deliverylog.Record,
	wanted api.ReplayRequest) (*everhook.Version, error) {
	number := record.Version
	switch {
	case wanted.Version > 0:
		number = wanted.Version
	case wanted.Current && stored.Enabled == 0:
		return nil, runs.Refusef("flow %q has no enabled version; enable one, or name a version", record.Flow)
	case wanted.Current:
		number = stored.Enabled
	}
	version, err := d.server.store.Version(ctx, record.Flow, number)
	if errors.Is(err, store.ErrNotFound) {
		return nil, runs.Refusef("flow %q has no version %d; name another one, or the enabled one", record.Flow, number)
	}
	return &version, err
}

// parse makes the delivery of a recorded request, as a version sees it.
func (d onRecord) parse(version *everhook.Version, record *deliverylog.Record,
	first everhook.RunID) (everhook.Delivery, error) {
	route, err := d.route(version)
	if err != nil {
		return everhook.Delivery{}, err
	}
	return d.parser.Replay(route, requestOf(record.Request), first, record.ReceivedAt())
}

func (d onRecord) route(version *everhook.Version) (*receiver.Route, error) {
	compiled, err := d.server.versions.Of(version)
	if err != nil {
		return nil, err
	}
	route, ok := d.server.catalog.ReplayRoute(version, compiled.Flow)
	if !ok {
		return nil, fmt.Errorf("version %d of flow %q takes no webhooks", version.Number, version.Definition.Key)
	}
	return route, nil
}

func requestOf(q *deliverylog.Request) receiver.Request {
	return receiver.Request{Method: q.Method, Query: q.Query, Headers: q.Headers, Body: bytes.Clone(q.Body)}
}

// leastContained is how long a value is that is looked for in a body that cannot be parsed.
const leastContained = 4

// Erase implements api.Deliveries. What it does is in the audit trail, without the value, which is personal.
func (d onRecord) Erase(ctx context.Context, match runs.Match, dry bool, after string) (deliverylog.Erased, error) {
	erased, err := d.Log.Erase(ctx, deliverylog.Field{Name: match.Path.String(), Value: match.Value},
		func(q *deliverylog.Request) bool { return matches(match, q) }, dry, after)
	if err != nil || dry || len(erased.Found) == 0 {
		return erased, err
	}
	ids := make([]string, len(erased.Found))
	for i, r := range erased.Found {
		ids[i] = r.ID
	}
	return erased, d.server.store.Record(ctx, store.Change{Action: "erase", Object: "delivery",
		Name: match.Path.String(), Detail: map[string]any{"deliveries": ids}})
}

// matches reports whether a recorded request has a value. In a body that is neither JSON nor a form, or was cut off,
// the value may be anywhere.
func matches(match runs.Match, q *deliverylog.Request) bool {
	trigger := everhook.Mapping{"headers": textsOf(q.Headers)}
	if query, err := receiver.ParseQuery(q.Query); err == nil {
		trigger["query"] = map[string]any(query)
	}
	body, err := everhook.ParseJSON(q.Body)
	if err != nil {
		form, wrong := receiver.ParseQuery(string(q.Body))
		if body, err = map[string]any(form), wrong; q.Headers["content-type"] != formType {
			err = errors.New("no form")
		}
	}
	if err != nil || q.Cut {
		return len(match.Value) >= leastContained && bytes.Contains(q.Body, []byte(match.Value)) ||
			match.Matches(&everhook.Delivery{Trigger: trigger})
	}
	trigger["body"] = body
	return match.Matches(&everhook.Delivery{Trigger: trigger})
}

const formType = "application/x-www-form-urlencoded"

func textsOf(headers map[string]string) map[string]any {
	texts := make(map[string]any, len(headers))
	for name, value := range headers {
		texts[name] = value
	}
	return texts
}
