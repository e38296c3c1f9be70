package workflows_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/activities"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/kind"
	"github.com/everhook/everhook/workflows"
)

// loops are flows whose outcome must be the same wherever their loops are handed over.
var loops = map[string]string{
	"collects in order": `
- key: each
  type: loop
  config: { over: 'map(0..19, # * 3)', collect: '[loop.index, nodes.a, loop.length]' }
  branches: { do: [ { key: a, type: calculation, config: { expression: loop.item + 1 } } ] }
- { key: out, type: output, config: { value: '{{ nodes.each }}' } }
`,
	"variables are carried": `
- { key: sum, type: variable, config: { value: 0 } }
- { key: unused, type: variable, config: { value: { deep: [1, 2.5, text] } } }
- key: each
  type: loop
  config: { over: 17 }
  branches: { do: [ { key: add, type: variable, config: { target: sum, value: '{{ nodes.sum + loop.item }}' } }, { key: own, type: variable, config: { value: '{{ nodes.sum }}' } } ] }
- { key: out, type: output, config: { value: '{{ [nodes.sum, nodes.unused, nodes.each] }}' } }
`,
	"nested": `
- { key: log, type: variable, config: { value: [] } }
- key: outer
  type: loop
  config: { over: trigger.body.rows, collect: nodes.inner.items }
  branches:
    do:
      - { key: prefix, type: calculation, config: { expression: 'string(loop.index) + ":"' } }
      - key: inner
        type: loop
        config: { over: loop.item, collect: 'nodes.prefix + string(loops.outer.index) + "/" + string(loop.item) + "/" + string(loops.outer.length)' }
        branches: { do: [ { key: note, type: variable, config: { target: log, value: '{{ concat(nodes.log, [loops.outer.sequence * 100 + loop.sequence]) }}' } } ] }
- { key: out, type: output, config: { value: '{{ [nodes.outer, nodes.log] }}' } }
`,
	"a variable that the inner loop does not know": `
- { key: x, type: variable, config: { value: 0 } }
- { key: y, type: variable, config: { value: 0 } }
- key: outer
  type: loop
  config: { over: 4, collect: '[nodes.x, nodes.own, nodes.both.a.result.items]' }
  branches:
    do:
      - { key: own, type: variable, config: { value: 5 } }
      - { key: more, type: variable, config: { target: x, value: '{{ nodes.x + 1 }}' } }
      - key: inner
        type: loop
        config: { over: 3 }
        branches: { do: [ { key: addY, type: variable, config: { target: y, value: '{{ nodes.y + 1 }}' } } ] }
      - key: both
        type: parallel
        branches:
          a:
            - { key: twice, type: variable, config: { target: x, value: '{{ nodes.x * 2 }}' } }
            - key: innerA
              type: loop
              config: { over: 3, collect: loop.item }
              branches: { do: [ { key: addOwn, type: variable, config: { target: own, value: '{{ nodes.own + 1 }}' } } ] }
          b:
            - key: innerB
              type: loop
              config: { over: 3 }
              branches: { do: [ { key: alsoY, type: variable, config: { target: y, value: '{{ nodes.y + 10 }}' } } ] }
- { key: out, type: output, config: { value: '{{ [nodes.x, nodes.y, nodes.outer] }}' } }
`,
	"open, ended by when": `
- { key: n, type: variable, config: { value: 0 } }
- key: each
  type: loop
  config: { when: 'nodes.n < 12', collect: 'nodes.n' }
  branches: { do: [ { key: add, type: variable, config: { target: n, value: '{{ nodes.n + 1 }}' } } ] }
- { key: out, type: output, config: { value: '{{ nodes.each }}' } }
`,
	"skips and breaks after": `
- key: each
  type: loop
  config: { over: 20, when: 'nodes.a % 3 != 0', check: after, onFalse: skip, collect: nodes.a }
  branches: { do: [ { key: a, type: calculation, config: { expression: loop.item } } ] }
- key: other
  type: loop
  config: { over: '"äöü€xyz"', when: 'loop.item != "x"', collect: 'loop.item' }
  branches: { do: [ { key: b, type: calculation, config: { expression: 1 } } ] }
- { key: out, type: output, config: { value: '{{ [nodes.each, nodes.other] }}' } }
`,
	"failures are counted": `
- key: each
  type: loop
  config: { over: 15, onFail: continue, collect: nodes.a }
  branches:
    do:
      - { key: even, type: condition, config: { expression: 'loop.item % 4 != 0', rejectOnFalse: true } }
      - { key: a, type: calculation, config: { expression: loop.item } }
- key: stops
  type: loop
  config: { over: trigger.body.letters, onFail: break, collect: loop.item.key }
  branches: { do: [ { key: ok, type: condition, config: { expression: 'loop.item.value < 3', rejectOnFalse: true } } ] }
- { key: out, type: output, config: { value: '{{ [nodes.each, nodes.stops] }}' } }
`,
	"a failure ends the run and runs onFailure": `
- key: each
  type: loop
  config: { over: 15 }
  branches: { do: [ { key: ok, type: condition, config: { expression: 'loop.item < 9', rejectOnFalse: true } } ] }
- { key: never, type: calculation, config: { expression: 1 } }
onFailure:
- key: report
  type: loop
  config: { over: 6, collect: 'failure.node + string(loop.item)' }
  branches: { do: [ { key: line, type: calculation, config: { expression: 'failure.message' } } ] }
- { key: out, type: output, config: { value: '{{ [nodes.report, failure] }}' } }
`,
	"a caught failure": `
- key: each
  type: loop
  onError: branch
  config: { over: 9 }
  branches:
    do: [ { key: a, type: calculation, config: { expression: '10 / (loop.item < 6 ? 1 : nil)' } } ]
    error: [ { key: caught, type: calculation, config: { expression: 'errors.each.message' } } ]
- { key: out, type: output, config: { value: '{{ [nodes.caught, nodes.each, errors.each] }}' } }
`,
	"ends the run": `
- key: each
  type: loop
  config: { over: 15 }
  branches:
    do:
      - { key: set, type: output, config: { value: '{{ loop.item }}' } }
      - { key: enough, type: condition, config: { expression: 'loop.item == 11' }, branches: { then: [ { key: stop, type: end, config: { status: rejected, message: 'at {{ loop.item }}' } } ] } }
- { key: out, type: output, config: { value: never } }
`,
	"uuids and errors of the body": `
- key: each
  type: loop
  config: { over: 7, when: 'len(uuid()) > 0', collect: '[uuid(), uuid(), nodes.a, errors.b]' }
  branches:
    do:
      - { key: a, type: calculation, config: { expression: '[uuid(), uuid()]' } }
      - { key: b, type: calculation, onError: continue, config: { expression: 'loop.index % 2 == 0 ? loop.item.x + 1 : 0' } }
- { key: out, type: output, config: { value: '{{ [nodes.each, uuid()] }}' } }
`,
	"in parallel branches": `
- { key: x, type: variable, config: { value: 1 } }
- key: both
  type: parallel
  branches:
    a:
      - { key: ea, type: loop, config: { over: 9, collect: nodes.x }, branches: { do: [ { key: xa, type: variable, config: { target: x, value: '{{ nodes.x * 2 }}' } } ] } }
    b:
      - { key: eb, type: loop, config: { over: 8, collect: nodes.x }, branches: { do: [ { key: xb, type: variable, config: { target: x, value: '{{ nodes.x + 5 }}' } } ] } }
- { key: out, type: output, config: { value: '{{ [nodes.both, nodes.ea, nodes.eb, nodes.x] }}' } }
`,
	"outputs in parallel branches, the last to set it ends first": `
- key: both
  type: parallel
  branches:
    long:
      - key: la
        type: loop
        config: { over: 9 }
        branches:
          do:
            - { key: wa, type: delay, config: { duration: 1m } }
            - { key: first, type: condition, config: { expression: 'loop.index == 0' }, branches: { then: [ { key: oa, type: output, config: { value: early } } ] } }
    short:
      - key: lb
        type: loop
        config: { over: 2 }
        branches: { do: [ { key: wb, type: delay, config: { duration: 90s } }, { key: ob, type: output, config: { value: 'late {{ loop.index }}' } } ] }
`,
	"outputs at the same time, in the order of the file": `
- { key: before, type: output, config: { value: before } }
- key: both
  type: parallel
  branches:
    a:
      - key: la
        type: loop
        config: { over: 3 }
        branches:
          do:
            - key: in
              type: parallel
              branches:
                x: [ { key: lx, type: loop, config: { over: 4 }, branches: { do: [ { key: ox, type: output, config: { value: 'x{{ loop.index }}' } } ] } } ]
                y: [ { key: ly, type: loop, config: { over: 2 }, branches: { do: [ { key: oy, type: output, config: { value: 'y{{ loop.index }}' } } ] } } ]
            - { key: ca, type: calculation, config: { expression: 1 } }
    b:
      - { key: lb, type: loop, config: { over: 1 }, branches: { do: [ { key: cb, type: calculation, config: { expression: 1 } } ] } }
`,
	"outputs of iterations at once": `
- key: each
  type: loop
  config: { over: 12, concurrency: 3 }
  branches:
    do:
      - key: inner
        type: loop
        config: { over: 3 }
        branches: { do: [ { key: odd, type: condition, config: { expression: 'loops.each.index % 2 == 1' }, branches: { then: [ { key: o, type: output, config: { value: '{{ [loops.each.index, loop.index] }}' } } ] } } ] }
`,
	"iterations at once": `
- key: each
  type: loop
  config: { over: 'map(0..24, # + 100)', concurrency: 4, collect: '[loop.item, nodes.inner.items]' }
  branches:
    do:
      - { key: a, type: calculation, config: { expression: loop.item } }
      - { key: wait, type: delay, config: { duration: '{{ string(1 + (loop.item * 7) % 5) + "s" }}' } }
      - key: inner
        type: loop
        config: { over: 3, concurrency: 2, collect: 'nodes.a + loop.item' }
        branches: { do: [ { key: c, type: calculation, config: { expression: 1 } } ] }
- { key: out, type: output, config: { value: '{{ nodes.each }}' } }
`,
	"at once, skipping and failing": `
- key: each
  type: loop
  config: { over: 30, concurrency: 5, when: 'loop.item % 5 != 3', onFalse: skip, onFail: continue, collect: loop.item }
  branches: { do: [ { key: ok, type: condition, config: { expression: 'loop.item % 7 != 2', rejectOnFalse: true } } ] }
- { key: out, type: output, config: { value: '{{ nodes.each }}' } }
`,
	"an effect in each iteration": `
- key: each
  type: loop
  config: { over: 12, collect: nodes.call }
  branches: { do: [ { key: call, type: http-request, timeout: 5s, config: { url: 'https://example.com/{{ loop.item }}', only: body } } ] }
- { key: out, type: output, config: { value: '{{ nodes.each }}' } }
`,
}

