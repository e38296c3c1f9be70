package flowgen

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/everhook/everhook"
)

// Wait is a node of kind wait-for-call.
type Wait struct {
	// Flow is the key of the flow that contains the node: the random flow or a flow that it calls.
	Flow, Node string
	// Loops are the enclosing loops, the outermost first.
	Loops []string
	// Called means that the test must send a call, with CallBody, to each wait of the node once it has begun. Waits of
	// other nodes end by their deadline.
	Called bool
	// Early means that the call of the first wait (see First) must be sent as soon as the run exists.
	Early bool
}

// First is the iteration of the node's first wait.
func (w Wait) First() string {
	if len(w.Loops) == 0 {
		return ""
	}
	return strings.Join(w.Loops, "[0].") + "[0]"
}

// CallBody is the body of the call for a wait.
func CallBody(node, iteration string) map[string]any {
	return map[string]any{"node": node, "iteration": iteration, "approved": len(iteration)%2 == 0,
		"lines": []any{1, 2.5, nil}}
}

// WaitOf returns the wait of a node, and false if the node is of another kind.
func (f *Flow) WaitOf(flow, node string) (Wait, bool) {
	at := slices.IndexFunc(f.Waits, func(w Wait) bool { return w.Flow == flow && w.Node == node })
	if at < 0 {
		return Wait{}, false
	}
	return f.Waits[at], true
}

// waitForCall makes a node whose call is early, in time or never sent. A call at the moment of the deadline is left
// out.
func waitForCall(g *generator, p place, node *everhook.Node) place {
	g.effectsLeft -= p.weight
	wait := Wait{Flow: g.options.Key, Node: node.Key, Loops: slices.Clone(p.loops), Called: g.chance(75)}
	node.Config = everhook.Mapping{}
	switch {
	case !wait.Called:
		node.Config["deadline"] = strconv.Itoa(1+g.random.IntN(int(g.options.MaxDelay/time.Millisecond))) + "ms"
	case g.chance(50):
		node.Config["deadline"] = pick[any](g, "7d", "P3D", 0)
	}
	wait.Early = wait.Called && g.chance(40)
	if handling := pick(g, "", "fail", "continue"); handling != "" {
		node.Config["onDeadline"] = handling
	}
	if g.chance(30) {
		node.Config["request"] = map[string]any{"body": []any{"node", "iteration"}}
	}
	if g.chance(30) {
		node.Config["response"] = map[string]any{"status": 202, "body": template("call.body.node")}
	}
	g.flow.Waits = append(g.flow.Waits, wait)
	left := read("nodes."+node.Key+".body.node", "nodes."+node.Key+".body", `resumeUrl("`+node.Key+
		`") startsWith "http"`)
	if !g.options.Comparable {
		left.reads = append(left.reads, "nodes."+node.Key, "nodes."+node.Key+".receivedAt", `resumeUrl("`+node.Key+`")`)
	}
	return left
}

// Bounds of the flows that a random flow calls.
const (
	// maxCalledDepth bounds the depth of calls, maxCompanions the number of companions.
	maxCalledDepth = 2
	maxCompanions  = 4
	// calledNodes, calledSteps and calledEffects bound each companion.
	calledNodes, calledSteps, calledEffects = 6, 12, 3
)

// calls reports whether a node may call another flow.
func calls(g *generator, p place) bool {
	return leaves(g, p) && g.called < maxCalledDepth && len(g.flow.Companions) < maxCompanions && g.stepsLeft > p.weight
}

func subflow(g *generator, p place, node *everhook.Node) place {
	g.effectsLeft -= p.weight
	key := g.companion(p)
	input := any(template("trigger.body"))
	if g.chance(20) {
		input = g.value(p)
	}
	node.Config = everhook.Mapping{"flow": key + pick(g, "", "", "@1"), "input": input}
	of := "nodes." + node.Key
	if g.chance(25) {
		node.Config["wait"] = false
		if !g.options.Comparable {
			return read(of+".runId", of)
		}
		return read("len(" + of + ".runId ?? \"\")")
	}
	if g.chance(20) {
		node.Config["wait"] = true
	}
	return read(of, of+" != nil")
}

// companion makes a flow that can be called, and returns its key. It is a random flow whose input has the fields of a
// webhook's body.
func (g *generator) companion(p place) string {
	called := &generator{random: g.random, options: g.options, flow: g.flow, called: g.called + 1,
		mode: pick(g, everhook.Sync, everhook.Async)}
	called.options.Key = fmt.Sprintf("%s-%d", g.flow.Definition.Key, len(g.flow.Companions)+1)
	called.options.MaxIterations = min(2, g.options.MaxIterations)
	called.nodesLeft, called.stepsLeft, called.effectsLeft = calledNodes, min(calledSteps, g.stepsLeft/p.weight),
		min(calledEffects, g.effectsLeft/p.weight)
	steps, effects := called.stepsLeft, called.effectsLeft
	d := &everhook.Definition{Key: called.options.Key, Title: "A flow that is called", Mode: called.mode,
		Trigger: everhook.Trigger{Type: "call", Config: everhook.Mapping{}}}
	if g.chance(20) {
		d.Trigger.Config["input"] = map[string]any{"type": "object", "required": []any{"id"}}
	}
	if g.chance(15) {
		d.Trigger.Config["when"] = pick(g, "input.id != nil", "input == nil", "len(toJSON(input)) % 2 == 0",
			"input.id > 3")
	}
	g.flow.Companions = append(g.flow.Companions, d)
	nodes, left := called.list(called.top(), 1+g.random.IntN(3))
	if g.chance(70) {
		nodes = append(nodes, everhook.Node{Key: called.key(), Type: "output",
			Config: everhook.Mapping{"value": called.value(called.top().with(left))}})
	}
	if g.chance(30) {
		nodes = append(nodes, everhook.Node{Key: called.key(), Type: "end",
			Config: everhook.Mapping{"status": pick(g, "resolved", "failed", "rejected")}})
	}
	if d.Nodes = ofInput(nodes); g.chance(20) {
		caught, _ := called.list(called.failing(left), 1)
		d.OnFailure = ofInput(caught)
	}
	g.stepsLeft -= p.weight * (steps - called.stepsLeft)
	g.effectsLeft -= p.weight * (effects - called.effectsLeft)
	return d.Key
}

// ofInput rewrites nodes to read the input of a call in place of the body of a webhook.
func ofInput(nodes []everhook.Node) []everhook.Node {
	for i := range nodes {
		nodes[i].Config = everhook.Mapping(inputFor(map[string]any(nodes[i].Config)).(map[string]any))
		for _, branch := range nodes[i].Branches {
			ofInput(branch.Nodes)
		}
	}
	return nodes
}

func inputFor(v any) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, "trigger.body", "trigger.input")
	case []any:
		for i := range v {
			v[i] = inputFor(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = inputFor(v[key])
		}
	}
	return v
}

// timeless reports whether the result of a node is equal in every execution.
func timeless(node *everhook.Node) bool {
	switch node.Type {
	case "delay", "http-request", "wait-for-call":
		return false
	case "subflow":
		return node.Config["wait"] != false
	}
	return true
}
