// Package jsonquery is the effect that queries a value. It is local: the query engines are not made for replays, and a
// query ends soon. Its result is recorded, and a replay takes it from there.
package jsonquery

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/activities/effect"
	"github.com/everhook/everhook/internal/jsonpath"
	"github.com/everhook/everhook/internal/query"
)

// New makes the effect.
func New() activities.Effect { return newQueries().effect() }

func (q *queries) effect() activities.Effect {
	return effect.New(effect.Spec[activities.JSONQueryInput, everhook.Value]{
		Name: activities.JSONQuery, Local: true, Redacted: true,
		Build: func(activities.Dependencies) effect.Function[activities.JSONQueryInput, everhook.Value] {
			return q.query
		},
	})
}

// queries performs queries, several at the same time.
type queries struct {
	timeout time.Duration
	// slots bounds the queries that run. One that does not end in time keeps its slot until it ends.
	slots chan struct{}
}

func newQueries() *queries {
	return &queries{timeout: activities.QueryTimeout, slots: make(chan struct{}, 2*runtime.GOMAXPROCS(0))}
}

// query performs one query. Its errors are final: the same query fails in the same way again.
func (q *queries) query(ctx context.Context, input activities.JSONQueryInput) (everhook.Value, error) {
	found, err := q.perform(ctx, input)
	if err != nil {
		return everhook.Value{}, failure(err)
	}
	return everhook.Value{V: found}, nil
}

// outcome is the end of a query.
type outcome struct {
	found any
	err   error
}

// errBusy says that a query did not get its turn.
var errBusy = everhook.Errorf(everhook.TypeUnavailable,
	"the worker had too many other queries to do; try again later, or "+
		"run more workers")

// perform waits for the query's turn, and then for the query, but not longer than it may take.
func (q *queries) perform(ctx context.Context, input activities.JSONQueryInput) (any, error) {
	select {
	case q.slots <- struct{}{}:
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, errBusy
		}
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, q.timeout)
	defer cancel()
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

// evaluate makes an error of a panic, because it runs in a goroutine of its own, where a panic ends the process.
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

// model picks fields of a result, or of each element of a list. Nil stays nil.
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