var rows = map[string]any{"letters": map[string]any{"b": 1, "a": 2, "c": 3, "d": 4},
	"rows": []any{[]any{1, 2.5, "x"}, []any{}, []any{nil, true}, []any{"a", "b", "c", "d", "e"}}}

func tryLoops(t *testing.T, mode, list string) *trial {
	text := "key: trial\nmode: " + mode + "\ntrigger: { type: webhook }\nnodes:\n" + list
	try := tryFlow(t, text, rows, nodes.Standard())
	try.effect = func(input activities.HTTPRequestInput) (activities.HTTPRequestResult, error) {
		return activities.HTTPRequestResult{Status: 200, Attempts: 1, Body: everhook.Value{V: fmt.Sprint(input.URL)}},
			nil
	}
	return try
}

func TestALoopThatIsHandedOverAnywhereDoesTheSame(t *testing.T) {
	t.Parallel()
	for name, list := range loops {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := tryLoops(t, "async", list).run(t)
			for _, steps := range []int{1, 2, 3, 4, 5, 7, 11, 16, 40} {
				try := tryLoops(t, "async", list)
				try.start.Budget.Steps = steps
				handed := countChildren(try.TestWorkflowEnvironment)
				require.Equal(t, want, try.run(t), "with a budget of %d steps", steps)
				if steps < 5 {
					require.NotZero(t, handed.Load(), "nothing was handed over")
				}
			}
		})
	}
}

