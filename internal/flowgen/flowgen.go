// Package flowgen makes random flows for tests: valid definitions with nodes of every kind in every position. The same
// seed makes the same flow.
//
// Every kind has one generator, see generators. This package's tests fail for a kind without one.
package flowgen

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/everhook/everhook"
)

// Options configure the random flows. The zero value makes flows of up to 30 nodes of all kinds except http-request.
type Options struct {
	// Pure leaves out the kinds that wait or call an effect: delay, json-query, http-request, wait-for-call and
	// subflow.
	Pure bool
	// Comparable makes flows whose outcome and steps are equal in every execution, whatever the timing: no result
	// depends on the order of parallel branches, the clock, the run ID or the attempts of an effect. See
	// CanonicalSteps.
	Comparable bool
	// Sequential leaves out parallel nodes.
	Sequential bool
	// Partner is the base URL that http-request nodes call, with the paths of PartnerStatus. If it is empty, there are
	// no such nodes.
	Partner string
	// Abort, if set, is the timeout of some flows, which then wait for longer than that.
	Abort time.Duration
	// Key is the flow's key. Default: random-<seed>.
	Key string
	// MaxNodes, MaxDepth and MaxIterations bound the definition: its nodes (default 30), the depth of its branches
	// (default 4), the iterations of one loop (default 4).
	MaxNodes, MaxDepth, MaxIterations int
	// MaxSteps is an approximate bound of the steps of a run (default 200). MaxEffects bounds its effects and waits
	// (default 12).
	MaxSteps, MaxEffects int
	// MaxDelay bounds one delay. Default 20ms.
	MaxDelay time.Duration
}

// Flow is a random flow.
type Flow struct {
	// Seed is the seed of the flow.
	Seed       uint64
	Definition *everhook.Definition
	// Companions are the flows that it calls, directly or through others. Each must be stored as version 1 before the
	// flow runs.
	Companions []*everhook.Definition
	// Waits are the wait-for-call nodes of the flow and of its companions.
	Waits []Wait
	// Body is the body of the delivery that starts the flow.
	Body map[string]any
	// Calls are the paths of the partner that the flow may call.
	Calls []string
	// Aborts is set if the run ends aborted, unless it ends earlier.
	Aborts bool
}

// String returns the seed and the definition as a flow file in JSON, to reproduce a failure.
func (f *Flow) String() string {
	definition, err := everhook.EncodeJSON(f.Definition)
	if err != nil {
		return err.Error()
	}
	body, err := everhook.EncodeJSON(f.Body)
	if err != nil {
		return err.Error()
	}
	text := fmt.Sprintf("seed %d\nflow %s\nbody %s", f.Seed, definition, body)
	for _, companion := range f.Companions {
		definition, err := everhook.EncodeJSON(companion)
		if err != nil {
			return err.Error()
		}
		text += "\ncalls " + string(definition)
	}
	return text
}

// Generate returns the flow of a seed. The same seed and options make the same flow.
func Generate(seed uint64, options Options) *Flow {
	g := &generator{random: rand.New(rand.NewPCG(seed, 0x45564552)), options: options.withDefaults(seed)}
	g.nodesLeft, g.stepsLeft, g.effectsLeft = g.options.MaxNodes, g.options.MaxSteps, g.options.MaxEffects
	g.flow = &Flow{Seed: seed, Body: g.body()}
	d := &everhook.Definition{Key: g.options.Key, Title: "Random flow", Mode: everhook.Async,
		Trigger: everhook.Trigger{Type: "webhook", Config: everhook.Mapping{}}}
	if g.chance(50) {
		d.Mode = everhook.Sync
	}
	g.flow.Definition, g.mode = d, d.Mode
	nodes, left := g.list(g.top(), 3+g.random.IntN(8))
	d.Nodes = nodes
	if g.chance(35) {
		d.OnFailure, _ = g.list(g.failing(left), 1+g.random.IntN(3))
	}
	if g.chance(20) {
		d.Defaults = map[string]everhook.Mapping{
			"http-request": {"timeout": "4s", "headers": map[string]any{"X-Flow": template("system.flow.key")}},
			"calculation":  {"onError": pick(g, "fail", "continue")},
			"delay":        {"status": "resolved"},
		}
	}
	if options.Abort > 0 && !g.options.Pure && g.chance(15) {
		d.Options.Timeout = everhook.Duration(options.Abort)
		g.flow.Aborts = true
		d.Nodes = append(d.Nodes, everhook.Node{Key: g.key(), Type: "delay",
			Config: everhook.Mapping{"duration": "10h"}})
	}
	return g.flow
}

func (o Options) withDefaults(seed uint64) Options {
	set := func(n *int, otherwise int) {
		if *n == 0 {
			*n = otherwise
		}
	}
	set(&o.MaxNodes, 30)
	set(&o.MaxDepth, 4)
	set(&o.MaxIterations, 4)
	set(&o.MaxSteps, 200)
	set(&o.MaxEffects, 12)
	if o.MaxDelay == 0 {
		o.MaxDelay = 20 * time.Millisecond
	}
	if o.Key == "" {
		o.Key = fmt.Sprintf("random-%d", seed)
	}
	return o
}

