package engine

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowgen"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/nodes/kind"
)

var testNow = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

// compiledNodes compiles an async flow of these nodes, in JSON.
func compiledNodes(t testing.TB, list string) *compile.Flow {
	t.Helper()
	return compiledFlow(t, `{"key":"trial","mode":"async","trigger":{"type":"webhook"},"nodes":`+list+`}`)
}

func compiledFlow(t testing.TB, text string) *compile.Flow {
	t.Helper()
	var d everhook.Definition
	require.NoError(t, json.Unmarshal([]byte(text), &d))
	flow, problems := compile.Definition(&d, nodes.Standard())
	require.NotNil(t, flow, "%v", problems)
	return flow
}

func startWith(body any) Start {
	return Start{Version: 3, Resume: &everhook.Resume{}, Delivery: everhook.Delivery{ID: "delivery", Digest: "digest",
		RunID: "abcdefghijklmnopqrstuvwxyz", ReceivedAt: testNow, Trigger: everhook.Mapping{"body": body,
			"headers": map[string]any{}, "query": map[string]any{}}}}
}

// canned is a result or a failure for every step that waits. Which it is depends on the step alone.
func canned(w Waiting) (kind.Result, error, bool) {
	if (len(w.Iteration)+len(w.Node.Key))%3 == 0 {
		return kind.Result{}, everhook.Failuref(everhook.TypeStatus, "answered 500"), true
	}
	return kind.Result{Value: map[string]any{"status": 200, "body": w.Iteration}}, nil, true
}

// chain is the host of a run whose loops are continued by other executions, in this process. What they get from each
// other passes as JSON, as on Temporal.
type chain struct {
	inPlace
	flow  *compile.Flow
	start Start
	// clock goes on by a second with each wait.
	clock *time.Time
	// steps are those of all executions, and executions counts them.
	steps      *[]everhook.Step
	executions *int
	// handedOver gets every part that is handed over; nil for none.
	handedOver func(*Part)
}

func executeChain(t testing.TB, flow *compile.Flow, start Start) (*Run, *chain) {
	t.Helper()
	clock := testNow
	host := &chain{flow: flow, start: start, clock: &clock, steps: new([]everhook.Step), executions: new(int)}
	var run *Run
	host.execute(t, func(r *Run, line Line) {
		run = r
		r.Execute(line)
	})
	return run, host
}

// execute begins an execution.
func (c *chain) execute(t testing.TB, do func(*Run, Line)) {
	t.Helper()
	now := func() time.Time { return *c.clock }
	scheduler := &plain{now: now}
	defer scheduler.close()
	host := *c
	host.options = Options{Answer: func(w Waiting) (kind.Result, error, bool) {
		*c.clock = c.clock.Add(time.Second)
		return canned(w)
	}}
	host.run = New(c.flow, c.start, &chainHost{&host, t}, now)
	*c.executions++
	do(host.run, &plainLine{scheduler: scheduler})
	for _, record := range host.run.Log().Steps() {
		*c.steps = append(*c.steps, record.step())
	}
}

type chainHost struct {
	*chain
	t testing.TB
}

func (h *chainHost) HandOver(s *Step, state *kind.LoopState) error {
	part := s.Part(state.Part(20))
	other := *h.chain
	other.start.From = nil
	if !s.Compiled().Uses.Trigger {
		other.start.Delivery.Trigger = nil
	} else {
		other.start.Delivery.Trigger = s.run.Trigger()
	}
	passed := throughJSON(h.t, part)
	if h.handedOver != nil {
		h.handedOver(throughJSON(h.t, part))
	}
	h.run.Log().HandedOver(s.Record(), everhook.Execution{RunID: fmt.Sprint(*h.executions)})
	for {
		var end *PartEnd
		other.execute(h.t, func(r *Run, line Line) {
			one, rest := r.Open(line, passed)
			err := one.Iterate(rest)
			if err == nil && !rest.Over() {
				passed = throughJSON(h.t, one.NextPart(rest.Rest()))
				return
			}
			end = throughJSON(h.t, one.PartEnd(rest, err))
		})
		if end != nil {
			return s.Take(part, end, state)
		}
	}
}

func throughJSON[T any](t testing.TB, v *T) *T {
	t.Helper()
	text, err := everhook.EncodeJSON(v)
	require.NoError(t, err)
	decoded := new(T)
	require.NoError(t, json.Unmarshal(text, decoded))
	return decoded
}