func countChildren(env *testsuite.TestWorkflowEnvironment) *atomic.Int32 {
	var n atomic.Int32
	env.SetOnChildWorkflowStartedListener(func(*workflow.Info, workflow.Context, converter.EncodedValues) { n.Add(1) })
	return &n
}

func TestAResponseInALoopThatWasHandedOverReachesTheCallerAtOnce(t *testing.T) {
	t.Parallel()
	for _, steps := range []int{1, 2, 5, 100} {
		for _, continues := range []bool{false, true} {
			try := tryLoops(t, "sync", fmt.Sprintf(`
- key: outer
  type: loop
  config: { over: 3 }
  branches:
    do:
      - key: each
        type: loop
        config: { over: 5 }
        branches:
          do:
            - { key: wait, type: delay, config: { duration: 1m } }
            - key: now
              type: condition
              config: { expression: 'loops.outer.index == 1 && loop.index == 1' }
              branches: { then: [ { key: tell, type: response, config: { status: 201, body: { at: '{{ loop.index }}' }, continue: %v } } ] }
`, continues))
			try.start.Budget.Steps = steps
			var answered time.Duration
			var answer everhook.Answer
			try.RegisterDelayedCallback(func() {
				try.UpdateWorkflow(workflows.AnswerUpdate, workflows.AnswerUpdate, &testsuite.TestUpdateCallback{
					OnAccept: func() {}, OnReject: func(err error) { panic(err) },
					OnComplete: func(v any, err error) {
						answer, answered = v.(everhook.Answer), try.Now().Sub(received)
					},
				})
			}, 0)
			outcome := try.run(t)
			require.Equal(t, everhook.Resolved, outcome.Status)
			require.Equal(t, 201, answer.Status)
			require.Equal(t, 201, outcome.Answer.Status)
			require.Equal(t, 7*time.Minute, answered, "budget %d, continues %v", steps, continues)
			if continues {
				require.Equal(t, 15*time.Minute, try.Now().Sub(received))
			} else {
				require.Equal(t, 7*time.Minute, try.Now().Sub(received))
			}
		}
	}
}

