package compile_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
)

const branching = `
key: branching
mode: async
trigger: { type: webhook }
nodes:
  - { key: top, type: calculation, config: { expression: 1 } }
  - key: side
    type: condition
    onError: branch
    config: { expression: 'true' }
    branches:
      then:
        - key: size
          type: multi-conditions
          config: { cases: [ { name: small, when: 'true' } ] }
          branches:
            small: [ { key: s, type: calculation, config: { expression: 1 } } ]
            otherwise:
              - key: each
                type: loop
                config: { over: 1 }
                branches:
                  do:
                    - key: inner
                      type: condition
                      config: { expression: 'true' }
                      branches: { then: [ { key: deep, type: calculation, config: { expression: 1 } } ] }
      error: [ { key: repair, type: calculation, config: { expression: 1 } } ]
  - key: both
    type: parallel
    branches:
      a: [ { key: a1, type: calculation, config: { expression: 1 } } ]
      b: [ { key: b1, type: calculation, config: { expression: 1 } } ]
onFailure: [ { key: tell, type: calculation, config: { expression: 1 } } ]
`

func TestWaitsThatNobodyIsToldOfAreFound(t *testing.T) {
	t.Parallel()
	const wait = "type: wait-for-call, config: { deadline: 1h }"
	flow, problems := flowfile.Load("flow.yaml", []byte(`
key: waits
mode: async
trigger: { type: webhook, response: { body: '{{ resumeUrl("told") }}' } }
nodes:
  - { key: order, type: calculation, config: { expression: 'resumeUrl("done")' } }
  - key: side
    type: condition
    config: { expression: 'true' }
    branches:
      then:
        - { key: inner, type: calculation, config: { expression: 'resumeUrl("paid")' } }
        - { key: paid, `+wait+` }
  - { key: done, `+wait+` }
  - { key: told, `+wait+` }
  - { key: last, type: calculation, config: { expression: 1 } }
`), nodes.Standard())
	require.Empty(t, problems.Errors())
	for from, want := range map[string][]string{
		"": {"told"}, "order": {"told"}, "side": {"done", "told"}, "inner": {"done", "told"},
		"paid": {"done", "told", "paid"}, "done": {"told", "done"}, "told": {"told"}, "last": nil,
	} {
		require.ElementsMatch(t, want, flow.WaitsWithoutURL(from), from)
	}
}

func TestAWayLeadsToWhereARunCanBeContinued(t *testing.T) {
	t.Parallel()
	flow, problems := flowfile.Load("flow.yaml", []byte(branching), nodes.Standard())
	require.Empty(t, problems.Errors())
	for key, want := range map[string]string{
		"top": "top", "side": "side", "size": "side.then size", "s": "side.then size.small s",
		"each": "side.then size.otherwise each", "inner": "side.then size.otherwise each",
		"deep":   "side.then size.otherwise each",
		"repair": "side", "both": "both", "a1": "both", "b1": "both", "tell": "", "nope": "",
	} {
		var stops []string
		for _, stop := range flow.Way(key) {
			stops = append(stops, strings.TrimSuffix(stop.Node.Key+"."+stop.Branch, "."))
		}
		require.Equal(t, want, strings.Join(stops, " "), key)
		if node := flow.Node(key); node != nil {
			require.Equal(t, strings.HasSuffix(want, key), node.OnLine, key)
		}
	}
}

func TestAContainerThatIsEnteredHasTheResultOfItsBranch(t *testing.T) {
	t.Parallel()
	require.Equal(t, true, (&nodes.Condition{}).Chosen("then"))
	require.Equal(t, false, (&nodes.Condition{}).Chosen("else"))
	cases := &nodes.MultiConditions{Cases: []nodes.Case{{Name: "a"}, {Name: "b"}, {Name: "c"}}}
	require.Equal(t, map[string]any{"matched": "b", "tried": []any{false, true}}, cases.Chosen("b"))
	require.Equal(t, map[string]any{"matched": nil, "tried": []any{false, false, false}}, cases.Chosen("otherwise"))
}
