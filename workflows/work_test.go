package workflows_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
)

// TestWorkOnDataBreaksTheWorkflowTaskInTime checks that work on much data outside of expressions breaks the task of a
// loop in time: a task that runs for seconds without a break would be retried for ever.
func TestWorkOnDataBreaksTheWorkflowTaskInTime(t *testing.T) {
	t.Parallel()
	yields := func(t *testing.T, before, loop, body string) int32 {
		try := tryLoops(t, "sync", fmt.Sprintf(`
- { key: text, type: variable, config: { value: '{{ repeat("x", 320000) }}' } }
- { key: short, type: variable, config: { value: '{{ repeat("x", 30000) }}' } }
- { key: list, type: variable, config: { value: '{{ map(0..20000, fromPairs([["a", #]])) }}' } }
- { key: mapping, type: variable, config: { value: '{{ fromPairs(map(0..5000, [string(#), #])) }}' } }
- { key: json, type: variable, config: { value: '{{ toJSON(map(0..20000, #)) }}' } }
%s
- { key: each, type: loop, config: { %s }, branches: { do: [ %s ] } }
`, before, loop, body))
		require.Equal(t, everhook.Resolved, try.run(t).Status)
		return try.yields.Load()
	}
	list := func(n int, lead, separator string) string {
		nodes := make([]string, n)
		for i := range nodes {
			nodes[i] = fmt.Sprintf("%s{ key: c%d, type: calculation, config: { expression: '1' } }", lead, i)
		}
		return strings.Join(nodes, separator)
	}
	const one = `{ key: a, type: calculation, config: { expression: '1' } }`
	without := yields(t, "", "over: 40", one)
	for name, of := range map[string]struct{ before, loop, body string }{
		"output": {body: `{ key: a, type: output, config: { value: '{{ nodes.text }}' } }`},
		"answer": {body: `{ key: a, type: response, config: { body: '{{ nodes.text }}', continue: ` +
			`true } }`},
		"JSON that is parsed": {body: `{ key: a, type: json-mapping, config: { input: '{{ nodes.json }}', parse: ` +
			`true, variables: [ { name: a, path: '[0]' } ] } }`},
		"paths through lists": {body: `{ key: a, type: json-mapping, config: { input: '{{ nodes.list }}', ` +
			`variables: [ { name: a, path: a } ] } }`},
		"characters of a text": {body: `{ key: a, type: loop, config: { over: nodes.short, when: 'false' }, ` +
			`branches: { do: [ { key: b, type: calculation, config: { expression: 1 } } ] } }`},
		"entries of a mapping": {body: `{ key: a, type: loop, config: { over: nodes.mapping, when: 'false' }, ` +
			`branches: { do: [ { key: b, type: calculation, config: { expression: 1 } } ] } }`},
		"what is collected": {body: `{ key: a, type: loop, config: { over: 1, collect: nodes.text }, branches: { ` +
			`do: [ { key: b, type: calculation, config: { expression: 1 } } ] } }`},
		"copies of many results": {before: list(1900, "- ", "\n"), loop: "over: 1000, concurrency: 2, when: 'false', " +
			"onFalse: skip", body: one},
		"results of a long body": {loop: "over: 8000, when: 'false', onFalse: skip", body: list(1900, "", ", ")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if of.loop == "" {
				of.loop = "over: 40"
			}
			require.Greater(t, yields(t, of.before, of.loop, of.body), without+2)
		})
	}
}
