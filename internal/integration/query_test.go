package integration

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

func count(names []string, name string) int {
	n := 0
	for _, other := range names {
		if other == name {
			n++
		}
	}
	return n
}

func TestAQueryCostsOneEventAndIsNotRunByAReplay(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "query", `nodes:
  - { key: names, type: json-query, config: { input: '{{ trigger.body }}', engine: jsonpath, query: '$.people[?@.age >= 18].name' } }
  - { key: total, type: json-query, config: { input: '{{ trigger.body }}', engine: jmespath, query: 'sum(people[].age)' } }
  - { key: due, type: date-calculation, config: { input: '2026-01-31', steps: [ { add: { amount: 1, unit: month } }, { timezone: { name: Europe/Zurich } } ] } }
  - { key: broken, type: json-query, onError: continue, config: { input: '{{ trigger.body }}', engine: jmespath, query: 'abs(people)' } }
  - { key: answer, type: response, config: { body: { names: '{{ nodes.names }}', total: '{{ nodes.total }}', due: '{{ nodes.due }}', broken: '{{ errors.broken.type }}' } } }
`)
	got := f.post(t, `{"people":[{"name":"Ada","age":36},{"name":"Bob","age":7},{"name":"Eve","age":18}]}`)
	require.Equal(t, 200, got.status, got.body)
	require.JSONEq(t, `{"names":["Ada","Eve"],"total":61,"due":"2026-02-28T01:00:00+01:00","broken":"query"}`, got.body)
	require.Equal(t, everhook.Resolved, f.ended(t, got.run).Status)
	// The replay has no query engine registered: the results come from the history.
	events := types(f.events(t, got.run))
	require.Equal(t, 3, count(events, "MarkerRecorded"), events)
	require.Equal(t, 1, count(events, "WorkflowTaskStarted"), events)
	require.LessOrEqual(t, len(events), 7+3, events)
	record(t, f, got.run, "json-query")
}

func TestAnAnswerLeavesBeforeAQuery(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "query-after-answer", `nodes:
  - { key: answer, type: response, config: { status: 202, continue: true } }
  - { key: first, type: json-query, config: { input: { a: 1 }, engine: jsonpath, query: '$.a' } }
  - { key: second, type: json-query, config: { input: '{{ nodes.first }}', engine: jsonpath, query: '$[0]' } }
  - { key: out, type: output, config: { value: '{{ nodes.second }}' } }
`)
	got := f.post(t, `{}`)
	require.Equal(t, 202, got.status)
	require.Equal(t, []any{1}, f.ended(t, got.run).Output.V)
	events := types(f.events(t, got.run))
	answered, queried := slices.Index(events, "WorkflowExecutionUpdateCompleted"),
		slices.Index(events, "MarkerRecorded")
	require.Positive(t, answered)
	require.Greater(t, queried, answered)
	require.Contains(t, events[answered:queried], "WorkflowTaskStarted", "the answer leaves with its workflow task: %s",
		events)
	require.Equal(t, 1, count(events, "ActivityTaskScheduled"), "the second query needs no break: %s", events)
	record(t, f, got.run, "json-query-after-answer")
}

func TestALargeResultOfAQueryIsAnErrorOfThatRunAlone(t *testing.T) {
	t.Parallel()
	f := shared.sync(t, "query-large", `nodes:
  - { key: found, type: json-query, onError: continue, config: { input: '{{ trigger.body }}', engine: jsonpath, query: '$["a","a","a","a","a"]' } }
  - { key: answer, type: response, config: { body: { error: '{{ errors.found.type }}' } } }
`)
	for size, want := range map[int]string{100_000: `{"error":null}`, 400_000: `{"error":"limit"}`} {
		got := f.post(t, `{"a":"`+strings.Repeat("x", size)+`"}`)
		require.Equal(t, 200, got.status, got.body)
		require.JSONEq(t, want, got.body)
		f.ended(t, got.run)
		f.events(t, got.run)
	}
}
