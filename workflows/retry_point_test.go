package workflows_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

const retryID = everhook.RunID("retryretryretryretryretryr")

// before queries the values for a retry from a node, as a client gets them.
func (try *trial) before(t *testing.T, node string) *workflows.RetryPoint {
	t.Helper()
	encoded, err := try.QueryWorkflow(workflows.ValuesQuery, node)
	require.NoError(t, err)
	point := &workflows.RetryPoint{}
	require.NoError(t, encoded.Get(point))
	return point
}

// retried prepares a retry of the run from a node.
func (try *trial) retried(t *testing.T, node string) *trial {
	t.Helper()
	definition := &everhook.Definition{}
	require.NoError(t, json.Unmarshal(try.definition, definition))
	again := tryFlow(t, payment, nil, nodes.Standard())
	again.definition, again.effect, again.start = try.definition, try.effect, try.start
	again.start.Origin, again.start.Delivery.RunID = runID, retryID
	again.start.From = try.before(t, node)
	again.SetStartTime(received.Add(time.Hour))
	return again
}

func keys(steps []everhook.Step) []string {
	var keys []string
	for _, step := range steps {
		keys = append(keys, step.Node)
	}
	return keys
}

const crossing = `
- { key: first, type: calculation, config: { expression: 'trigger.body.n + 1' } }
- { key: count, type: variable, config: { value: 1 } }
- { key: bad, type: calculation, onError: continue, config: { expression: 'trigger.body.none + 1' } }
- { key: early, type: output, config: { value: early } }
- key: side
  type: condition
  config: { expression: 'trigger.body.n > 0' }
  branches:
    then:
      - { key: up, type: variable, config: { target: count, value: '{{ nodes.count + 10 }}' } }
      - key: size
        type: multi-conditions
        config: { cases: [ { name: none, when: 'trigger.body.n == 0' }, { name: small, when: 'trigger.body.n < 10' } ] }
        branches:
          small:
            - { key: shrink, type: calculation, config: { expression: 'nodes.count * 2' } }
            - { key: more, type: variable, config: { target: count, value: '{{ nodes.count + 100 }}' } }
          otherwise:
            - { key: grow, type: calculation, config: { expression: 'nodes.count * 3' } }
    else:
      - { key: down, type: variable, config: { target: count, value: '{{ nodes.count - 10 }}' } }
      - { key: lower, type: calculation, config: { expression: 'nodes.count' } }
- key: each
  type: loop
  config: { over: 3, collect: 'nodes.inner' }
  branches:
    do:
      - { key: inner, type: calculation, config: { expression: 'loop.index + nodes.count' } }
      - { key: bump, type: variable, config: { target: count, value: '{{ nodes.count + 1 }}' } }
- key: both
  type: parallel
  branches:
    left: [ { key: l, type: variable, config: { target: count, value: '{{ nodes.count + 1000 }}' } } ]
    right: [ { key: r, type: calculation, config: { expression: 'nodes.count' } } ]
- key: caught
  type: calculation
  onError: branch
  config: { expression: 'trigger.body.none + 1' }
  branches:
    error:
      - { key: repair, type: variable, config: { target: count, value: '{{ nodes.count + 10000 }}' } }
- key: last
  type: output
  config: { value: '{{ [nodes.first, nodes.count, errors.bad.message, nodes.side, nodes.size, nodes.shrink, nodes.grow, nodes.lower, nodes.each, nodes.both, errors.caught.type, nodes.repair] }}' }
`

func TestARetryFromANodeEndsAsTheRunDid(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 30, -1} {
		first := try(t, crossing, map[string]any{"n": n})
		want := first.run(t)
		require.Equal(t, everhook.Resolved, want.Status, "%v", want.Error)
		for _, step := range first.steps(t) {
			again := first.retried(t, step.Node)
			got := again.run(t)
			require.Equal(t, want, got, "from %s with n = %d", step.Node, n)
		}
	}
}

