// Package jsonquery performs the activity everhook.json-query. It is a local activity because the engines are not made
// for replays, and because a query is done at once: its result is recorded, and a replay takes it from there.
package jsonquery

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/internal/jsonpath"
	"github.com/everhook/everhook/internal/query"
)

// Queries performs queries, several at once.
type Queries struct {
	timeout time.Duration
	// slots bounds the queries under way. One that does not end in time keeps its slot until it does.
	slots chan struct{}
}

// New makes one.
func New() *Queries {
	return &Queries{timeout: activities.QueryTimeout, slots: make(chan struct{}, 2*runtime.GOMAXPROCS(0))}
}

// Do is the activity. Its error is never tried again: the same query fails alike.
func (q *Queries) Do(ctx context.Context, input activities.JSONQueryInput) (everhook.Value, error) {
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
	found, err := q.perform(ctx, input)
	if err != nil {
		return everhook.Value{}, activities.Fail(failure(err), false, 0)
	}
	return everhook.Value{V: found}, nil
}

// outcome is what a query ended with.
type outcome struct {
	found any
	err   error
}

// perform waits for the query, but not longer than ctx.
func (q *Queries) perform(ctx context.Context, input activities.JSONQueryInput) (any, error) {
	select {
	case q.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	ended := make(chan outcome, 1)
	go func() {
		defer func() { <-q.slots }()
		found, err := evaluate(ctx, input)
		ended <- outcome{found, err}
	}()
	select {
	case o := <-ended:
		return o.found, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// evaluate makes an error of a panic: it runs in a goroutine of its own, where it would end the process.
func evaluate(ctx context.Context, input activities.JSONQueryInput) (found any, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			found, err = nil, everhook.Errorf(everhook.TypeInternal, "the query engine panicked: %v", reason)
		}
	}()
	compiled, err := query.Compile(input.Engine, input.Query)
	if err != nil {
		return nil, err
	}
	if found, err = compiled.Search(ctx, input.Input.V); err != nil {
		return nil, err
	}
	return query.Leave(model(found, input.Model), activities.MaxQueryResult)
}

// model picks fields of a result, or of each element of a list. Nothing stays nothing.
func model(v any, fields []activities.QueryField) any {
	if len(fields) == 0 || v == nil {
		return v
	}
	if list, ok := v.([]any); ok {
		picked := make([]any, len(list))
		for i, item := range list {
			picked[i] = pick(item, fields)
		}
		return picked
	}
	return pick(v, fields)
}

func pick(v any, fields []activities.QueryField) any {
	picked := make(map[string]any, len(fields))
	for _, field := range fields {
		picked[field.Name], _ = field.Path.Get(v)
	}
	return picked
}

func failure(err error) *everhook.Error {
	if known, ok := errors.AsType[*everhook.Error](err); ok {
		return known
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return everhook.Errorf(everhook.TypeTimeout, "the query took longer than %s; query less data",
			activities.QueryTimeout)
	case errors.Is(err, context.Canceled):
		return everhook.Errorf(everhook.TypeUnavailable, "the worker stopped before the query ended")
	case errors.Is(err, jsonpath.ErrTooMany):
		return everhook.Errorf(everhook.TypeLimit, "%v; select less", err)
	default:
		return everhook.Errorf(everhook.TypeQuery, "the query fails: %v", err)
	}
}
