package server

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/payloads"
	"github.com/everhook/everhook/internal/store"
	"github.com/everhook/everhook/workflows"
)

// Values of Options.PayloadStore.
const (
	payloadsAuto      = "auto"
	payloadsDirectory = "directory"
	payloadsStore     = "store"
	payloadsNone      = "none"
)

const (
	// defaultPayloadThreshold is the size from which payloads are kept outside of histories.
	defaultPayloadThreshold everhook.Size = 256 << 10
	// minPayloadThreshold keeps memos and summaries in histories, because their readers do not resolve claims;
	// maxPayloadThreshold follows from Temporal's own limit.
	minPayloadThreshold everhook.Size = 64 << 10
	maxPayloadThreshold everhook.Size = 1 << 20
)

// checkPayloads sets defaults for large payloads and checks the settings.
func (o *Options) checkPayloads() error {
	o.PayloadStore = cmp.Or(o.PayloadStore, payloadsAuto)
	if o.PayloadStore == payloadsAuto {
		o.PayloadStore = payloadsDirectory
		if o.TemporalAddress != "" && o.PayloadDir == "" {
			if o.PayloadStore = payloadsNone; o.Store != "" {
				o.PayloadStore = payloadsStore
			}
		}
	}
	switch o.PayloadStore {
	case payloadsNone, payloadsStore:
	case payloadsDirectory:
		if o.TemporalAddress != "" && o.PayloadDir == "" {
			return errors.New("--payload-store directory needs --payload-dir with --temporal-address; name a " +
				"directory that every process shares")
		}
	default:
		return fmt.Errorf("--payload-store %q is none; write auto, directory, store or none", o.PayloadStore)
	}
	o.PayloadDir = cmp.Or(o.PayloadDir, filepath.Join(o.Data, "payloads"))
	if o.PayloadThreshold = cmp.Or(o.PayloadThreshold,
		defaultPayloadThreshold); o.PayloadThreshold < minPayloadThreshold || o.PayloadThreshold > maxPayloadThreshold {
		return fmt.Errorf("--payload-threshold %s is out of bounds; write between %s and %s", o.PayloadThreshold,
			minPayloadThreshold, maxPayloadThreshold)
	}
	return nil
}

// large is the storage of large payloads of this process. It writes to one place and reads both, so that runs can go on
// after the setting has changed.
type large struct {
	external converter.ExternalStorage
	// maxPayload is the limit for runs that start here, in bytes; 0 means Temporal's limit.
	maxPayload int
	sweepers   []*payloads.Sweeper
}

// openPayloads opens both places for a namespace.
func openPayloads(ctx context.Context, o *Options, c client.Client, s *store.Store) (*large, error) {
	namespace, err := c.WorkflowService().DescribeNamespace(ctx, describeNamespace(o.TemporalNamespace))
	if err != nil {
		return nil, fmt.Errorf("the Temporal namespace %q: %w; create it, or choose another with --temporal-namespace",
			o.TemporalNamespace, err)
	}
	directory, err := payloads.NewDirectory(o.PayloadDir, namespace.GetNamespaceInfo().GetId())
	if err != nil {
		return nil, err
	}
	table := s.Payloads(namespace.GetNamespaceInfo().GetId())
	drivers := []*payloads.Driver{payloads.NewDriver(payloads.DirectoryDriver, directory),
		payloads.NewDriver(payloads.StoreDriver, table)}
	if o.PayloadStore == payloadsStore {
		drivers[0], drivers[1] = drivers[1], drivers[0]
	}
	l := &large{external: payloads.External(int(o.PayloadThreshold), o.PayloadStore == payloadsNone, drivers...)}
	if o.PayloadStore != payloadsNone {
		l.maxPayload = workflows.MaxStoredPayload
	}
	executions, retention := payloads.NewExecutions(c, o.TemporalNamespace),
		namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
	for _, objects := range []payloads.Objects{directory, table} {
		l.sweepers = append(l.sweepers, payloads.NewSweeper(objects, executions, max(retention, time.Hour)))
	}
	return l, nil
}

// readPause is the time between attempts to read the input of an effect.
const readPause = 10 * time.Second

// failures classifies errors for Temporal. An effect whose result could not be stored, or is too large, has happened;
// it is not retried. An effect whose input could not be read has not happened; it is retried, but with a pause, because
// its attempts would be used up before the store is back.
type failures struct{ converter.FailureConverter }

// ErrorToFailure implements converter.FailureConverter.
func (f failures) ErrorToFailure(err error) *failurepb.Failure {
	if notStored, ok := errors.AsType[*payloads.NotStoredError](err); ok {
		err = activities.Fail(everhook.Errorf(everhook.TypeUnavailable, "what came of it cannot be kept: %v",
			notStored), false, 0)
	}
	if notRead, ok := errors.AsType[*payloads.NotReadError](err); ok {
		err = activities.Fail(everhook.Errorf(everhook.TypeUnavailable, "what it is given cannot be read: %v", notRead),
			true, readPause)
	}
	return f.FailureConverter.ErrorToFailure(err)
}

// codec lets the Temporal UI show values in place of claims. Values from the UI are never stored outside of histories,
// because their owner is unknown.
func (l *large) codec() (http.Handler, error) {
	external := l.external
	external.DriverSelector = inline{}
	return converter.NewPayloadHTTPHandler(converter.PayloadHTTPHandlerOptions{
		PreStorageCodecs: []converter.PayloadCodec{workflows.PayloadCodec()}, ExternalStorage: external})
}

// resolve returns the payloads of a history with values in place of claims. The SDK offers this as an HTTP handler
// only, so resolve calls that handler.
func (l *large) resolve(ctx context.Context, claimed *commonpb.Payloads) (*commonpb.Payloads, error) {
	handler, err := l.codec()
	if err != nil {
		return nil, err
	}
	body, err := protojson.Marshal(claimed)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "/decode", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	answer := response{status: http.StatusOK}
	if handler.ServeHTTP(&answer, request); answer.status != http.StatusOK {
		return nil, fmt.Errorf("%s", strings.TrimSpace(answer.body.String()))
	}
	resolved := &commonpb.Payloads{}
	return resolved, protojson.Unmarshal(answer.body.Bytes(), resolved)
}

// response keeps what a handler that is called in the process answers.
type response struct {
	status int
	header http.Header
	body   bytes.Buffer
}

// Header gives the headers, which are not read.
func (r *response) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

// WriteHeader keeps the status.
func (r *response) WriteHeader(status int) { r.status = status }

// Write keeps a part of the body.
func (r *response) Write(part []byte) (int, error) { return r.body.Write(part) }

// inline selects no driver.
type inline struct{}

func (inline) SelectDriver(converter.StorageDriverSelectContext, *commonpb.Payload) (converter.StorageDriver, error) {
	return nil, nil
}

// startSweeps starts to delete large payloads that no history refers to; Stop ends it.
func (s *Server) startSweeps() {
	ctx, cancel := context.WithCancel(context.Background())
	s.endSweeps = func() {
		cancel()
		s.sweeps.Wait()
	}
	for _, sweeper := range s.temporal.large.sweepers {
		s.sweeps.Go(func() { sweeper.Run(ctx, s.logger) })
	}
}
