package telemetry

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	prometheusexporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/exemplar"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"

	"github.com/everhook/everhook"
)

// maxSeries bounds the combinations of attributes of one instrument: a thousand flows with every outcome. Further
// combinations are counted under otel_metric_overflow.
const maxSeries = 20_000

// Bounds of histograms.
var (
	secondsBounds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86_400}
	bytesBounds   = []float64{0, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 10 << 20}
)

func newMeters(registry *prometheus.Registry, described *resource.Resource) (*sdkmetric.MeterProvider, error) {
	reader, err := prometheusexporter.New(prometheusexporter.WithRegisterer(registry),
		prometheusexporter.WithoutScopeInfo())
	if err != nil {
		return nil, err
	}
	return sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(reader), sdkmetric.WithResource(described), sdkmetric.WithCardinalityLimit(maxSeries),
		sdkmetric.WithExemplarFilter(exemplar.AlwaysOffFilter), sdkmetric.WithView(histogram("s", secondsBounds),
			histogram("By", bytesBounds)),
	), nil
}

// histogram sets the bounds of every histogram of a unit: the default bounds are for milliseconds.
func histogram(unit string, bounds []float64) sdkmetric.View {
	return sdkmetric.NewView(sdkmetric.Instrument{Kind: sdkmetric.InstrumentKindHistogram, Unit: unit},
		sdkmetric.Stream{Aggregation: sdkmetric.AggregationExplicitBucketHistogram{Boundaries: bounds, NoMinMax: true}})
}

func newSDKMetrics(meters *sdkmetric.MeterProvider) client.MetricsHandler {
	return opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: meters.Meter("go.temporal.io/sdk"), UseMonotonicCounters: true,
		OnError: func(error) {}, // an instrument that cannot be made is a missing metric, not the end of the process
	})
}

// runMetrics are the instruments of the worker.
type runMetrics struct {
	total, attempts metric.Int64Counter
	duration        metric.Float64Histogram
}

func newRunMetrics(meter metric.Meter) (*runMetrics, error) {
	total, err := meter.Int64Counter("everhook.runs", metric.WithUnit("{run}"),
		metric.WithDescription("Runs that ended, by flow and status."))
	attempts, err2 := meter.Int64Counter("everhook.effect.attempts", metric.WithUnit("{attempt}"),
		metric.WithDescription("Attempts of effects, by effect and status."))
	duration, err3 := meter.Float64Histogram("everhook.run.duration", metric.WithUnit("s"),
		metric.WithDescription("From the start of a run to its end."))
	return &runMetrics{total, attempts, duration}, errors.Join(err, err2, err3)
}

// RunEnded counts a closed run.
func (t *Telemetry) RunEnded(flow string, status everhook.Status, took time.Duration) {
	key := attribute.String("flow", flow)
	t.runs.total.Add(context.Background(), 1, metric.WithAttributes(key, attribute.String("status", string(status))))
	t.runs.duration.Record(context.Background(), took.Seconds(), metric.WithAttributes(key))
}

// AttemptEnded counts an attempt of an effect, retried or not.
func (t *Telemetry) AttemptEnded(effect string, status everhook.Status) {
	t.runs.attempts.Add(context.Background(), 1, metric.WithAttributes(attribute.String("effect", effect),
		attribute.String("status", string(status))))
}

// WatchCallers reports the number of held callers, and its limit.
func (t *Telemetry) WatchCallers(held func() int, limit int) error {
	if err := t.gauge("everhook.callers.held", "{caller}", "Callers that wait for an answer now.",
		func(observe observe) { observe(held()) }); err != nil {
		return err
	}
	return t.gauge("everhook.callers.limit", "{caller}", "How many callers may wait at once (--max-held).",
		func(observe observe) { observe(limit) })
}

// WatchStarts shows how many starts of runs are under way, and how many may be. Load returns both for sync flows, or
// for all others.
func (t *Telemetry) WatchStarts(load func(sync bool) (underWay, limit int)) error {
	each := func(value func(underWay, limit int) int) func(observe) {
		return func(observe observe) {
			observe(value(load(true)), attribute.String("mode", "sync"))
			observe(value(load(false)), attribute.String("mode", "async"))
		}
	}
	return errors.Join(
		t.gauge("everhook.starts.under_way", "{run}", "Starts of runs that are under way.",
			each(func(underWay, _ int) int { return underWay })),
		t.gauge("everhook.starts.limit", "{run}", "How many starts may be under way: it follows how many Temporal "+
			"finishes in a second.", each(func(_, limit int) int { return limit })))
}

// WatchEngine shows by how many seconds the wall clock was set back, and how often the embedded Temporal server was
// restarted for that or for a failed flush.
func (t *Telemetry) WatchEngine(behind, restarts func() int) error {
	return errors.Join(
		t.gauge("everhook.clock.behind", "s", "By how much the wall clock was set back and has not caught up.",
			func(observe observe) { observe(behind()) }),
		t.gauge("everhook.engine.restarts", "{restart}", "Restarts of the embedded Temporal server in this process.",
			func(observe observe) { observe(restarts()) }))
}

// Flows counts flows by their state.
type Flows struct {
	// Served flows accept deliveries. Broken flows are enabled but not served; their notes say why. Disabled flows are
	// not meant to be served.
	Served, Broken, Disabled int
}

// WatchFlows reports the numbers of flows by state.
func (t *Telemetry) WatchFlows(count func() Flows) error {
	return t.gauge("everhook.flows", "{flow}", "Flows by how they stand.", func(observe observe) {
		flows := count()
		observe(flows.Served, attribute.String("state", "served"))
		observe(flows.Broken, attribute.String("state", "broken"))
		observe(flows.Disabled, attribute.String("state", "disabled"))
	})
}

type observe func(count int, attributes ...attribute.KeyValue)

// gauge registers a gauge that is read when metrics are read.
func (t *Telemetry) gauge(name, unit, description string, read func(observe)) error {
	_, err := t.meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(description),
		metric.WithInt64Callback(func(_ context.Context, o metric.Int64Observer) error {
			read(func(count int, attributes ...attribute.KeyValue) {
				o.Observe(int64(count), metric.WithAttributes(attributes...))
			})
			return nil
		}))
	return err
}
