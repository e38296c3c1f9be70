package payloads

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"
)

// Names of drivers. Every claim in a history contains one, so they are never edited, only added to.
const (
	DirectoryDriver = "everhook-directory"
	StoreDriver     = "everhook-store"
)

// claimObject is the field of a claim that names the object. It is stored in histories.
const claimObject = "object"

// Driver keeps payloads in Objects. The SDK calls it outside of workflow code.
type Driver struct {
	name    string
	objects Objects
	clock   func() time.Time
}

var _ converter.StorageDriver = (*Driver)(nil)

// NewDriver returns a Driver with one of the constants as its name.
func NewDriver(name string, objects Objects) *Driver {
	return &Driver{name: name, objects: objects, clock: time.Now}
}

// Name is the name in claims.
func (d *Driver) Name() string { return d.name }

// Type is the name that workers report to Temporal.
func (d *Driver) Type() string { return "everhook" }

// NotStoredError is the error for a payload that could not be stored.
type NotStoredError struct{ error }

// Unwrap returns the cause.
func (e *NotStoredError) Unwrap() error { return e.error }

// NotReadError is the error for a payload that could not be read.
type NotReadError struct{ error }

// Unwrap returns the cause.
func (e *NotReadError) Unwrap() error { return e.error }

// Store returns when every payload survives a power cut. Nothing is reported to Temporal before, so an error leaves at
// most unreferenced objects for the sweep. A stopping worker does not interrupt it, because the payload may be the
// result of an effect that has happened.
func (d *Driver) Store(ctx converter.StorageDriverStoreContext,
	payloads []*commonpb.Payload) ([]converter.StorageDriverClaim, error) {
	workflow := ""
	if target, ok := ctx.Target.(converter.StorageDriverWorkflowInfo); ok {
		workflow = target.WorkflowID
	}
	owner, limiter := OwnerOf(workflow), ctx.GetLimiter()
	claims := make([]converter.StorageDriverClaim, len(payloads))
	storing, cancel := unstopped(ctx.Context)
	defer cancel()
	err := together(storing, len(payloads), func(ctx context.Context, i int) error {
		return limiter.Permit(ctx, payloads[i], func() error {
			data, err := proto.MarshalOptions{Deterministic: true}.Marshal(payloads[i])
			if err != nil {
				return err
			}
			if len(data) > MaxObject {
				return fmt.Errorf("a payload of %d bytes is larger than the %d that are stored", len(data), MaxObject)
			}
			name := NameOf(data, d.clock())
			if err := d.objects.Put(ctx, owner, workflow, name, data); err != nil {
				return &NotStoredError{fmt.Errorf("a large payload cannot be stored in %s: %w", d.objects, err)}
			}
			claims[i] = converter.StorageDriverClaim{ClaimData: map[string]string{claimObject: key(owner, name)}}
			return nil
		})
	})
	return claims, err
}

// Retrieve returns the stored payload, verified. After an error, the worker fails its workflow task and Temporal
// retries the task: the run goes on when the object can be read.
func (d *Driver) Retrieve(ctx converter.StorageDriverRetrieveContext,
	claims []converter.StorageDriverClaim) ([]*commonpb.Payload, error) {
	limiter := ctx.GetLimiter()
	payloads := make([]*commonpb.Payload, len(claims))
	err := together(ctx.Context, len(claims), func(ctx context.Context, i int) error {
		return limiter.Permit(ctx, claims[i], func() (err error) {
			payloads[i], err = d.retrieve(ctx, claims[i].ClaimData[claimObject])
			return err
		})
	})
	if err != nil && ctx.Context.Err() == nil {
		err = &NotReadError{err}
	}
	if err != nil {
		return nil, err
	}
	return payloads, nil
}

// unstopped returns a context that ends with another one, but not because a worker stops.
func unstopped(ctx context.Context) (context.Context, context.CancelFunc) {
	going, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	end := func() {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, worker.ErrWorkerShutdown) {
			cancel(cause)
		}
	}
	end()
	forget := context.AfterFunc(ctx, end)
	return going, func() {
		forget()
		cancel(nil)
	}
}

func (d *Driver) retrieve(ctx context.Context, claim string) (*commonpb.Payload, error) {
	owner, name, err := parseKey(claim)
	if err != nil {
		return nil, err
	}
	data, err := d.objects.Get(ctx, owner, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the large payload %s is not in %s; every process needs the same place of payloads: "+
			"check --payload-store and --payload-dir, "+
			"or restore it from a backup", claim, d.objects)
	}
	if err == nil {
		err = verify(name, data)
	}
	payload := &commonpb.Payload{}
	if err == nil {
		err = proto.Unmarshal(data, payload)
	}
	if err != nil {
		return nil, fmt.Errorf("the large payload %s in %s: %w", claim, d.objects, err)
	}
	return payload, nil
}

// together runs work for 0 to n-1 concurrently, as far as the limiter inside allows, and returns the first error.
func together(ctx context.Context, n int, work func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for i := range n {
		group.Go(func() error { return work(ctx, i) })
	}
	return group.Wait()
}

// maxInline is the largest payload, in bytes, that stays in a history if external storage is off: Temporal accepts 2
// MiB for a whole command. Runs that were started with external storage off have no larger payload.
const maxInline = 2_000_000

// External returns the settings of client, worker and replayer: payloads above threshold bytes are stored by the first
// driver, and read from all of them. Off means that payloads stay in histories, except those of earlier runs that
// Temporal would not accept. A replayer needs the settings too.
func External(threshold int, off bool, drivers ...*Driver) converter.ExternalStorage {
	external := converter.ExternalStorage{PayloadSizeThreshold: threshold}
	for _, driver := range drivers {
		external.Drivers = append(external.Drivers, driver)
	}
	external.DriverSelector = selector{external.Drivers[0], off}
	return external
}

type selector struct {
	driver converter.StorageDriver
	off    bool
}

func (s selector) SelectDriver(_ converter.StorageDriverSelectContext,
	payload *commonpb.Payload) (converter.StorageDriver, error) {
	if s.off && proto.Size(payload) <= maxInline {
		return nil, nil
	}
	return s.driver, nil
}
