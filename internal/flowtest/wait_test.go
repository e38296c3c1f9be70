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

func TestTheTextOfABodyIsThatOfItsValue(t *testing.T) {
	t.Parallel()
	const flow = `
key: kept
mode: async
trigger: { type: webhook, accept: [json, text, binary], raw: true }
nodes:
  - key: done
    type: wait-for-call
    config: { accept: [json, text], raw: true }
  - { key: out, type: output, config: { value: { first: '{{ [trigger.raw, trigger.body] }}', then: '{{ [nodes.done.raw, nodes.done.body] }}' } } }
`
	for name, fields := range map[string]string{
		"JSON": `
request: { body: { a: 1 } }
nodes: { done: { call: { body: [1] } } }
want: { output: { first: ['{"a":1}', { a: 1 }], then: ['[1]', [1]] } }`,
		"text": `
request: { headers: { Content-Type: text/plain }, body: hello }
nodes: { done: { call: { headers: { Content-Type: text/plain }, body: hello } } }
want: { output: { first: [hello, hello], then: [hello, hello] } }`,
		"lines": `
request: { headers: { Content-Type: application/x-ndjson }, body: [1, { a: 2 }] }
nodes: { done: { call: { headers: { Content-Type: application/x-ndjson }, body: [1] } } }
want: { output: { first: ["1\n{\"a\":2}\n", [1, { a: 2 }]], then: ["1\n", [1]] } }`,
		"lines as text": `
request: { headers: { Content-Type: application/x-ndjson }, body: "1\n2" }
nodes: { done: { call: {} } }
want: { output: { first: ["1\n2", [1, 2]], then: ['', null] } }`,
		"a file": `
request: { headers: { Content-Type: image/png }, body: x }
nodes: { done: { call: { body: x } } }
want: { output: { first: [null, { filename: '', contentType: image/png, size: 1, base64: eA== }], then: ['"x"', x] } }`,
	} {
		require.Empty(t, told(one(t, flow, fields)), name)
	}
}
