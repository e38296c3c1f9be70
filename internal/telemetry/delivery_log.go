package telemetry

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"
)

// DeliveryLog describes the records of deliveries.
type DeliveryLog struct {
	// Records is how many there are, Bytes about what they take on disk.
	Records, Bytes int64
	// Lost counts the deliveries of this process that could not be recorded.
	Lost int64
}

// WatchDeliveryLog shows the delivery log.
func (t *Telemetry) WatchDeliveryLog(read func() DeliveryLog) error {
	_, err := t.meter.Int64ObservableCounter("everhook.delivery.log.lost", metric.WithUnit("{delivery}"),
		metric.WithDescription("Deliveries that could not be recorded; the deliveries themselves are safe."),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(read().Lost)
			return nil
		}))
	return errors.Join(err,
		t.gauge("everhook.delivery.log.records", "{delivery}", "Deliveries on record.",
			func(observe observe) { observe(int(read().Records)) }),
		t.gauge("everhook.delivery.log.size", "By", "Size of the records of deliveries, about.",
			func(observe observe) { observe(int(read().Bytes)) }))
}
