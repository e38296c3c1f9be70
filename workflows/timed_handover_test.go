package workflows_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/nodes"
	"github.com/everhook/everhook/workflows"
)

// timedFlow makes random flows whose steps have known times in virtual time, to the millisecond: the winner of a race,
// the first failure, the last output. Package flowgen leaves that out, because its flows also run in real time.
type timedFlow struct {
	random *rand.Rand
	keys   int
	// left is the number of nodes that may still be added.
	left int
	// waits are the nodes that wait for calls, with the loops around them.
	waits []timedWait
}

type timedWait struct {
	node  string
	loops []string
}

// timedPlace is the position of a node: its depth, its loops and its variables.
type timedPlace struct {
	depth     int
	loops     []string
	variables []string
	// beside means that something runs at the same time and must not be cut off.
	beside bool
}

func (g *timedFlow) chance(percent int) bool { return g.random.IntN(100) < percent }

func (g *timedFlow) list(p timedPlace) []any {
	var list []any
	for range 1 + g.random.IntN(4) {
		if g.left <= 0 && len(list) > 0 {
			break
		}
		node := g.node(p)
		if node["type"] == "variable" && node["config"].(map[string]any)["target"] == nil {
			p.variables = append(p.variables[:len(p.variables):len(p.variables)], node["key"].(string))
		}
		list = append(list, node)
	}
	return list
}

func (g *timedFlow) key() string {
	g.keys++
	return fmt.Sprintf("n%d", g.keys)
}

// delay makes a delay that ends at a unique time.
func (g *timedFlow) delay(p timedPlace) map[string]any {
	return map[string]any{"key": g.key(), "type": "delay", "config": map[string]any{"duration": g.duration(p)}}
}

func (g *timedFlow) duration(p timedPlace) string {
	duration := fmt.Sprint(1 + g.random.IntN(3_000_000))
	for _, loop := range p.loops {
		duration += fmt.Sprintf(" + %d * loops.%s.index", g.random.IntN(1_000_000), loop)
	}
	return "{{ string(" + duration + `) + "ms" }}`
}

// soon returns a unique time.
func (g *timedFlow) soon() time.Duration {
	return time.Duration(1+g.random.IntN(20_000_000)) * time.Millisecond
}

// calls makes calls for the waits, some early, some late.
func (g *timedFlow) calls() []timedCall {
	var calls []timedCall
	for _, wait := range g.waits {
		for range 1 << (2 * len(wait.loops)) {
			if !g.chance(60) {
				continue
			}
			at := make([]string, len(wait.loops))
			for i, loop := range wait.loops {
				at[i] = fmt.Sprintf("%s[%d]", loop, g.random.IntN(4))
			}
			calls = append(calls, timedCall{g.soon(), wait.node, strings.Join(at, ".")})
		}
	}
	return calls
}

type timedCall struct {
	after           time.Duration
	node, iteration string
}

func (g *timedFlow) node(p timedPlace) map[string]any {
	g.left--
	key := g.key()
	node := map[string]any{"key": key}
	config, branches := map[string]any{}, map[string]any{}
	here := `"` + key + `"`
	for _, loop := range p.loops {
		here += ` + "/" + string(loops.` + loop + `.index)`
	}
	inner := p
	inner.depth++
	kinds := []string{"delay", "delay", "delay", "output", "output", "assign", "assign", "declare", "condition", "end",
		"wait-for-call"}
	if !p.beside {
		kinds = append(kinds, "response")
	}
	if p.depth < 4 && g.left > 0 {
		kinds = append(kinds, "loop", "loop", "loop", "loop", "parallel", "parallel", "parallel", "branch")
	}
	kind := kinds[g.random.IntN(len(kinds))]
	node["type"] = kind
	switch kind {
	case "delay":
		node = g.delay(p)
		config = node["config"].(map[string]any)
		if g.chance(10) {
			config["status"] = "failed"
		}
	case "output":
		config["value"] = "{{ [" + here + ", now(), nodes." + p.variables[g.random.IntN(len(p.variables))] + "] }}"
	case "assign", "declare":
		node["type"] = "variable"
		target := p.variables[g.random.IntN(len(p.variables))]
		config["value"] = "{{ concat(nodes." + target + " ?? [], [" + here + "]) }}"
		if kind == "assign" {
			config["target"] = target
		}
	case "condition":
		config["rejectOnFalse"], config["expression"] = true, "true"
		if len(p.loops) > 0 {
			config["expression"] = fmt.Sprintf("loop.index != %d", g.random.IntN(4))
		} else if g.chance(30) {
			config["expression"] = "false"
		}
	case "end":
		if p.beside || !g.chance(25) {
			node["type"], config["expression"] = "calculation", here
			break
		}
		config["status"], config["message"] = []string{"resolved", "failed", "rejected"}[g.random.IntN(3)], "{{ "+here+
			" }}"
	case "response":
		config["status"], config["body"], config["continue"] = 200+g.random.IntN(100), "{{ ["+here+", now()] }}",
			g.chance(80)
	case "wait-for-call":
		g.waits = append(g.waits, timedWait{key, p.loops})
		config["deadline"] = g.duration(p)
		if g.chance(50) {
			config["onDeadline"] = "continue"
		}
	case "branch":
		node["type"] = "condition"
		config["expression"] = "true"
		if len(p.loops) > 0 {
			config["expression"] = fmt.Sprintf("loop.index %% 2 == %d", g.random.IntN(2))
		}
		branches["then"], branches["else"] = g.list(inner), g.list(inner)
	case "loop":
		inner.loops = append(p.loops[:len(p.loops):len(p.loops)], key)
		switch g.random.IntN(4) {
		case 0:
			config["when"], config["check"] = fmt.Sprintf("loop.index < %d", g.random.IntN(4)),
				[]string{"before", "after"}[g.random.IntN(2)]
		case 1:
			config["over"], config["when"], config["onFalse"] = 4, fmt.Sprintf("loop.index != %d", g.random.IntN(4)),
				[]string{"break", "skip"}[g.random.IntN(2)]
		default:
			config["over"] = 1 + g.random.IntN(4)
		}
		config["onFail"] = []string{"fail", "break", "continue", "continue"}[g.random.IntN(4)]
		if g.chance(60) {
			config["collect"] = "[" + here + ", now(), nodes." + p.variables[g.random.IntN(len(p.variables))] + "]"
		}
		branches["do"] = g.list(inner)
	case "parallel":
		mode := []string{"all", "any", "race", "allSettled"}[g.random.IntN(4)]
		config["mode"] = mode
		together := mode == "allSettled" && g.chance(50)
		inner.beside = inner.beside || together
		for i := range 2 + g.random.IntN(2) {
			list := g.list(inner)
			if !together {
				list = append([]any{g.delay(inner)}, list...)
			}
			branches[fmt.Sprintf("b%d", i)] = list
		}
	}
	if g.chance(30) {
		node["onError"] = "continue"
	} else if g.chance(15) && p.depth < 4 {
		beside := p
		beside.depth++
		node["onError"], branches["error"] = "branch", g.list(beside)
	}
	if len(config) > 0 {
		node["config"] = config
	}
	if len(branches) > 0 {
		node["branches"] = branches
	}
	return node
}

