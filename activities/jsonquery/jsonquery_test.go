package jsonquery

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
)

func path(t *testing.T, text string) everhook.Path {
	p, err := everhook.ParsePath(text)
	require.NoError(t, err)
	return p
}

func TestAQueryGivesACanonicalValue(t *testing.T) {
	t.Parallel()
	input := map[string]any{"a": []any{map[string]any{"b": 1}, map[string]any{"b": 2.5}}}
	for name, test := range map[string]struct {
		input activities.JSONQueryInput
		want  any
	}{
		"numbers are as they were": {activities.JSONQueryInput{Engine: activities.JMESPath, Query: "a[].b"},
			[]any{1, 2.5}},
		"a sum that is whole is an int": {activities.JSONQueryInput{Engine: activities.JMESPath,
			Query: "a[1].b * `2`"}, 5},
		"nothing is nil": {activities.JSONQueryInput{Engine: activities.JMESPath, Query: "x"}, nil},
		"no node is an empty list": {activities.JSONQueryInput{Engine: activities.JSONPath, Query: "$.x"},
			[]any{}},
		"a model makes mappings": {activities.JSONQueryInput{Engine: activities.JSONPath, Query: "$.a[*]",
			Model: []activities.QueryField{{Name: "n", Path: path(t, "b")}}},
			[]any{map[string]any{"n": 1}, map[string]any{"n": 2.5}}},
		"a model of a mapping is one": {activities.JSONQueryInput{Engine: activities.JMESPath, Query: "a[0]",
			Model: []activities.QueryField{{Name: "n", Path: path(t, "x")}}}, map[string]any{"n": nil}},
		"a model of nothing is nothing": {activities.JSONQueryInput{Engine: activities.JMESPath, Query: "x",
			Model: []activities.QueryField{{Name: "n", Path: path(t, "x")}}}, nil},
		"a model of a value is all nil": {activities.JSONQueryInput{Engine: activities.JMESPath, Query: "a[0].b",
			Model: []activities.QueryField{{Name: "n", Path: path(t, "x")}}}, map[string]any{"n": nil}},
		"sorting leaves the input alone": {activities.JSONQueryInput{Engine: activities.JMESPath,
			Query: "[reverse(a)[0].b, sort_by(a, &to_string(b))[0].b, a[0].b]"}, []any{2.5, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.input.Input = everhook.Value{V: input}
			got, err := newQueries().query(t.Context(), test.input)
			require.NoError(t, err)
			require.Equal(t, test.want, got.V)
		})
	}
}

func TestAFailureSaysWhy(t *testing.T) {
	t.Parallel()
	numbers := make([]any, 3000)
	for i := range numbers {
		numbers[i] = i
	}
	deep := any(1)
	for range everhook.MaxDepth {
		deep = []any{deep}
	}
	for name, test := range map[string]struct {
		engine       activities.QueryEngine
		query        string
		typ, message string
	}{
		"a query that does not compile": {activities.JSONPath, "a", everhook.TypeQuery, "position 1"},
		"an engine that is not there":   {"jsonata", "a", everhook.TypeQuery, `no query engine "jsonata"`},
		"a type that a function does not take": {activities.JMESPath, "abs('x')", everhook.TypeQuery,
			"argument 1 of abs must be a number, and is text"},
		"more nodes than allowed": {activities.JSONPath, "$.numbers[?count($..*) > 1, ?count($..*) > 1]",
			everhook.TypeTimeout, "longer than"},
		"too many nodes": {activities.JSONPath,
			"$[*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*][*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*,*]", everhook.TypeLimit,
			"1,000,000 nodes"},
		"a result that nests too deep": {activities.JMESPath, "[deep]", everhook.TypeLimit, "nested deeper"},
		"a result that is too large": {activities.JMESPath, "numbers[].[$.numbers]", everhook.TypeLimit,
			"larger than 1536KiB"},
		"an infinite number": {activities.JMESPath, "`1e308` * `10`", everhook.TypeQuery, "+Inf"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			queries := newQueries()
			if test.typ == everhook.TypeTimeout {
				queries.timeout = 50 * time.Millisecond
			}
			_, err := queries.query(t.Context(), activities.JSONQueryInput{
				Engine: test.engine, Query: test.query,
				Input: everhook.Value{V: map[string]any{"numbers": numbers, "deep": deep}},
			})
			failure := activities.FromError(err)
			require.Equal(t, test.typ, failure.Type, failure.Message)
			require.Equal(t, everhook.Errored, failure.Status)
			require.Contains(t, failure.Message, test.message)
		})
	}
}

func TestTheTimeThatAQueryWaitsForItsTurnIsFree(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queries := newQueries()
		for range cap(queries.slots) {
			queries.slots <- struct{}{}
		}
		input := activities.JSONQueryInput{Engine: activities.JSONPath, Query: "$"}
		ended := make(chan error)
		go func() {
			_, err := queries.query(t.Context(), input)
			ended <- err
		}()
		time.Sleep(10 * queries.timeout)
		<-queries.slots
		require.NoError(t, <-ended)
		synctest.Wait()
		require.Len(t, queries.slots, cap(queries.slots)-1, "the slot is given back")

		queries.slots <- struct{}{}
		ctx, cancel := context.WithTimeout(t.Context(), activities.LocalTimeout)
		defer cancel()
		_, err := queries.query(ctx, input)
		failure := activities.FromError(err)
		require.Equal(t, everhook.TypeUnavailable, failure.Type)
		require.Contains(t, failure.Message, "too many other queries")
	})
}

func TestAQueryEndsWithItsWorker(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	queries := newQueries()
	for range cap(queries.slots) {
		queries.slots <- struct{}{}
	}
	_, err := queries.query(ctx, activities.JSONQueryInput{Engine: activities.JSONPath, Query: "$"})
	require.Equal(t, everhook.TypeUnavailable, activities.FromError(err).Type)
}