type generator struct {
	random  *rand.Rand
	options Options
	flow    *Flow
	mode    everhook.Mode
	keys    int
	// called is the depth of this flow in the chain of calls; 0 is the root.
	called int
	// nodesLeft, stepsLeft and effectsLeft are the remaining budgets.
	nodesLeft, stepsLeft, effectsLeft int
}

// place is the position of a node and the names it can refer to. Its slices are shared, so they are clipped before they
// are appended to.
type place struct {
	// reads are expressions that are valid here, variables the keys of the declared variables, loops the keys of the
	// enclosing loops.
	reads, variables, loops []string
	depth                   int
	// weight is the highest number of times that the place is reached.
	weight int
	// safe means that every node of the list must resolve or have its error caught.
	safe bool
	// beside means that a parallel branch is running. In a comparable flow, nothing here may depend on which branch is
	// first.
	beside bool
}

func (g *generator) top() place {
	p := place{weight: 1, reads: []string{"trigger.body", "trigger.body.items", "trigger.body.tags",
		"trigger.body.nothing", "trigger.body.nested.a", "trigger.body.missing.member"}}
	if !g.options.Comparable {
		p.reads = append(p.reads, "system.now", "system.runId", "now()", "uuid()", "trigger.receivedAt")
	}
	return p
}

// failing is the place of onFailure, after the nodes that left these names.
func (g *generator) failing(left place) place {
	p := g.top().with(left)
	p.reads = append(p.reads, "failure.status", "failure.node")
	if !g.options.Comparable {
		p.reads = append(p.reads, "failure", "failure.message")
	}
	return p
}

// with returns the place with the names that another one left.
func (p place) with(left place) place {
	p.reads = append(p.reads[:len(p.reads):len(p.reads)], left.reads...)
	p.variables = append(p.variables[:len(p.variables):len(p.variables)], left.variables...)
	return p
}

// below returns the place in a branch.
func (p place) below() place {
	p.depth++
	p.safe = false
	return p
}

func (g *generator) chance(percent int) bool { return g.random.IntN(100) < percent }

// pick returns one of its arguments.
func pick[T any](g *generator, from ...T) T { return from[g.random.IntN(len(from))] }

func (g *generator) key() string {
	g.keys++
	return fmt.Sprintf("n%d", g.keys)
}

// list makes one to n nodes, and returns the names that they leave for later nodes.
func (g *generator) list(p place, n int) (nodes []everhook.Node, left place) {
	for i := range n {
		if i > 0 && (g.nodesLeft <= 0 || g.stepsLeft < p.weight) {
			break
		}
		node, added := g.node(p)
		nodes = append(nodes, node)
		p, left = p.with(added), left.with(added)
	}
	return nodes, left
}

// branch makes the list of a branch.
func (g *generator) branch(p place) ([]everhook.Node, place) { return g.list(p, 1+g.random.IntN(3)) }

// node makes one node, and returns the names that it leaves for later nodes.
func (g *generator) node(p place) (everhook.Node, place) {
	g.nodesLeft--
	g.stepsLeft -= p.weight
	kind := g.kind(p)
	node := everhook.Node{Key: g.key(), Type: kind}
	if g.chance(20) {
		node.Title = "A node | of <kind> " + kind
	}
	left := generators[kind].make(g, p, &node)
	g.onError(p, &node, &left)
	return node, left
}

// onError decides how an error of the node is handled.
func (g *generator) onError(p place, node *everhook.Node, left *place) {
	handling := pick(g, "", everhook.OnErrorFail, everhook.OnErrorContinue, everhook.OnErrorContinue,
		everhook.OnErrorBranch, everhook.OnErrorBranch)
	if p.safe && (handling == "" || handling == everhook.OnErrorFail) {
		handling = pick(g, everhook.OnErrorContinue, everhook.OnErrorBranch)
	}
	if handling == everhook.OnErrorBranch && p.depth >= g.options.MaxDepth {
		handling = everhook.OnErrorContinue
	}
	node.OnError = handling
	if handling == "" || handling == everhook.OnErrorFail {
		return
	}
	caught := place{reads: []string{"errors." + node.Key + ".type", "errors." + node.Key + ".status", "nodes." +
		node.Key + " == nil"}}
	if !g.options.Comparable {
		caught.reads = append(caught.reads, "errors."+node.Key, "errors."+node.Key+".message")
	}
	*left = left.with(caught)
	if handling != everhook.OnErrorBranch {
		return
	}
	// The list of an error branch takes the place of its node: if the node must resolve, the list must resolve.
	inner := p.with(caught)
	inner.depth++
	nodes, added := g.branch(inner)
	node.Branches = append(node.Branches, everhook.Branch{Name: everhook.ErrorBranch, Nodes: nodes})
	*left = left.with(added)
}