func TestARetryDoesNotRunTheStepsBefore(t *testing.T) {
	t.Parallel()
	first := try(t, crossing, map[string]any{"n": 3})
	first.run(t)
	tail := []string{"each", "inner", "bump", "inner", "bump", "inner", "bump", "both", "l", "r", "caught", "repair",
		"last"}
	for node, want := range map[string]struct {
		at    string
		steps []string
	}{
		"shrink": {"shrink", append([]string{"side", "size", "shrink", "more"}, tail...)},
		"more":   {"more", append([]string{"side", "size", "more"}, tail...)},
		"up":     {"up", append([]string{"side", "up", "size", "shrink", "more"}, tail...)},
		"side":   {"side", append([]string{"side", "up", "size", "shrink", "more"}, tail...)},
		"inner":  {"each", tail},
		"r":      {"both", tail[7:]},
		"repair": {"caught", tail[10:]},
		"last":   {"last", tail[12:]},
	} {
		again := first.retried(t, node)
		require.Equal(t, want.at, again.start.From.Node, node)
		again.run(t)
		require.Equal(t, want.steps, keys(again.steps(t)), node)
	}
	inside := first.retried(t, "shrink")
	inside.run(t)
	steps := inside.steps(t)
	require.Equal(t, []string{`not evaluated again: the retry continues in the branch "then", as the run before did`},
		steps[0].Lines)
	require.Equal(t, everhook.Of(true), steps[0].Result)
	require.Equal(t, everhook.Of(map[string]any{"matched": "small", "tried": []any{false, true}}), steps[1].Result)
}

func TestTheValuesAreThoseBeforeTheNode(t *testing.T) {
	t.Parallel()
	first := try(t, crossing, map[string]any{"n": 3})
	first.run(t)
	point := first.before(t, "shrink")
	require.Equal(t, runID, point.Of)
	require.Equal(t, everhook.Mapping{"first": 4, "count": 11, "up": 11, "early": "early"}, point.Nodes,
		"the assignments after it are undone")
	require.Equal(t, "error", point.Errors["bad"].(map[string]any)["status"])
	require.Len(t, point.Errors, 1)
	require.Equal(t, everhook.Outcome{Status: everhook.Pending, Output: everhook.Of("early")}, point.Outcome,
		"the later output is undone")
	require.Nil(t, first.before(t, "count").Outcome.Output)
	require.Equal(t, 114, first.before(t, "each").Nodes["count"].(int)+3)
}

func TestTheValuesLeaveOutWhatBodiesOfLoopsLeft(t *testing.T) {
	t.Parallel()
	first := try(t, `
- key: each
  type: loop
  onError: branch
  config: { over: 3, onFail: fail }
  branches:
    do:
      - { key: large, type: calculation, config: { expression: 'repeat("x", 2000000)' } }
      - { key: bad, type: calculation, config: { expression: 'loop.index > 1 ? trigger.body.none + 1 : 0' } }
    error: [ { key: caught, type: calculation, config: { expression: errors.each.type } } ]
- { key: end, type: calculation, config: { expression: 2 } }
`, nil)
	first.run(t)
	point := first.before(t, "end")
	require.Equal(t, everhook.Mapping{"caught": "expression"}, point.Nodes)
	require.Equal(t, []string{"each"}, everhook.SortedKeys(point.Errors),
		"nothing behind the loop can refer to the error of its body")
}

func TestARetryOfARetryGoesOnFromThere(t *testing.T) {
	t.Parallel()
	first := try(t, crossing, map[string]any{"n": 3})
	want := first.run(t)
	second := first.retried(t, "shrink")
	second.run(t)
	third := second.retried(t, "both")
	require.Equal(t, retryID, third.start.From.Of)
	require.Equal(t, want, third.run(t))
	for _, node := range []string{"count", "side", "size"} {
		_, err := second.QueryWorkflow(workflows.ValuesQuery, node)
		require.ErrorContains(t, err,
			fmt.Sprintf(`this run did not begin the node %q: it is a retry of run %s that began at "shrink"; retry `+
				`that run, or from a later node`, node, runID))
	}
}

func TestANodeThatWasNotReachedIsRefused(t *testing.T) {
	t.Parallel()
	first := try(t, crossing, map[string]any{"n": 3})
	first.run(t)
	for node, want := range map[string]string{
		"lower": `this run did not reach the node "lower"; its last step was "last"`,
		"nope":  `the flow of this run has no node "nope"; name one of its steps, or retry the whole run`,
		"lowre": `the flow of this run has no node "lowre"; did you mean "lower"?`,
	} {
		_, err := first.QueryWorkflow(workflows.ValuesQuery, node)
		require.ErrorContains(t, err, want)
	}
}

func TestANodeOfOnFailureIsRefused(t *testing.T) {
	t.Parallel()
	first := tryFlow(t, `
key: trial
mode: async
trigger: { type: webhook }
nodes:
  - { key: stop, type: end, config: { status: failed } }
onFailure:
  - { key: tell, type: calculation, config: { expression: 1 } }
`, nil, nodes.Standard())
	require.Equal(t, everhook.Failed, first.run(t).Status)
	_, err := first.QueryWorkflow(workflows.ValuesQuery, "tell")
	require.ErrorContains(t, err, `the node "tell" stands in onFailure`)
}