func TestCancelAndTimeoutReachALoopThatWasHandedOver(t *testing.T) {
	t.Parallel()
	list := `
- key: each
  type: loop
  config: { over: 50 }
  branches: { do: [ { key: wait, type: delay, config: { duration: 1m } } ] }
- { key: never, type: output, config: { value: 1 } }
`
	t.Run("cancel", func(t *testing.T) {
		t.Parallel()
		try := tryLoops(t, "async", list)
		try.start.Budget.Steps = 3
		try.RegisterDelayedCallback(try.CancelWorkflow, 10*time.Minute+time.Second)
		outcome := try.run(t)
		require.Equal(t, everhook.Cancelled, outcome.Status)
		require.Equal(t, "wait", outcome.Error.Node)
		require.Equal(t, 10*time.Minute+time.Second, try.Now().Sub(received))
	})
	t.Run("timeout", func(t *testing.T) {
		t.Parallel()
		try := tryFlow(t, "key: trial\nmode: async\noptions: { timeout: 12m }\ntrigger: { type: webhook }\nnodes:\n"+
			list, nil, nodes.Standard())
		try.start.Budget.Steps = 3
		outcome := try.run(t)
		require.Equal(t, everhook.Aborted, outcome.Status)
		require.Equal(t, "the run did not end within its timeout of PT12M", outcome.Error.Message)
		require.Equal(t, "wait", outcome.Error.Node)
		require.Equal(t, 12*time.Minute, try.Now().Sub(received))
	})
}

func TestIterationsAtOnceAreAtMostAsManyAsConcurrencySays(t *testing.T) {
	t.Parallel()
	try := tryLoops(t, "async", `
- key: each
  type: loop
  config: { over: 40, concurrency: 6, collect: loop.item }
  branches: { do: [ { key: wait, type: delay, config: { duration: 1m } } ] }
- { key: out, type: output, config: { value: '{{ nodes.each.items }}' } }
`)
	outcome := try.run(t)
	require.Len(t, outcome.Output.V, 40)
	require.Equal(t, 7*time.Minute, try.Now().Sub(received), "40 of a minute each, six at once")
}

