package telemetry

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// Inbox describes the inbox of a process.
type Inbox struct {
	// Rows wait to be started, Bytes is their size, and Age that of the oldest. Dead counts the dead letters.
	Rows, Dead int
	Bytes      int64
	Age        time.Duration
	// Direct counts the deliveries whose runs were started at once, Stored those that were put into the inbox.
	Direct, Stored int64
	// Early counts those of the stored whose callers got their answer at once.
	Early int64
}

// WatchInbox shows the inbox.
func (t *Telemetry) WatchInbox(read func() Inbox) error {
	one := func(value func(Inbox) int) func(observe) {
		return func(observe observe) { observe(value(read())) }
	}
	_, err := t.meter.Int64ObservableCounter("everhook.inbox.deliveries", metric.WithUnit("{delivery}"),
		metric.WithDescription("Accepted deliveries: way is direct if the run was started at once, "+
			"else inbox."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			now := read()
			o.Observe(now.Direct, metric.WithAttributes(attribute.String("way", "direct")))
			o.Observe(now.Stored, metric.WithAttributes(attribute.String("way", "inbox")))
			return nil
		}))
	_, answered := t.meter.Int64ObservableCounter("everhook.inbox.answers", metric.WithUnit("{delivery}"),
		metric.WithDescription("Deliveries to sync flows that were answered before their runs were started."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(read().Early)
			return nil
		}))
	return errors.Join(err, answered,
		t.gauge("everhook.inbox.rows", "{delivery}", "Deliveries that wait to be started.",
			one(func(i Inbox) int { return i.Rows })),
		t.gauge("everhook.inbox.size", "By", "Size of the deliveries that wait.",
			one(func(i Inbox) int { return int(i.Bytes) })),
		t.gauge("everhook.inbox.age", "s", "Age of the oldest delivery that waits.",
			one(func(i Inbox) int { return int(i.Age.Seconds()) })),
		t.gauge("everhook.inbox.dead", "{delivery}", "Deliveries that cannot be started (dead letters).",
			one(func(i Inbox) int { return i.Dead })))
}