// text returns a whole flow. Its last output shows the results of all nodes before it.
func (g *timedFlow) text(t *testing.T) string {
	top := timedPlace{variables: []string{"v", "w"}}
	list := []any{
		map[string]any{"key": "v", "type": "variable", "config": map[string]any{"value": []any{}}},
		map[string]any{"key": "w", "type": "variable", "config": map[string]any{"value": []any{}}},
	}
	list = append(list, g.list(top)...)
	list = append(list, g.list(top)...)
	if g.chance(50) {
		all := "nodes.v, nodes.w"
		for _, node := range list {
			all += ", nodes." + node.(map[string]any)["key"].(string)
		}
		list = append(list, map[string]any{"key": "all", "type": "output", "config": map[string]any{"value": "{{ [" +
			all + "] }}"}})
	}
	flow := map[string]any{"key": "trial", "mode": "sync", "trigger": map[string]any{"type": "webhook"}, "nodes": list}
	if g.chance(30) {
		flow["options"] = map[string]any{"timeout": fmt.Sprintf("%dms", 1+g.random.IntN(20_000_000))}
	}
	if g.chance(50) {
		failing := top
		failing.depth = 2
		flow["onFailure"] = append(g.list(failing), map[string]any{"key": "failed", "type": "output",
			"config": map[string]any{"value": "{{ [failure, nodes.v, nodes.w] }}"}})
	}
	text, err := json.MarshalIndent(flow, "", " ")
	require.NoError(t, err)
	return string(text)
}

// ends has the compared parts of a run: its outcome, its duration, and its number of steps.
type ends struct {
	Outcome everhook.Outcome
	Took    time.Duration
	Steps   int
	// Points are the retry points of the run, with their values, or the reasons why there are none.
	Points map[string]string
}

func TestTimedFlowsEndTheSameWhereverTheirLoopsAreHandedOver(t *testing.T) {
	t.Parallel()
	handed, unplayable := 0, 0
	for _, seed := range seeds(*randomFlows / 2) {
		g := &timedFlow{random: rand.New(rand.NewPCG(seed, 1)), left: 25}
		text := g.text(t)
		calls, cancel := g.calls(), g.soon()
		cancels := g.chance(20)
		flow, problems := flowfile.Load("trial.yaml", []byte(text), nodes.Standard())
		require.Empty(t, problems.Errors(), text)
		run := func(steps int) (end ends, ok bool) {
			try := tryDefinition(t, flow.Definition, nil, nodes.Standard())
			try.start.Budget.Steps = steps
			try.start.Resume = randomResume
			for _, call := range calls {
				try.callAt(t, call.after, call.node, call.iteration, call.after.String())
			}
			if cancels {
				try.RegisterDelayedCallback(try.CancelWorkflow, cancel)
			}
			children := countChildren(try.TestWorkflowEnvironment)
			defer func() {
				if recovered := recover(); recovered != nil {
					require.Contains(t, string(debug.Stack()),
						"testWorkflowEnvironmentImpl).RequestCancelExternalWorkflow", "%v\n%s", recovered, text)
					t.Logf("seed %d, budget %d: %v", seed, steps, recovered)
				}
			}()
			end.Outcome = try.run(t)
			end.Took, end.Steps = try.Now().Sub(received), try.page(t, 1).Total
			handed += int(children.Load())
			end.Points = map[string]string{}
			for i := range flow.Definition.Nodes {
				key := flow.Definition.Nodes[i].Key
				var point workflows.RetryPoint
				encoded, err := try.QueryWorkflow(workflows.ValuesQuery, key)
				if err == nil {
					err = encoded.Get(&point)
				}
				text, _ := everhook.EncodeJSON(point)
				end.Points[key] = fmt.Sprint(string(text), err != nil)
			}
			return end, true
		}
		want, ok := run(0)
		require.True(t, ok)
		for _, steps := range []int{1, 2, 3, 5, 8} {
			got, ok := run(steps)
			if !ok {
				unplayable++
				continue
			}
			require.Equal(t, want, got, "seed %d, after %d steps\n%s", seed, steps, text)
		}
	}
	t.Logf("%d loops handed over, %d unplayable", handed, unplayable)
}