func TestIterationsAtOnceOfAllLoopsTogetherAreBounded(t *testing.T) {
	t.Parallel()
	const inner = `{ over: 20, concurrency: 20 }, branches: { do: [ { key: wait%[1]s, type: delay, config: { duration: 1m } }, { key: a%[1]s, type: parallel, branches: { x: [ { key: x%[1]s, type: calculation, config: { expression: 1 } } ],
  y: [ { key: y%[1]s, type: calculation, config: { expression: 1 } } ], z: [ { key: z%[1]s, type: calculation, config: { expression: 1 } }, { key: zz%[1]s, type: calculation, config: { expression: 1 } } ] } } ] }`
	nested := "{ key: outer, type: loop, config: { over: 25, concurrency: 25 }, branches: { do: [ { key: each, type: " +
		"loop, config: " + fmt.Sprintf(inner, "") + " } ] } }"
	var beside strings.Builder
	for i := range 25 {
		fmt.Fprintf(&beside, "\n    b%d: [ { key: each%d, type: loop, config: %s } ]", i, i,
			fmt.Sprintf(inner, fmt.Sprint(i)))
	}
	for name, list := range map[string]string{"nested": "- " + nested,
		"beside each other": "- key: all\n  type: parallel\n  branches:" + beside.String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			try := tryLoops(t, "async", list)
			waiting := 0
			try.RegisterDelayedCallback(func() {
				for _, step := range try.steps(t) {
					if step.Kind == "delay" && step.Status == everhook.Pending {
						waiting++
					}
				}
			}, 30*time.Second)
			require.Equal(t, everhook.Resolved, try.run(t).Status)
			require.Less(t, waiting, 150, "25 loops of twenty at once: what is under way has hardly more than 4,000 "+
				"events before it")
			require.Greater(t, waiting, 50)
		})
	}
}

func TestTheFirstFailureOfIterationsAtOnceCancelsTheOthers(t *testing.T) {
	t.Parallel()
	try := tryLoops(t, "async", `
- key: each
  type: loop
  config: { over: 4, concurrency: 3 }
  branches:
    do:
      - { key: wait, type: delay, config: { duration: '{{ string(max(10 - loop.item * 3, 4)) + "m" }}' } }
      - { key: ok, type: condition, config: { expression: 'loop.item != 1', rejectOnFalse: true } }
`)
	outcome := try.run(t)
	require.Equal(t, everhook.Failed, outcome.Status)
	require.Equal(t, "ok", outcome.Error.Node)
	require.Equal(t, 7*time.Minute, try.Now().Sub(received))
	statuses := map[string]everhook.Status{}
	for _, step := range try.steps(t) {
		statuses[step.Node+step.Iteration] = step.Status
	}
	require.Equal(t, everhook.Cancelled, statuses["waiteach[0]"])
	require.Equal(t, everhook.Cancelled, statuses["waiteach[3]"], "it had begun when the third ended")
}

func TestALoopAsLongAsItsItemsAreLargeIsHandedOverInParts(t *testing.T) {
	t.Parallel()
	try := tryLoops(t, "async", `
- key: each
  type: loop
  config: { over: 'map(0..39, repeat("x", 50000) + string(#))', collect: 'len(loop.item)' }
  branches: { do: [ { key: a, type: calculation, config: { expression: 1 } } ] }
- { key: out, type: output, config: { value: '{{ [len(nodes.each.items), nodes.each.looped] }}' } }
`)
	try.start.Budget.Steps = 1
	require.Equal(t, []any{40, 40}, try.run(t).Output.V)
}

func TestALoopOverLargeDataHandsOverItsItemsOnly(t *testing.T) {
	t.Parallel()
	for _, over := range []string{"nodes.list", "trigger.body.list"} {
		list := make([]any, 40)
		for i := range list {
			list[i] = strings.Repeat("x", 50000)
		}
		try := tryFlow(t, `
key: trial
mode: async
trigger: { type: webhook }
nodes:
- { key: list, type: variable, config: { value: '{{ map(0..39, repeat("x", 50000)) }}' } }
- key: each
  type: loop
  config: { over: `+over+`, collect: 'len(loop.item)' }
  branches: { do: [ { key: a, type: calculation, config: { expression: 1 } } ] }
- { key: out, type: output, config: { value: '{{ [nodes.each.looped, len(nodes.list), len(trigger.body.list)] }}' } }
`, map[string]any{"list": list}, nodes.Standard())
		try.start.Budget.Steps = 1
		outcome := try.run(t)
		require.Equal(t, everhook.Resolved, outcome.Status, "%v", outcome.Error)
		require.Equal(t, []any{40, 40, 40}, outcome.Output.V)
	}
}

