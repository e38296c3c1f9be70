package flowtest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/flowtest"
)

const callingFlow = `key: calling
mode: sync
trigger: { type: webhook }
nodes:
  - key: each
    type: loop
    config: { over: trigger.body.skus, collect: 'nodes.stock.left ?? errors.stock.message' }
    branches: { do: [ { key: stock, type: subflow, onError: continue, config: { flow: 'stock@3', input: { sku: '{{ loop.item }}' } } } ] }
  - { key: tell, type: subflow, config: { flow: tell, wait: false } }
  - { key: answer, type: response, config: { body: '{{ nodes.each.items }}' } }
`

func TestCalledFlowsEndAsTheTestSays(t *testing.T) {
	t.Parallel()
	result := one(t, callingFlow, `
request: { body: { skus: [a, b, c, d] } }
nodes:
  tell: { result: null }
  stock:
    - { result: { left: 4 } }
    - { failed: sold out }
    - { failed: { status: rejected, message: nobody wants it } }
    - { error: it broke }
want:
  steps: [each, stock, stock, stock, stock, tell, answer]
  calls:
    tell: [{ flow: tell, input: null }]
    stock: [{ flow: 'stock@3', input: { sku: a } }, { input: { sku: b } }, {}, {}]
`)
	require.Empty(t, told(result))
	require.Regexp(t, `^stock/[a-z2-7]{26}$`, result.Steps[1].Subflow)
	for i, message := range map[int]string{2: "ended failed: sold out", 3: "ended rejected: nobody wants it",
		4: "ended error: it broke"} {
		require.Contains(t, result.Steps[i].Error.Message, message)
	}
}

func TestACalledFlowWithoutAnOutcomeFailsTheTestByName(t *testing.T) {
	t.Parallel()
	result := one(t, callingFlow, `
request: { body: { skus: [] } }
want: {}
`)
	require.Len(t, told(result), 1)
	require.Contains(t, told(result)[0], "node tell has effects, and the test has no outcome for it: it would send a "+
		"call of the flow tell")
}

func TestOutcomesOfCalledFlowsAreChecked(t *testing.T) {
	t.Parallel()
	for text, message := range map[string]string{
		"{}":                                    "an outcome is one of result, failed and error",
		"{ result: 1, error: x }":               "an outcome is one of result, failed and error",
		"{ failed: { status: 402 } }":           "status",
		"{ failed: { status: failed } }":        "message",
		"{ failed: { status: r, message: a } }": `"r" is none of`,
		"{ answer: 1 }":                         "unknown field",
	} {
		problems := problemsOf(t, callingFlow, "tests:\n  - name: a\n    nodes: { tell: "+text+" }\n")
		require.NotEmpty(t, problems, text)
		require.Contains(t, problems[0].Message+problems[0].Fix, message, text)
	}
	problems := problemsOf(t, callingFlow, "tests:\n  - name: a\n    want: { calls: { tell: [{ method: POST }] } }\n")
	require.Contains(t, problems[0].Message, `unknown field "method"`)
}

const calledFlow = `key: called
mode: async
trigger: { type: call, input: { type: object, required: [sku] } }
nodes: [ { key: out, type: output, config: { value: '{{ trigger.input.sku }} {{ trigger.receivedAt }} {{ trigger.id == system.runId }}' } } ]
`

func TestAFlowThatIsCalledIsTestedWithItsInput(t *testing.T) {
	t.Parallel()
	result := one(t, calledFlow, `
now: 2026-01-31T09:00:00Z
trigger: { input: { sku: tea } }
want: { status: resolved, output: 'tea 2026-01-31T09:00:00Z true' }
`)
	require.Empty(t, told(result))
}

func TestAnInputThatDoesNotFitIsAProblemOfTheTest(t *testing.T) {
	t.Parallel()
	problems := problemsOf(t, calledFlow, "tests:\n  - name: a\n    trigger: { input: { quantity: 1 } }\n")
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Message, "missing property 'sku'")
	problems = problemsOf(t, calledFlow, "tests:\n  - name: a\n    request: { body: 1 }\n")
	require.Contains(t, problems[0].Message, "the trigger of the flow is call, and no webhook")
}

func problemsOf(t *testing.T, flow, tests string) flowfile.Problems {
	t.Helper()
	compiled, problems := flowfile.Load("flow.yaml", []byte(flow), registry())
	require.Empty(t, problems.Errors())
	_, problems = flowtest.New("flow.test.yaml", []byte(tests), compiled, registry())
	return problems
}