const (
	// nested has loops in loops that refer to nearly everything around them.
	nested = `[
		{"key":"sum","type":"variable","config":{"value":0}},
		{"key":"unused","type":"calculation","config":{"expression":"'x'"}},
		{"key":"bad","type":"calculation","onError":"continue","config":{"expression":"trigger.body.none + 1"}},
		{"key":"outer","type":"loop","config":{"over":"trigger.body.rows","collect":"nodes.inner"},"branches":{"do":[
			{"key":"row","type":"variable","config":{"value":"{{ loop.item.name }}"}},
			{"key":"inner","type":"loop","onError":"continue","config":{"over":"loop.item.cells","onFail":"continue",
			"collect":"[loops.outer.item.name, loops.outer.index, loops.outer.length, loop.sequence, nodes.row, errors.bad.type]"},
			"branches":{"do":[
				{"key":"fails","type":"calculation","config":{"expression":"10 / (loop.item ?? 0) + trigger.body.n"}},
				{"key":"add","type":"variable","config":{"target":"sum","value":"{{ nodes.sum + loop.item }}"}},
				{"key":"rename","type":"variable","config":{"target":"row","value":"{{ nodes.row + '!' }}"}},
				{"key":"show","type":"output","config":{"value":"{{ [nodes.sum, nodes.row] }}"}}]}}]}},
		{"key":"last","type":"calculation","config":{"expression":"[nodes.sum, nodes.outer, nodes.bad]"}}]`
	counting = `[
		{"key":"n","type":"variable","config":{"value":0}},
		{"key":"until","type":"loop","config":{"when":"nodes.n < 7","maxIterations":20,"collect":"nodes.n"},"branches":{"do":[
			{"key":"more","type":"variable","config":{"target":"n","value":"{{ nodes.n + 1 }}"}},
			{"key":"call","type":"http-request","onError":"continue","config":{"url":"https://partner.example/"}}]}},
		{"key":"out","type":"output","config":{"value":"{{ nodes.until.items }}"}}]`
	together = `[
		{"key":"each","type":"loop","config":{"over":9,"concurrency":3,"onFail":"continue","collect":"nodes.call.body"},
		"branches":{"do":[
			{"key":"call","type":"http-request","onError":"continue","config":{"url":"https://partner.example/"}},
			{"key":"deep","type":"loop","config":{"over":2},"branches":{"do":[
				{"key":"show","type":"output","config":{"value":"{{ loops.each.index * 10 + loop.index }}"}}]}}]}},
		{"key":"both","type":"parallel","branches":{
			"a":[{"key":"slow","type":"delay","onError":"continue","config":{"duration":"1h"}},
				{"key":"x","type":"loop","config":{"over":2},"branches":{"do":[
					{"key":"outx","type":"output","config":{"value":"{{ [nodes.each.items, 'x', loop.index] }}"}}]}}],
			"b":[{"key":"y","type":"loop","config":{"over":2},"branches":{"do":[
				{"key":"outy","type":"output","config":{"value":"{{ [nodes.each.items, 'y', loop.index] }}"}}]}}]}}]`
	endsInside = `[
		{"key":"v","type":"variable","config":{"value":1}},
		{"key":"each","type":"loop","config":{"over":5,"onFail":"continue"},"branches":{"do":[
			{"key":"is","type":"condition","config":{"expression":"loop.index == 2"},"branches":{"then":[
				{"key":"end","type":"end","config":{"status":"rejected","message":"enough"}}],"else":[
				{"key":"up","type":"variable","config":{"target":"v","value":"{{ nodes.v * 2 }}"}}]}}]}},
		{"key":"never","type":"output","config":{"value":"{{ nodes.v }}"}}]`
	failsInside = `[
		{"key":"each","type":"loop","onError":"branch","config":{"over":5,"collect":"loop.index"},"branches":{"do":[
			{"key":"bad","type":"calculation","config":{"expression":"1 / (3 - loop.index)"}}],
			"error":[{"key":"why","type":"calculation","config":{"expression":"[errors.each.message, errors.each.type]"}}]}},
		{"key":"out","type":"output","config":{"value":"{{ [nodes.why, nodes.each] }}"}}]`
)