func TestALoopThatGathersMuchGivesItBackBeforeItGoesOn(t *testing.T) {
	t.Parallel()
	try := tryLoops(t, "async", `
- { key: terms, type: calculation, config: { expression: 'repeat("t", 900000)' } }
- key: each
  type: loop
  config: { over: 40, collect: 'repeat("x", 25000) + string(len(nodes.terms))' }
  branches: { do: [ { key: a, type: calculation, config: { expression: 1 } } ] }
- { key: out, type: output, config: { value: '{{ [nodes.each.done, len(filter(nodes.each.items, # endsWith "x900000"))] }}' } }
`)
	try.start.Budget.Steps = 1
	outcome := try.run(t)
	require.Equal(t, everhook.Resolved, outcome.Status, "%v", outcome.Error)
	require.Equal(t, []any{40, 40}, outcome.Output.V)
}

func TestALoopThatRefersToTooMuchFailsClearly(t *testing.T) {
	t.Parallel()
	try := tryLoops(t, "async", `
- { key: large, type: calculation, config: { expression: 'repeat("x", 1600000)' } }
- key: each
  type: loop
  onError: continue
  config: { over: 5 }
  branches: { do: [ { key: a, type: calculation, config: { expression: 'len(nodes.large)' } } ] }
- { key: out, type: output, config: { value: '{{ errors.each }}' } }
`)
	try.start.Budget.Steps = 1
	failure := try.run(t).Output.V.(map[string]any)
	require.Equal(t, everhook.TypeLimit, failure["type"])
	require.True(t, strings.HasPrefix(failure["message"].(string), "the loop is longer than one execution, and what "+
		"goes from one to the next is larger than 1536KiB"), failure["message"])
}

func TestAHundredThousandIterationsInBoundedExecutions(t *testing.T) {
	t.Parallel()
	try := tryLoops(t, "async", `
- { key: sum, type: variable, config: { value: 0 } }
- key: each
  type: loop
  config: { over: 100000 }
  branches: { do: [ { key: add, type: variable, config: { target: sum, value: '{{ nodes.sum + loop.item }}' } } ] }
- { key: out, type: output, config: { value: '{{ [nodes.sum, nodes.each.done] }}' } }
`)
	handed := countChildren(try.TestWorkflowEnvironment)
	require.Equal(t, []any{4999950000, 100000}, try.run(t).Output.V)
	require.NotZero(t, handed.Load())
	require.Equal(t, 100_003, try.page(t, 1).Total)
}

func TestEffectsBeyondTheBudgetOfEventsAreHandedOver(t *testing.T) {
	t.Parallel()
	try := tryLoops(t, "async", `
- key: each
  type: loop
  config: { over: 1500, concurrency: 50 }
  branches: { do: [ { key: call, type: http-request, timeout: 5s, config: { url: 'https://example.com/' } } ] }
- { key: out, type: output, config: { value: '{{ nodes.each.done }}' } }
`)
	handed := countChildren(try.TestWorkflowEnvironment)
	require.Equal(t, 1500, try.run(t).Output.V)
	require.EqualValues(t, 1500, try.effects.Load())
	require.NotZero(t, handed.Load())
}

// callAt sends a call to a wait of the run at a time after the start.
func (try *trial) callAt(t *testing.T, after time.Duration, node, iteration string, body any) {
	call := everhook.ResumeCall{ID: fmt.Sprint(node, iteration, after), Node: node, Iteration: iteration,
		Data: everhook.Mapping{"body": body}, Answer: everhook.Answer{Status: 200}}
	try.RegisterDelayedCallback(func() {
		try.UpdateWorkflow(workflows.ResumeUpdate, "resume/"+node+"/"+iteration, &testsuite.TestUpdateCallback{
			OnAccept: func() {}, OnReject: func(error) {}, OnComplete: func(any, error) {},
		}, &call)
	}, after)
}

