//go:build !noembedded

package embedded

import (
	"context"

	"go.temporal.io/server/chasm"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/namespace"
	"go.temporal.io/server/common/persistence/serialization"
	"go.temporal.io/server/common/persistence/visibility"
	"go.temporal.io/server/common/persistence/visibility/manager"
	visibilitystore "go.temporal.io/server/common/persistence/visibility/store"
	visibilitysql "go.temporal.io/server/common/persistence/visibility/store/sql"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/common/searchattribute"
)

// durableVisibility is the server's own SQL store, whose writes return when they are on disk: the server then deletes
// the task that caused the write, and nothing else would ever write that record again.
type durableVisibility struct {
	visibilitystore.VisibilityStore
	flusher *flusher
}

func (v durableVisibility) RecordWorkflowExecutionStarted(ctx context.Context,
	r *visibilitystore.InternalRecordWorkflowExecutionStartedRequest) error {
	return v.flushAfter(v.VisibilityStore.RecordWorkflowExecutionStarted(ctx, r))
}

func (v durableVisibility) RecordWorkflowExecutionClosed(ctx context.Context,
	r *visibilitystore.InternalRecordWorkflowExecutionClosedRequest) error {
	return v.flushAfter(v.VisibilityStore.RecordWorkflowExecutionClosed(ctx, r))
}

func (v durableVisibility) UpsertWorkflowExecution(ctx context.Context,
	r *visibilitystore.InternalUpsertWorkflowExecutionRequest) error {
	return v.flushAfter(v.VisibilityStore.UpsertWorkflowExecution(ctx, r))
}

func (v durableVisibility) DeleteWorkflowExecution(ctx context.Context,
	r *manager.VisibilityDeleteWorkflowExecutionRequest) error {
	return v.flushAfter(v.VisibilityStore.DeleteWorkflowExecution(ctx, r))
}

func (v durableVisibility) flushAfter(err error) error {
	if err != nil {
		return err
	}
	return v.flusher.flush()
}

// visibilityFactory makes the stores of the services, all with one connection to the visibility database.
type visibilityFactory struct {
	sql     *config.SQL
	flusher *flusher
}

var _ visibility.VisibilityStoreFactory = visibilityFactory{}

// NewVisibilityStore is called once by every service.
func (f visibilityFactory) NewVisibilityStore(_ config.CustomDatastoreConfig, attributes searchattribute.Provider,
	mappers searchattribute.MapperProvider, _ namespace.Registry, registry *chasm.Registry, r resolver.ServiceResolver,
	l log.Logger, m metrics.Handler) (visibilitystore.VisibilityStore, error) {
	store, err := visibilitysql.NewSQLVisibilityStore(*f.sql, r, attributes, mappers, registry,
		dynamicconfig.GetBoolPropertyFn(true), l, m, serialization.NewSerializer())
	if err != nil {
		return nil, err
	}
	return durableVisibility{store, f.flusher}, nil
}
