package telemetry

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/everhook/everhook/receiver"
)

// deliveries are the instruments of the receiver.
type deliveries struct {
	total, lookups, resumes, duplicates, signatures, unanswered metric.Int64Counter
	answering, starting                                         metric.Float64Histogram
	size                                                        metric.Int64Histogram
	// sets caches the attributes of every flow and outcome: making them costs more than counting.
	sets sync.Map
}

// labels are the labels of all series. A flow is the key of a flow in the catalog, or empty: never text from a caller.
type labels struct {
	flow    string
	outcome receiver.Reason
}

func newDeliveries(meter metric.Meter) (*deliveries, error) {
	var failed error
	counter := func(name, unit, description string) metric.Int64Counter {
		c, err := meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(description))
		failed = errors.Join(failed, err)
		return c
	}
	seconds := func(name, description string) metric.Float64Histogram {
		h, err := meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(description))
		failed = errors.Join(failed, err)
		return h
	}
	size, err := meter.Int64Histogram("everhook.delivery.body.size", metric.WithUnit("By"),
		metric.WithDescription("Bodies of deliveries that reached a flow."))
	return &deliveries{
		total: counter("everhook.deliveries", "{delivery}", "Deliveries by flow and outcome; flow is empty when "+
			"the call reached none."),
		lookups: counter("everhook.lookups", "{call}",
			"Calls for the answer of an earlier run, by flow and outcome."),
		resumes: counter("everhook.resumes", "{call}", "Calls that resume a run which waits for them, by flow and "+
			"outcome."),
		duplicates: counter("everhook.delivery.duplicates", "{delivery}",
			"Deliveries whose run another one with the same dedupe key had started."),
		signatures: counter("everhook.delivery.signature.failures", "{delivery}",
			"Deliveries refused for their signature."),
		unanswered: counter("everhook.delivery.answer.failures", "{delivery}",
			"Async answers that could not be made; the callers got 200 ok."),
		answering: seconds("everhook.delivery.duration", "From the head of a delivery that reached a flow to its "+
			"answer."),
		starting: seconds("everhook.delivery.start.duration", "Until the run of an async delivery is durable."),
		size:     size,
	}, errors.Join(failed, err)
}

// Observe counts one call. It is the function for receiver.Options.Observe.
func (t *Telemetry) Observe(r receiver.Record) {
	if r.Reason != receiver.Probe {
		t.deliveries.observe(r)
	}
}

func (d *deliveries) observe(r receiver.Record) {
	ctx := context.Background()
	outcome := d.set(labels{r.Flow, r.Reason})
	switch {
	case r.Lookup:
		d.lookups.Add(ctx, 1, outcome)
		return
	case r.Node != "":
		d.resumes.Add(ctx, 1, outcome)
	default:
		d.total.Add(ctx, 1, outcome)
	}
	if r.Flow == "" {
		return
	}
	flow := d.set(labels{flow: r.Flow})
	if r.Node == "" {
		d.observeDelivery(ctx, r, flow)
	}
	if r.Reason == receiver.BadSignature {
		d.signatures.Add(ctx, 1, flow)
	}
	if r.NoAnswer {
		d.unanswered.Add(ctx, 1, flow)
	}
}

// observeDelivery counts what only calls of a trigger have.
func (d *deliveries) observeDelivery(ctx context.Context, r receiver.Record, flow metric.MeasurementOption) {
	d.answering.Record(ctx, r.Duration.Seconds(), flow)
	d.size.Record(ctx, int64(r.Bytes))
	if r.Durable > 0 {
		d.starting.Record(ctx, r.Durable.Seconds())
	}
	if r.Duplicate {
		d.duplicates.Add(ctx, 1, flow)
	}
}

// set returns the attributes of labels; without an outcome, the flow alone.
func (d *deliveries) set(l labels) metric.MeasurementOption {
	if known, ok := d.sets.Load(l); ok {
		return known.(metric.MeasurementOption)
	}
	attributes := []attribute.KeyValue{attribute.String("flow", l.flow)}
	if l.outcome != "" {
		attributes = append(attributes, attribute.String("outcome", string(l.outcome)))
	}
	made := metric.WithAttributeSet(attribute.NewSet(attributes...))
	d.sets.Store(l, made)
	return made
}