func TestCallsReachALoopThatWasHandedOver(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 3} {
		var want *everhook.Outcome
		for _, steps := range []int{0, 1, 2, 3} {
			try := tryLoops(t, "async", fmt.Sprintf(`
- key: outer
  type: loop
  config: { over: 2, collect: '[nodes.each.items, nodes.each.errors]' }
  branches:
    do:
      - key: each
        type: loop
        config: { over: 4, onFail: continue, concurrency: %d, collect: '[loop.index, nodes.confirm.body, hasPrefix(resumeUrl("confirm"), "https://hooks/t/")]' }
        branches: { do: [ { key: confirm, type: wait-for-call, config: { deadline: 1h } } ] }
- { key: out, type: output, config: { value: '{{ nodes.outer.items }}' } }
`, concurrency))
			try.start.Budget.Steps = steps
			try.start.Resume = everhook.NewResume("https://hooks/t", []byte("secret"), runID)
			try.callAt(t, time.Second, "confirm", "outer[1].each[2]", "early")
			try.callAt(t, time.Minute, "confirm", "outer[0].each[0]", "first")
			try.callAt(t, 10*time.Minute, "confirm", "outer[0].each[1]", "second")
			try.callAt(t, 10*time.Hour, "confirm", "outer[0].each[2]", "too late")
			outcome := try.run(t)
			require.Equal(t, everhook.Resolved, outcome.Status)
			if want == nil {
				want = &outcome
				text, err := everhook.EncodeJSON(outcome.Output)
				require.NoError(t, err)
				require.Equal(t, 3, strings.Count(string(text), ",true]"), "%s", text)
				require.Equal(t, 5, strings.Count(string(text), "message"), "%s", text)
				continue
			}
			require.Equal(t, *want, outcome, "with a budget of %d steps", steps)
		}
	}
}

func TestAWaitInALoopThatWasHandedOverEndsWithItsBranch(t *testing.T) {
	t.Parallel()
	try := tryLoops(t, "async", `
- key: both
  type: parallel
  config: { mode: race }
  branches:
    waits:
      - key: each
        type: loop
        config: { over: 3 }
        branches: { do: [ { key: confirm, type: wait-for-call, config: { deadline: 10h } } ] }
    ends: [ { key: pause, type: delay, config: { duration: 1m } } ]
- { key: out, type: output, config: { value: '{{ nodes.both.waits.status }}' } }
- { key: rest, type: delay, config: { duration: 1h } }
`)
	try.start.Budget.Steps = 1
	try.start.Resume = everhook.NewResume("https://hooks/t", []byte("secret"), runID)
	var refused error
	try.RegisterDelayedCallback(func() {
		try.UpdateWorkflow(workflows.ResumeUpdate, "late", &testsuite.TestUpdateCallback{
			OnAccept: func() { t.Error("nothing waits for this call") }, OnReject: func(err error) { refused = err },
			OnComplete: func(any, error) {},
		}, &everhook.ResumeCall{ID: "late", Node: "confirm", Iteration: "each[0]"})
	}, 30*time.Minute)
	require.Equal(t, "cancelled", try.run(t).Output.V)
	require.Equal(t, time.Hour+time.Minute, try.Now().Sub(received))
	require.ErrorContains(t, refused, "is over")
}

func TestExpressionsOfIterationsAtOnceAreChargedAsOthers(t *testing.T) {
	t.Parallel()
	yields := map[int]int32{}
	for _, concurrency := range []int{1, 4} {
		try := tryLoops(t, "async", fmt.Sprintf(`
- key: skips
  type: loop
  config: { over: 100, concurrency: %d, onFalse: skip, when: 'len(filter(0..20000, # > 0)) < 0' }
  branches: { do: [ { key: a, type: calculation, config: { expression: 1 } } ] }
- key: collects
  type: loop
  config: { over: 100, concurrency: %d, collect: 'len(filter(0..20000, # > 0))' }
  branches: { do: [ { key: b, type: calculation, config: { expression: 1 } } ] }
`, concurrency, concurrency))
		require.Equal(t, everhook.Resolved, try.run(t).Status)
		yields[concurrency] = try.yields.Load()
	}
	require.Greater(t, yields[1], int32(20))
	require.InDelta(t, yields[1], yields[4], float64(yields[1])/4)
}

