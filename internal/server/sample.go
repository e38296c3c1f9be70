package server

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/api"
	"github.com/everhook/everhook/internal/deliverylog"
	"github.com/everhook/everhook/receiver"
)

// Bounds of a sample.
const (
	// sampledRecords is how many deliveries of a flow are looked at.
	sampledRecords = 50
	samplePaths    = 1000
)

// Sample implements api.Deliveries: the last delivery whose request is on record, or else what the run of the last one
// was started with.
func (d onRecord) Sample(ctx context.Context, flow string) (*api.Sample, error) {
	taken, _ := receiver.Reasons()
	outcomes := make([]string, len(taken))
	for i, reason := range taken {
		outcomes[i] = string(reason)
	}
	records, err := d.List(ctx, deliverylog.Filter{Flows: []string{flow}, Outcomes: outcomes, Limit: sampledRecords})
	if err != nil {
		return nil, err
	}
	records = slices.DeleteFunc(records, func(r deliverylog.Record) bool { return r.Node != "" || r.ReplayOf != "" })
	for i := range records {
		if !records[i].HasRequest {
			continue
		}
		if sample, err := d.sampleOfRequest(ctx, records[i].ID); err == nil {
			return sample, nil
		}
	}
	for i := range records {
		sample, err := d.sampleOfRun(ctx, &records[i])
		if err == nil || !errors.Is(err, everhook.ErrNoRun) && !errors.Is(err, deliverylog.ErrNoRecord) {
			return sample, err
		}
	}
	return nil, deliverylog.ErrNoRecord
}

// sampleOfRequest parses a recorded request.
func (d onRecord) sampleOfRequest(ctx context.Context, id string) (*api.Sample, error) {
	record, err := d.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	version, err := d.server.store.Version(ctx, record.Flow, record.Version)
	if err != nil {
		return nil, err
	}
	route, err := d.route(&version)
	if err != nil {
		return nil, err
	}
	whole := *route
	whole.Query, whole.Body, whole.Schema, whole.Raw = nil, nil, nil, false
	for name := range record.Request.Headers {
		if !isNoise(name) {
			whole.Headers = append(slices.Clip(whole.Headers), name)
		}
	}
	delivery, err := d.parser.Replay(&whole, requestOf(record.Request), everhook.NewRunID(), record.ReceivedAt())
	if err != nil {
		return nil, err
	}
	sample := d.sample(record, delivery.Trigger)
	sample.Request.Method = record.Request.Method
	return sample, nil
}

// sampleOfRun is what the run of a delivery got.
func (d onRecord) sampleOfRun(ctx context.Context, record *deliverylog.Record) (*api.Sample, error) {
	if record.Run == "" {
		return nil, deliverylog.ErrNoRecord
	}
	delivery, err := d.starter.DeliveryOf(ctx, record.Flow, record.Run)
	if err != nil {
		return nil, err
	}
	sample := d.sample(record, delivery.Trigger)
	sample.Partial = true
	return sample, nil
}

// sample makes a sample of the data of a delivery, without its secrets.
func (d onRecord) sample(record *deliverylog.Record, trigger everhook.Mapping) *api.Sample {
	hide := func(name string) any { return d.server.secrets.Redact(deliverylog.HideNamed(trigger[name])) }
	sample := &api.Sample{Flow: record.Flow, Delivery: record.ID, ReceivedAt: record.ReceivedAt(),
		Request: api.SampleRequest{Headers: map[string]string{}}}
	headers, _ := hide("headers").(map[string]any)
	for name, value := range headers {
		sample.Request.Headers[name], _ = value.(string)
	}
	query, _ := hide("query").(map[string]any)
	sample.Request.Query, sample.Query = query, pathsOf(query)
	if body := hide("body"); body != nil {
		sample.Request.Body, sample.Body = everhook.Of(body), pathsOf(body)
	}
	return sample
}

func pathsOf(value any) []string {
	texts := []string{}
	for _, path := range everhook.Paths(value, samplePaths) {
		texts = append(texts, path.String())
	}
	return texts
}

// isNoise reports whether a header says nothing about the delivery.
func isNoise(name string) bool {
	switch name {
	case "host", "user-agent", "connection", "content-length", "transfer-encoding", "forwarded", "via", "x-real-ip",
		"traceparent", "tracestate", "te", "expect":
		return true
	}
	return strings.HasPrefix(name, "accept") || strings.HasPrefix(name, "x-forwarded-")
}
