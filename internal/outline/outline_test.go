package outline_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/outline"
	"github.com/everhook/everhook/nodes"
)

// drawn is an outline as text: a line for each step and branch.
func drawn(t *testing.T, text string) string {
	t.Helper()
	document, problems := flowfile.ParseDocument("flow.yaml", []byte(text))
	require.NotNil(t, document, problems)
	flow := outline.Of(document, nodes.Standard())
	require.NotNil(t, flow)
	var b strings.Builder
	steps(&b, flow.Steps, "")
	return b.String()
}

func steps(b *strings.Builder, list []outline.Card, indent string) {
	for _, s := range list {
		marks := ""
		for name, set := range map[string]bool{"loops": s.Loops} {
			if set {
				marks += " " + name
			}
		}
		if s.Stops {
			marks += " stops"
		}
		if !s.Known {
			marks += " unknown"
		}
		fmt.Fprintf(b, "%s%s %s [%s]%s %s\n", indent, s.Key, s.Kind, s.Brief, marks, s.Pointer)
		for _, branch := range s.Branches {
			goes := "stops"
			if branch.Goes {
				goes = "goes"
			}
			fmt.Fprintf(b, "%s- %s %s\n", indent, branch.Title, goes)
			steps(b, branch.Steps, indent+"  ")
		}
	}
}

func TestAFlowIsDrawn(t *testing.T) {
	t.Parallel()
	require.Equal(t, `paid condition [`+"`trigger.body.paid == true`"+`] stops /nodes/0
- Then stops
  each loop [over `+"`trigger.body.items`"+`, 4 at once] loops /nodes/0/branches/then/0
  - Do goes
    ask http-request [POST `+"`/reserve`"+`] /nodes/0/branches/then/0/branches/do/0
    - On error goes
  yes response [200, ends the run] stops /nodes/0/branches/then/1
- Else stops
  why multi-conditions [2 cases] /nodes/0/branches/else/0
  - Small one goes
    v variable [] /nodes/0/branches/else/0/branches/small/0
  - Big goes
  - Otherwise goes
  no response [422, ends the run] stops /nodes/0/branches/else/1
`, drawn(t, `key: a
mode: sync
trigger: { type: webhook }
nodes:
  - key: paid
    type: condition
    config: { expression: "trigger.body.paid\n == true" }
    branches:
      else:
        - key: why
          type: multi-conditions
          config: { cases: [{ name: small, title: Small one, when: 'true' }, { name: big, when: 'true' }], continueOnNoMatch: true }
          branches: { small: [{ key: v, type: variable }], otherwise: [], big: [] }
        - { key: no, type: response, config: { status: 422 } }
      then:
        - key: each
          type: loop
          config: { over: trigger.body.items, concurrency: 4 }
          branches:
            do: [{ key: ask, type: http-request, onError: branch, config: { method: POST, url: '{{ env.A }}/reserve' } }]
        - { key: yes, type: response }
`))
}

func TestABrokenFlowIsDrawnAsFarAsItCanBeRead(t *testing.T) {
	t.Parallel()
	require.Equal(t, `x no-such-kind [] unknown /nodes/0
- Odd goes
  c condition [] /nodes/0/branches/odd/0
  - Then goes
  - Else goes
 response [`+"`[]`"+`, ends the run] stops /nodes/1
`, drawn(t, `nodes:
  - { key: x, type: no-such-kind, branches: { odd: [{ key: c, type: condition, config: [] }] } }
  - { type: response, config: { status: [] } }
`))
}