func TestAnAbortReachesWhatALoopThatWasHandedOverWaitsFor(t *testing.T) {
	t.Parallel()
	for _, steps := range []int{0, 1} {
		try := tryFlow(t, `
key: trial
mode: async
trigger: { type: webhook }
options: { timeout: 1m }
nodes:
- { key: each, type: loop, config: { over: 3 }, branches: { do: [ { key: wait, type: delay, config: { duration: 1h } } ] } }
`, nil, nodes.Standard())
		try.start.Budget.Steps = steps
		var told []everhook.Status
		try.SetOnChildWorkflowCompletedListener(func(_ *workflow.Info, result converter.EncodedValue, err error) {
			var outcome workflows.LoopEnd
			if err == nil && result.Get(&outcome) == nil && outcome.Error != nil {
				told = append(told, outcome.Error.Status)
			}
		})
		require.Equal(t, everhook.Aborted, try.run(t).Status)
		if steps > 0 {
			require.Equal(t, []everhook.Status{everhook.Aborted}, told)
		}
	}
}

func TestARunWaitsForABoundedNumberOfCalls(t *testing.T) {
	t.Parallel()
	try := tryLoops(t, "async", `
- key: each
  type: loop
  config: { over: 2000, onFail: break }
  branches: { do: [ { key: confirm, type: wait-for-call, config: { deadline: 1s, onDeadline: continue } } ] }
- { key: out, type: output, config: { value: '{{ [nodes.each.done, nodes.each.errors] }}' } }
`)
	try.start.Resume = everhook.NewResume("https://hooks/t", []byte("secret"), runID)
	outcome := try.run(t)
	require.Equal(t, 1900, outcome.Output.V.([]any)[0])
	require.Contains(t, fmt.Sprint(outcome.Output.V), "the run has waited for 1900 calls, and cannot wait for more")
}

func TestWhatALoopCollectedDoesNotKeepItFromEndingTheRun(t *testing.T) {
	t.Parallel()
	for _, steps := range []int{0, 1, 3} {
		try := tryLoops(t, "sync", `
- key: each
  type: loop
  config: { over: 12, collect: 'repeat("x", 90000)' }
  branches:
    do:
      - { key: enough, type: condition, config: { expression: 'loop.item == 10' }, branches: { then: [ { key: tell, type: response, config: { body: '{{ repeat("y", 900000) }}' } } ] } }
`)
		try.start.Budget.Steps = steps
		outcome := try.run(t)
		require.Equal(t, everhook.Resolved, outcome.Status, "%v", outcome.Error)
		require.Len(t, outcome.Answer.Body.V, 900000)
	}
}

func TestAnEndThatCannotBeHandedOverIsNotCaught(t *testing.T) {
	t.Parallel()
	try := tryLoops(t, "sync", `
- { key: large, type: variable, config: { value: '' } }
- key: each
  type: loop
  onError: continue
  config: { over: 2 }
  branches:
    do:
      - { key: fill, type: variable, config: { target: large, value: '{{ repeat("x", 1000000) }}' } }
      - { key: tell, type: response, config: { body: '{{ repeat("y", 900000) }}' } }
- { key: charge, type: http-request, config: { url: 'https://example.com/' } }
`)
	try.start.Budget.Steps = 1
	outcome := try.run(t)
	require.Zero(t, try.effects.Load(), "the run had ended")
	require.Equal(t, everhook.TypeLimit, outcome.Error.Type)
	require.Equal(t, 200, outcome.Answer.Status)
}

// stubborn is a kind that resolves although its run is cancelled, as a wait does if its call came at the same moment.
type stubborn struct{}

func (*stubborn) Spec() kind.Spec           { return kind.Spec{Kind: "stubborn", Group: kind.Callbacks} }
func (*stubborn) Validate(*kind.Validation) {}
func (*stubborn) Execute(ctx workflow.Context, _ kind.WaitingRun) (kind.Result, error) {
	apart, stop := workflow.NewDisconnectedContext(ctx)
	defer stop()
	return kind.Result{}, workflow.Await(apart, func() bool { return ctx.Err() != nil })
}

func TestACancelledRunHandsNothingOver(t *testing.T) {
	t.Parallel()
	registry := nodes.Standard()
	kind.Add[stubborn](registry)
	try := tryFlow(t, `
key: trial
mode: async
trigger: { type: webhook }
nodes:
- key: each
  type: loop
  config: { over: 5 }
  branches: { do: [ { key: wait, type: stubborn } ] }
`, nil, registry)
	try.start.Budget.Steps = 2
	handed := countChildren(try.TestWorkflowEnvironment)
	try.RegisterDelayedCallback(try.CancelWorkflow, time.Minute)
	require.Equal(t, everhook.Cancelled, try.run(t).Status)
	require.Zero(t, handed.Load())
}