const conditional = `[{"key":"is","type":"condition","config":{"expression":"true"},"branches":{"then":[
	{"key":"in","type":"calculation","config":{"expression":"7"}}]}},
	{"key":"out","type":"output","config":{"value":"{{ nodes.in }}"}}]`

func withOnFailure(list string) string {
	return `{"key":"trial","mode":"sync","trigger":{"type":"webhook"},"nodes":` + list + `,"onFailure":[
		{"key":"tell","type":"loop","config":{"over":4,"collect":"[failure.message, failure.node]"},"branches":{"do":[
			{"key":"note","type":"calculation","config":{"expression":"failure.status"}}]}},
		{"key":"told","type":"output","config":{"value":"{{ nodes.tell.items }}"}}]}`
}

func answering(status string) string {
	return `{"key":"trial","mode":"sync","trigger":{"type":"webhook"},"nodes":[
		{"key":"each","type":"loop","config":{"over":5},"branches":{"do":[
			{"key":"is","type":"condition","config":{"expression":"loop.index >= 2"},"branches":{"then":[
				{"key":"answer","type":"response","config":{"status":` + status + `,"continue":true,
					"body":"{{ loop.index }}"}}]}}]}}]}`
}

// TestLoopsEndTheSameInOtherExecutions hands loops over after every k steps, and compares with a run in one execution.
func TestLoopsEndTheSameInOtherExecutions(t *testing.T) {
	t.Parallel()
	rows := map[string]any{"n": 1, "rows": []any{
		map[string]any{"name": "a", "cells": []any{1, 2, 0, 3}}, map[string]any{"name": "b", "cells": []any{}},
		map[string]any{"name": "c", "cells": []any{5, nil, 4}}, map[string]any{"name": "d", "cells": 6}}}
	for name, flow := range map[string]*compile.Flow{
		"loops in loops":          compiledNodes(t, nested),
		"a loop with a condition": compiledNodes(t, counting),
		"at the same time":        compiledNodes(t, together),
		"the run ends in it":      compiledFlow(t, withOnFailure(endsInside)),
		"it fails":                compiledNodes(t, failsInside),
		"in onFailure": compiledFlow(t, withOnFailure(failsInside[:len(failsInside)-1]+
			`,{"key":"no","type":"end","config":{"status":"failed"}}]`)),
		"it answers": compiledFlow(t, answering("201")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Greater(t, compareChains(t, flow, startWith(rows)), 5)
		})
	}
}

// TestTheLastOutputIsThatOfTheLastMoment has a branch that waits. What it does then is later than what other branches
// do, wherever they stand.
func TestTheLastOutputIsThatOfTheLastMoment(t *testing.T) {
	t.Parallel()
	run, _ := executeChain(t, compiledNodes(t, together), startWith(nil))
	require.Equal(t, []any{"x", 1}, run.Outcome().Output.V.([]any)[1:])
}

// TestAnotherExecutionGetsWhatItsLoopRefersTo looks at what is handed over.
func TestAnotherExecutionGetsWhatItsLoopRefersTo(t *testing.T) {
	t.Parallel()
	flow := compiledNodes(t, `[
		{"key":"a","type":"calculation","config":{"expression":"1"}},
		{"key":"b","type":"calculation","config":{"expression":"2"}},
		{"key":"bad","type":"calculation","onError":"continue","config":{"expression":"trigger.body.none + 1"}},
		{"key":"outer","type":"loop","config":{"over":"['x']"},"branches":{"do":[
			{"key":"middle","type":"loop","config":{"over":"['y']"},"branches":{"do":[
				{"key":"inner","type":"loop","config":{"over":1},"branches":{"do":[
					{"key":"use","type":"calculation","config":{"expression":
						"[nodes.a, errors.bad.type, loops.outer.item, loops.inner.index]"}}]}}]}},
			{"key":"first","type":"calculation","config":{"expression":"3"}}]}}]`)
	var parts []*Part
	start := startWith(nil)
	start.Budget.Steps = 1
	clock := testNow
	host := &chain{flow: flow, start: start, clock: &clock, steps: new([]everhook.Step), executions: new(int)}
	host.handedOver = func(part *Part) { parts = append(parts, part) }
	host.execute(t, func(r *Run, line Line) { r.Execute(line) })
	byNode := map[string]*Part{}
	for _, part := range parts {
		byNode[part.Node] = part
	}
	require.Len(t, byNode, 3)
	inner := byNode["inner"]
	require.Equal(t, "outer[0].middle[0]", inner.Path)
	require.Equal(t, []outerLoop{{Key: "outer", Item: everhook.Value{V: "x"}, Length: new(1)}}, inner.Loops)
	require.Equal(t, everhook.Mapping{"a": 1}, inner.Nodes)
	require.Equal(t, []string{"bad"}, everhook.SortedKeys(inner.Errors))
	require.Empty(t, byNode["outer"].Loops)
	require.Equal(t, everhook.Mapping{"a": 1}, byNode["outer"].Nodes)
}

