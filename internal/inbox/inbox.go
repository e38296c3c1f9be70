package inbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/everhook/everhook"
)

// Options configure an Inbox.
type Options struct {
	Box Box
	// Start starts the run of a row, or finds it started, see Starting. It is called from many goroutines.
	Start func(ctx context.Context, row Row, input []byte) error
	// Paused reports whether the rows of a flow wait until Wake is called. It is called often; nil: no flow is paused.
	Paused func(flow string) bool
	// MaxRows and MaxBytes bound what waits.
	MaxRows  int
	MaxBytes int64
	// Budget is how long recent starts may have taken for a delivery to be started directly. Default DefaultBudget.
	Budget time.Duration
	Logger *slog.Logger
	// Clock is time.Now if nil.
	Clock func() time.Time
}

// ErrNever is wrapped by errors of Start for a row whose run can never be started. An *everhook.Error, other than
// everhook.ErrOverloaded, means the same.
var ErrNever = errors.New("the run cannot be started")

// ErrFull is the error of a delivery for which the inbox has no room. It is an everhook.ErrOverloaded.
var ErrFull = fmt.Errorf("the inbox is full: %w", everhook.ErrOverloaded)

// ErrLater is wrapped by errors of Start for a row that has to stay for a time, although its run is started.
var ErrLater = errors.New("the run is started and has not answered yet")

// errUnclear: see Unknown.
var errUnclear = errors.New("whether the dedupe key came before with another body is not known while Temporal is away")

// Inbox accepts deliveries and starts their runs.
type Inbox struct {
	options Options
	pace    *pace
	yield   *yield
	room    *room
	drain   *drain
	// wake has a message after flows were resumed.
	wake chan struct{}

	direct, stored, early atomic.Int64

	end  context.CancelFunc
	done sync.WaitGroup
}

// New makes an Inbox and begins to start the runs of the rows that wait.
func New(o Options) *Inbox {
	if o.Paused == nil {
		o.Paused = func(string) bool { return false }
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	o.Budget = cmp.Or(o.Budget, DefaultBudget)
	ctx, end := context.WithCancel(context.Background())
	i := &Inbox{options: o, pace: newPace(o.Clock, o.Budget), yield: newYield(o.Clock),
		room: newRoom(o.MaxRows, o.MaxBytes, o.Box.Load), wake: make(chan struct{}, 1), end: end}
	i.drain = newDrain(i)
	i.done.Go(func() { i.drain.run(ctx) })
	return i
}

// Box returns what the inbox keeps deliveries in.
func (i *Inbox) Box() Box { return i.options.Box }

// Counts returns how many deliveries were started directly, and how many were stored, since the process began.
func (i *Inbox) Counts() (direct, stored int64) { return i.direct.Load(), i.stored.Load() }

// Early returns how many of those that were stored were answered early.
func (i *Inbox) Early() int64 { return i.early.Load() }

// Wake is called after flows were resumed. It does not block.
func (i *Inbox) Wake() {
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

// Close stops starting runs. Rows that are being started stay. The box stays open.
func (i *Inbox) Close() {
	i.end()
	i.done.Wait()
}

// directTimeout is how long a delivery waits for its direct start before it is stored: its caller waits so long.
const directTimeout = time.Second

// Accept makes a delivery durable: in a started run by direct, or in the box. Always stores it. Store makes its entry.
//
// An *everhook.Error of type key-reused says that the dedupe key was used with another body. After ErrFull and any
// other error the delivery is not known to be durable.
func (i *Inbox) Accept(ctx context.Context, d Delivery) (everhook.Started, error) {
	if d.Always || i.options.Paused(d.Flow) || i.waits(d.Flow) {
		return i.store(ctx, d)
	}
	attempt := i.pace.enter()
	if attempt == nil {
		return i.store(ctx, d)
	}
	started, ok, err := i.startDirectly(ctx, d, attempt)
	if ok {
		return started, err
	}
	return i.store(ctx, d)
}

// Delivery is a delivery that is to be made durable.
type Delivery struct {
	// Entry has all but the input.
	Entry
	// Always stores the delivery even while Temporal is quick.
	Always bool
	// Encode makes the input of the entry. It is called if the delivery is stored.
	Encode func() ([]byte, error)
	// Direct starts the run. It returns when the run is durable.
	Direct func(ctx context.Context) (everhook.Started, error)
}

// waits reports whether deliveries of a flow wait, so that another one must not overtake them.
func (i *Inbox) waits(flow string) bool {
	of, _ := i.options.Box.Load(flow)
	return of.Rows > 0
}

// startDirectly starts the run of a delivery. It is false if the delivery is to be stored.
func (i *Inbox) startDirectly(ctx context.Context, d Delivery, attempt *attempt) (everhook.Started, bool, error) {
	if d.Duplicates != nil {
		verdict, err := i.options.Box.Claim(ctx, &d.Entry)
		if err != nil || verdict != Proceed {
			i.pace.left(attempt)
			started, err := conclude(verdict, err)
			return started, true, err
		}
		i.pace.restart(attempt)
	}
	starting, cancel := context.WithTimeout(ctx, directTimeout)
	defer cancel()
	started, err := d.Direct(starting)
	if isOwn(err) {
		i.pace.left(attempt)
		return started, true, err
	}
	i.pace.ended(attempt, err != nil)
	if err != nil {
		// The run may be started even so: then the start of the row finds it.
		return everhook.Started{}, false, nil
	}
	if d.Duplicates != nil && !started.Duplicate {
		i.options.Box.Settle(&d.Entry)
	}
	i.direct.Add(1)
	i.yield.addStarted()
	return started, true, nil
}

// store commits a delivery to the box.
func (i *Inbox) store(ctx context.Context, d Delivery) (everhook.Started, error) {
	verdict, err := i.put(ctx, d)
	return conclude(verdict, err)
}

func (i *Inbox) put(ctx context.Context, d Delivery) (Verdict, error) {
	input, err := d.Encode()
	if err != nil {
		return 0, err
	}
	e := d.Entry
	e.Input, e.Trace = input, traceOf(ctx)
	if !i.room.take(e.Flow, e.Size()) {
		return 0, ErrFull
	}
	defer i.room.leave(e.Flow, e.Size())
	began := i.options.Clock()
	verdict, err := i.options.Box.Put(ctx, &e)
	if err == nil && (verdict == Stored || verdict == StoredDuplicate) {
		i.stored.Add(1)
		i.yield.addStored(i.options.Clock().Sub(began))
	}
	return verdict, err
}

// conclude returns what the caller of a delivery learns.
func conclude(verdict Verdict, err error) (everhook.Started, error) {
	switch {
	case err != nil:
		return everhook.Started{}, err
	case verdict == Reused:
		return everhook.Started{}, errReused()
	case verdict == Unknown:
		return everhook.Started{}, errUnclear
	default:
		return everhook.Started{Duplicate: verdict == Duplicate || verdict == StoredDuplicate}, nil
	}
}

// isOwn reports whether an error is caused by the delivery, and not by Temporal.
func isOwn(err error) bool {
	if errors.Is(err, ErrNever) {
		return true
	}
	if errors.Is(err, everhook.ErrOverloaded) {
		return false
	}
	_, own := errors.AsType[*everhook.Error](err)
	return own
}

// traceHeader is the field of W3C Trace Context.
const traceHeader = "traceparent"

// traceOf returns the trace of a context as text, or an empty one.
func traceOf(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	fields := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, fields)
	return fields[traceHeader]
}

// withTrace puts the trace of a row into a context.
func withTrace(ctx context.Context, text string) context.Context {
	if text == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{traceHeader: text})
}