func TestValuesLargerThanAStartAreRefused(t *testing.T) {
	t.Parallel()
	first := try(t, `
- { key: after, type: calculation, config: { expression: 1 } }
- { key: end, type: calculation, config: { expression: 2 } }
`, nil)
	// Text that does not compress.
	noise, source := make([]byte, 3_000_000), rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte('!' + source.IntN(90))
	}
	first.start.From = &workflows.RetryPoint{Node: "end", Nodes: everhook.Mapping{"after": string(noise)}}
	first.run(t)
	_, err := first.QueryWorkflow(workflows.ValuesQuery, "end")
	require.ErrorContains(t, err, `the values before the node "end" are larger than a run can be started with, `)
	require.ErrorContains(t, err, "retry the whole run")
}

func TestAnErrorAfterARetryIsCaughtByTheContainer(t *testing.T) {
	t.Parallel()
	flow := `
- key: side
  type: condition
  onError: branch
  config: { expression: 'true' }
  branches:
    then:
      - { key: a, type: calculation, config: { expression: 1 } }
      - { key: b, type: calculation, config: { expression: 'nodes.a + trigger.body.none' } }
    error:
      - { key: repair, type: calculation, config: { expression: 'errors.side.message' } }
- { key: out, type: output, config: { value: '{{ [nodes.side, nodes.repair, errors.b.type] }}' } }
`
	first := try(t, flow, map[string]any{})
	want := first.run(t)
	require.Nil(t, want.Output.V.([]any)[0])
	again := first.retried(t, "b")
	require.Equal(t, want, again.run(t))
	require.Equal(t, []string{"side", "b", "repair", "out"}, keys(again.steps(t)))
	require.Equal(t, "side", first.before(t, "repair").Node, "an error branch begins with its node")
}

func TestARetryAnswersNoSecondTime(t *testing.T) {
	t.Parallel()
	first := tryFlow(t, `
key: trial
mode: sync
trigger: { type: webhook }
nodes:
  - { key: thanks, type: response, config: { status: 201, continue: true } }
  - { key: work, type: calculation, config: { expression: 1 } }
  - { key: late, type: response, config: { status: 500 } }
`, nil, nodes.Standard())
	want := first.run(t)
	require.Equal(t, 201, want.Answer.Status)
	again := first.retried(t, "work")
	require.Equal(t, want, again.run(t))
	require.Equal(t, []string{"the caller had its answer already; this one is not sent"}, again.steps(t)[1].Lines)
	whole := first.retried(t, "thanks")
	require.Nil(t, whole.start.From.Outcome.Answer)
	require.Equal(t, want, whole.run(t))
}

func TestKeysOfEffectsDeriveFromTheOrigin(t *testing.T) {
	t.Parallel()
	var sent []activities.HTTPRequestInput
	first := try(t, `
- { key: name, type: calculation, config: { expression: 'uuid()' } }
- key: once
  type: condition
  config: { expression: 'system.runId == "abcdefghijklmnopqrstuvwxyz"' }
  branches: { then: [ { key: other, type: calculation, config: { expression: '[uuid(), uuid()]' } } ] }
- { key: charge, type: http-request, config: { url: 'https://pay.example/', method: POST, body: { id: '{{ uuid() }}', name: '{{ nodes.name }}' } } }
- { key: run, type: output, config: { value: '{{ system.runId }}' } }
`, nil)
	first.effect = func(input activities.HTTPRequestInput) (activities.HTTPRequestResult, error) {
		sent = append(sent, input)
		return activities.HTTPRequestResult{Status: 200, Attempts: 1}, nil
	}
	require.Equal(t, string(runID), first.run(t).Output.V)
	whole := first.retried(t, "name")
	whole.start.From = nil
	require.Equal(t, string(retryID), whole.run(t).Output.V)
	first.retried(t, "charge").run(t)
	require.Len(t, sent, 3)
	require.NotEmpty(t, sent[0].IdempotencyKey)
	require.Equal(t, sent[0], sent[1])
	require.Equal(t, sent[0], sent[2])
}

func TestTheTimeoutOfARetryBeginsWithIt(t *testing.T) {
	t.Parallel()
	first := tryFlow(t, `
key: trial
mode: async
trigger: { type: webhook }
options: { timeout: 1m }
nodes:
  - { key: wait, type: delay, config: { duration: 50s } }
`, nil, nodes.Standard())
	require.Equal(t, everhook.Resolved, first.run(t).Status)
	again := first.retried(t, "wait")
	require.Equal(t, everhook.Resolved, again.run(t).Status, "an hour after the delivery")
}