// TestOnFailureHasNoLimitsElsewhere checks that an execution that continues a loop of onFailure knows it.
func TestOnFailureHasNoLimitsElsewhere(t *testing.T) {
	t.Parallel()
	flow := compiledFlow(t, withOnFailure(conditional))
	for failure, isLimited := range map[*everhook.Value]bool{nil: true, everhook.Of(map[string]any{}): false} {
		run := New(flow, startWith(nil), &inPlace{}, func() time.Time { return testNow })
		run.Open(&plainLine{scheduler: &plain{now: run.now}}, &Part{Node: "tell", Failure: failure})
		run.meter.steps = maxSteps + 1
		require.Equal(t, isLimited, run.limit() != nil)
	}
}

func TestALoopOfAnotherBuildIsADefect(t *testing.T) {
	t.Parallel()
	for _, node := range []string{"is", "other"} {
		run := New(compiledNodes(t, conditional), startWith(nil), &inPlace{}, func() time.Time { return testNow })
		require.PanicsWithValue(t, `this build has no loop "`+node+`" in flow "trial": deploy a build that has it`,
			func() { run.Open(nil, &Part{Node: node}) })
	}
}

// compareChains returns how many executions there were besides the first ones.
func compareChains(t *testing.T, flow *compile.Flow, start Start) (others int) {
	t.Helper()
	whole, wholeHost := executeChain(t, flow, start)
	require.Equal(t, 1, *wholeHost.executions)
	for _, steps := range []int{1, 2, 3, 5, 8} {
		start.Budget.Steps = steps
		got, host := executeChain(t, flow, start)
		others += *host.executions - 1
		require.Equal(t, whole.Outcome(), got.Outcome(), "after %d steps", steps)
		require.Equal(t, whole.Answer(), got.Answer(), "after %d steps", steps)
		require.Equal(t, whole.Log().Total(), got.Log().Total(), "after %d steps", steps)
		require.Equal(t, flowgen.CanonicalSteps(*wholeHost.steps), flowgen.CanonicalSteps(*host.steps))
		// The fields of a loop count once in each execution that evaluates them.
		require.GreaterOrEqual(t, got.Log().bytes, whole.Log().bytes, "after %d steps", steps)
	}
	return others
}

func TestRandomFlowsEndTheSameInOtherExecutions(t *testing.T) {
	t.Parallel()
	others := 0
	for seed := range uint64(60) {
		random := flowgen.Generate(seed, flowgen.Options{Comparable: true})
		flow, problems := compile.Definition(random.Definition, nodes.Standard())
		require.NotNil(t, flow, "%v", problems)
		others += compareChains(t, flow, startWith(random.Body))
	}
	require.Greater(t, others, 100)
}

// crossing refers to results, errors and variables across branches.
const crossing = `[
	{"key":"count","type":"variable","config":{"value":1}},
	{"key":"bad","type":"calculation","onError":"continue","config":{"expression":"trigger.body.none + 1"}},
	{"key":"side","type":"condition","config":{"expression":"trigger.body.n > 0"},"branches":{
		"then":[{"key":"up","type":"variable","config":{"target":"count","value":"{{ nodes.count + 10 }}"}},
			{"key":"shrink","type":"calculation","config":{"expression":"nodes.count * 2"}},
			{"key":"more","type":"variable","config":{"target":"count","value":"{{ nodes.count + 100 }}"}}],
		"else":[{"key":"down","type":"variable","config":{"target":"count","value":"{{ nodes.count - 10 }}"}}]}},
	{"key":"each","type":"loop","config":{"over":3,"collect":"nodes.inner"},"branches":{"do":[
		{"key":"inner","type":"calculation","config":{"expression":"loop.index + nodes.count"}},
		{"key":"bump","type":"variable","config":{"target":"count","value":"{{ nodes.count + 1 }}"}}]}},
	{"key":"both","type":"parallel","branches":{
		"left":[{"key":"l","type":"variable","config":{"target":"count","value":"{{ nodes.count + 1000 }}"}}],
		"right":[{"key":"r","type":"calculation","config":{"expression":"nodes.count"}}]}},
	{"key":"caught","type":"calculation","onError":"branch","config":{"expression":"trigger.body.none + 1"},
		"branches":{"error":[{"key":"repair","type":"variable","config":{"target":"count",
		"value":"{{ nodes.count + 10000 }}"}}]}},
	{"key":"last","type":"output","config":{"value":"{{ [nodes.count, errors.bad.type, nodes.side, nodes.shrink, nodes.each, nodes.r, nodes.both, errors.caught.type, nodes.repair] }}"}}]`

