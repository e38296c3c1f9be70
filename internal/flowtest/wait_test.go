package flowtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/flowtest"
)

const calledBack = async + `
  - key: each
    type: loop
    config: { over: 2, collect: '{ call: nodes.done, url: hasPrefix(nodes.url, "http://everhook.test/api/webhook:resume/contract-test/contracttestcontracttestab/done?ticket=") }' }
    branches:
      do:
        - { key: url, type: calculation, config: { expression: 'resumeUrl("done")' } }
        - key: done
          type: wait-for-call
          config: { deadline: 1d, onDeadline: continue, schema: { type: object, required: [n] }, request: { headers: [X-A], body: [n] } }
  - { key: out, type: output, config: { value: '{{ nodes.each.items }}' } }
`

func TestATestSaysWhoCallsBack(t *testing.T) {
	t.Parallel()
	result := one(t, calledBack, `
now: 2026-01-31T09:00:00Z
nodes:
  done:
    - call: { headers: { x-a: yes, x-b: no }, query: 'a[b]=1', body: { n: 1, m: 2 } }
    - deadline
want:
  status: resolved
  steps: [each, url, 'done[0]', url, 'done[1]', out]
  output:
    - { call: { headers: { x-a: yes }, query: { a: { b: '1' } }, body: { n: 1 }, receivedAt: '2026-01-31T09:00:00Z' }, url: true }
    - { call: null, url: true }
`)
	require.Empty(t, told(result))
	require.Equal(t, "P1D", result.Elapsed.String(), "nobody called the second time")
}

func TestAWaitWithoutACallFailsByName(t *testing.T) {
	t.Parallel()
	result := one(t, calledBack, `want: { status: resolved }`)
	require.Equal(t, []string{"node done waits for a call, and the test has none for it; add `nodes: { done: { call: " +
		"{ body: … } } }`, or `{ done: deadline }` for no call"}, told(result))
}

func TestACallThatWouldBeRefusedIsAMistakeOfTheTest(t *testing.T) {
	t.Parallel()
	for outcome, problem := range map[string]string{
		"{ call: { body: { m: 1 } } }":           "it does not fit the schema of the node, so the call would get 422",
		"{ result: 1 }":                          `"call" is missing`,
		"never":                                  "text is no outcome of a wait",
		"{ call: { body: { n: 1 }, query: 7 } }": "a number is no query",
		"{ call: { bdy: 1 } }":                   `unknown field "bdy"`,
		"[]":                                     "an empty list of outcomes",
	} {
		compiled, problems := flowfile.Load("tested.yaml", []byte(calledBack), registry())
		require.NoError(t, problems.Err())
		_, problems = flowtest.New("tested.test.yaml", []byte("tests:\n  - name: it\n    nodes: { done: "+outcome+
			" }\n    want: { status: resolved }\n"), compiled, registry())
		require.ErrorContains(t, problems.Err(), problem, outcome)
	}
}
