package expression

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// soon is far above the time of a full budget (BenchmarkUnits), also on a busy machine, and far below the time that a
// missing charge allows.
const soon = 30 * time.Second

// testEnvironment is a place after the nodes charge and items, inside the loop each.
func testEnvironment() *Environment {
	anything := &Shape{}
	position := &Shape{Fields: map[string]*Shape{"item": anything, "index": anything}}
	return &Environment{
		Roots: map[string]*Shape{
			"trigger": {Fields: map[string]*Shape{
				"body": {Fields: map[string]*Shape{
					"order": {Fields: map[string]*Shape{"id": anything, "status": anything,
						"items": {Fields: map[string]*Shape{"sku": anything, "price": anything}}}},
				}, Open: true},
				"query": anything,
				"headers": {Fields: map[string]*Shape{"date": anything},
					Hidden: map[string]string{"cookie": "it is not among trigger.request.headers"}},
			}},
			"nodes": {Fields: map[string]*Shape{"charge": anything, "items": anything},
				Hidden: map[string]string{"later": "it runs later"}},
			"errors": {Fields: map[string]*Shape{"charge": {Fields: map[string]*Shape{"message": anything}}}},
			"loop":   position,
			"loops":  {Fields: map[string]*Shape{"each": position}},
			"env":    anything,
			"system": {Fields: map[string]*Shape{"now": anything, "runId": anything}},
		},
		Hidden: map[string]string{"failure": "it exists only in onFailure"},
	}
}

const testData = `{
	"trigger": {
		"body": {
			"order": {"id": 7, "status": "paid", "items": [{"sku": "a", "price": 2.5}, {"sku": "b", "price": 4}], "note": null},
			"text": "größe", "empty": "", "yes": true, "no": false, "list": [3, 1, 2], "nothing": null, "number": 5, "float": 1.5,
			"map": {"b": 2, "a": 1, "c": {"d": [1, 2]}}, "at": "2030-01-31T09:00:00+02:00", "nested": [{"tags": ["x", "y"]}, {"tags": ["z"]}, {}],
			"template": "{{ trigger.body.order.id }}", "big": 9223372036854775807, "mixed": [1, "a"], "flags": [true, false, true], "words": ["b", "a"]
		},
		"headers": {"date": "Mon, 02 Jan 2006 15:04:05 GMT"},
		"query": {"q": "a b&c/d"}
	},
	"nodes": {"charge": {"status": 200, "body": {"ok": true}}, "items": [1, 2]},
	"errors": {"charge": null},
	"loop": {"item": "x", "index": 2},
	"loops": {"each": {"item": "x", "index": 2}},
	"env": {"HOST": "api.example.com", "BASE": "https://api.example.com/v1", "REGION": "eu"},
	"system": {"now": "2030-01-01T00:00:00Z", "runId": "run-1"}
}`

func testScope(t testing.TB) *Scope {
	values, err := everhook.ParseJSON([]byte(testData))
	require.NoError(t, err)
	return &Scope{
		Values:    values.(map[string]any),
		Now:       func() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) },
		Seed:      "run-1/node/items[2]",
		ResumeURL: func(key string) (string, error) { return "https://hooks.example.com/resume/" + key, nil },
	}
}

// evaluate returns the value as JSON, or "error: " and the message, or "invalid: " and the message of the compilation.
func evaluate(t testing.TB, source string) string {
	program, err := Compile(source, testEnvironment())
	if err != nil {
		message, _, _ := strings.Cut(err.Error(), "\n")
		return "invalid: " + message
	}
	v, err := program.Eval(testScope(t))
	if err != nil {
		failed := everhook.AsError(err)
		require.Equal(t, everhook.Errored, failed.Status)
		require.Contains(t, []string{everhook.TypeExpression, everhook.TypeLimit}, failed.Type)
		return "error: " + failed.Message
	}
	requireCanonical(t, v)
	text, err := everhook.EncodeJSON(v)
	require.NoError(t, err)
	return string(text)
}

func requireCanonical(t testing.TB, v any) {
	canonical, err := everhook.Canonical(v)
	require.NoError(t, err)
	require.Equal(t, canonical, v)
}