func TestTheTemporalUIShowsWhereARetryBegan(t *testing.T) {
	t.Parallel()
	first := try(t, crossing, map[string]any{"n": 3})
	first.run(t)
	again := first.retried(t, "both")
	again.run(t)
	require.Contains(t, again.currentDetails(t), "retry of run "+string(runID)+" from both")
}

// garden makes random flows of pure nodes.
type garden struct {
	*rand.Rand
	text   strings.Builder
	number int
	// seen are the nodes that may have run, variables the assignable ones among them.
	seen, variables []string
}

func (g *garden) key() string {
	g.number++
	return fmt.Sprintf("n%d", g.number)
}

// value returns an expression that reads seen nodes.
func (g *garden) value() string {
	parts := []string{fmt.Sprint(g.IntN(9))}
	for range g.IntN(3) {
		if len(g.seen) > 0 {
			parts = append(parts, "nodes."+g.seen[g.IntN(len(g.seen))])
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func (g *garden) line(indent int, format string, args ...any) {
	fmt.Fprintf(&g.text, strings.Repeat(" ", indent)+format+"\n", args...)
}

// list makes a list of nodes. Later nodes see them only if they run at most once: nodes in the bodies of loops are not
// seen.
func (g *garden) list(indent, depth int) {
	for range 1 + g.IntN(4) {
		g.node(indent, depth)
	}
}

func (g *garden) node(indent, depth int) {
	key, kind := g.key(), g.IntN(10)
	if depth == 0 && kind > 5 {
		kind -= 5
	}
	g.line(indent, "- key: %s", key)
	indent += 2
	switch kind {
	case 0, 1:
		g.line(indent, "type: variable\n%sconfig: { value: '{{ %s }}' }", strings.Repeat(" ", indent), g.value())
		g.variables = append(g.variables, key)
	case 2, 3:
		target := ""
		if len(g.variables) > 0 {
			target = "target: " + g.variables[g.IntN(len(g.variables))] + ", "
		}
		g.line(indent, "type: variable")
		// A short value, so that values do not double with every assignment.
		g.line(indent, "config: { %svalue: '{{ len(toJSON(%s)) }}' }", target, g.value())
	case 4:
		g.line(indent, "type: calculation")
		g.line(indent, "onError: continue")
		g.line(indent, "config: { expression: 'trigger.body.none + %d' }", g.IntN(9))
	case 5:
		g.line(indent, "type: output")
		g.line(indent, "config: { value: '{{ len(toJSON(%s)) }}' }", g.value())
	case 6, 7:
		g.line(indent, "type: condition")
		g.line(indent, "config: { expression: '%t' }", g.IntN(2) == 0)
		g.branches(indent, depth, []string{"then", "else"}, false)
	case 8:
		g.line(indent, "type: loop")
		g.line(indent, "config: { over: %d }", g.IntN(4))
		g.branches(indent, depth, []string{"do"}, true)
	case 9:
		g.line(indent, "type: parallel")
		g.branches(indent, depth, []string{"left", "right"}, true)
	}
	g.seen = append(g.seen, key)
}

func (g *garden) branches(indent, depth int, names []string, hidden bool) {
	g.line(indent, "branches:")
	seen, variables := g.seen, g.variables
	for _, name := range names {
		g.line(indent+2, "%s:", name)
		g.seen, g.variables = seen[:len(seen):len(seen)], variables[:len(variables):len(variables)]
		g.list(indent+4, depth-1)
	}
	if hidden {
		g.seen, g.variables = seen, variables
	}
}

func TestRandomFlowsCanBeRetriedFromEveryNode(t *testing.T) {
	t.Parallel()
	points, inside := 0, 0
	for seed := range uint64(60) {
		g := &garden{Rand: rand.New(rand.NewPCG(seed, 1))}
		g.list(0, 3)
		g.line(0, "- { key: all, type: output, config: { value: '{{ [%s, %s] }}' } }", "nodes."+
			strings.Join(g.seen, ", nodes."), "errors."+strings.Join(g.seen, ", errors."))
		text := g.text.String()
		first := try(t, "\n"+text, map[string]any{})
		want := first.run(t)
		require.Equal(t, everhook.Resolved, want.Status, "%v\n%s", want.Error, text)
		steps := first.steps(t)
		for _, step := range steps {
			again := first.retried(t, step.Node)
			require.Equal(t, want, again.run(t), "seed %d from %s:\n%s", seed, step.Node, text)
			points++
			if got := again.steps(t); len(got) > 0 && len(got[0].Lines) > 0 {
				inside++
			}
		}
	}
	require.Greater(t, points, 300)
	require.Greater(t, inside, 50)
}