// TestARetryFromAnyNodeEndsAsTheRunDid retries runs from every node that they began.
func TestARetryFromAnyNodeEndsAsTheRunDid(t *testing.T) {
	t.Parallel()
	require.Equal(t, 19, compareRetries(t, compiledNodes(t, crossing), startWith(map[string]any{"n": 1})))
	retried := 0
	for seed := range uint64(60) {
		random := flowgen.Generate(seed, flowgen.Options{Comparable: true})
		flow, problems := compile.Definition(random.Definition, nodes.Standard())
		require.NotNil(t, flow, "%v", problems)
		retried += compareRetries(t, flow, startWith(random.Body))
	}
	require.Greater(t, retried, 300)
}

// compareRetries returns how many retries there were.
func compareRetries(t *testing.T, flow *compile.Flow, start Start) (retried int) {
	t.Helper()
	whole, host := executeChain(t, flow, start)
	for _, step := range *host.steps {
		point, err := whole.Before(step.Node)
		if err != nil {
			require.Nil(t, flow.Way(step.Node), "node %s: %v", step.Node, err)
			continue
		}
		retried++
		start.From, start.Origin = throughJSON(t, point), start.Delivery.RunID
		again, _ := executeChain(t, flow, start)
		require.Equal(t, whole.Outcome(), again.Outcome(), "from %s of %s", step.Node, flow.Definition.Key)
	}
	return retried
}

func TestARetryBeginsOnlyWhereItCan(t *testing.T) {
	t.Parallel()
	flow := compiledFlow(t, withOnFailure(`[{"key":"first","type":"calculation","config":{"expression":"1"}},
		{"key":"ends","type":"end","config":{"status":"failed"}},
		{"key":"later","type":"calculation","config":{"expression":"2"}}]`))
	run, _ := executeChain(t, flow, startWith(nil))
	for node, want := range map[string]string{
		"later": `this run did not reach the node "later"; its last step was "told": retry from a node that it reached, or ` +
			"the whole run",
		"note": `the node "note" stands in onFailure, where a retry cannot begin; retry the whole run, or from another ` +
			"node",
		"frist":      `the flow of this run has no node "frist"; did you mean "first"?`,
		"zzzzzzzzzz": `the flow of this run has no node "zzzzzzzzzz"; name one of its steps, or retry the whole run`,
	} {
		_, err := run.Before(node)
		require.EqualError(t, err, want)
	}
	start := startWith(nil)
	for _, node := range []string{"note", "nothing"} {
		start.From = &RetryPoint{Node: node}
		again, _ := executeChain(t, flow, start)
		require.ErrorContains(t, again.Outcome().Error, "cannot begin at the node")
	}
	inside, _ := executeChain(t, compiledNodes(t, conditional), startWith(nil))
	point, err := inside.Before("in")
	require.NoError(t, err)
	start.From = point
	inside, _ = executeChain(t, compiledNodes(t, conditional), start)
	_, err = inside.Before("is")
	require.ErrorContains(t, err, `began at "in"`, "the retry did not evaluate the condition")

	start.From = &RetryPoint{Of: "earlier", Node: "ends"}
	again, host := executeChain(t, flow, start)
	require.Equal(t, "ends", (*host.steps)[0].Node)
	_, err = again.Before("first")
	require.EqualError(t, err, `this run did not begin the node "first": it is a retry of run earlier that began at `+
		`"ends"; retry that run, or from a later node`)
	_, err = New(flow, startWith(nil), nil, nil).Before("first")
	require.EqualError(t, err, `this run did not reach the node "first": it began no step; retry the whole run`)
}
