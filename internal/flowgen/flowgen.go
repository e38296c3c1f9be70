// Package flowgen makes random flows for tests: valid definitions with nodes of every kind in every position, the same
// for the same seed.
//
// Every kind has one generator, see generators. A kind without one fails this package's tests.
package flowgen

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/everhook/everhook"
)

// Options say which flows are made. The zero value makes flows with everything but http-request, of up to 30 nodes.
type Options struct {
	// Pure leaves out what waits or leaves the workflow: delay, json-query, http-request, wait-for-call and subflow.
	Pure bool
	// Comparable makes flows whose outcome and steps are the same for every execution, whatever the timing: branches
	// that run at once cannot overtake each other, and no value depends on the clock, the run ID or the attempts of an
	// effect. See Comparable of the steps.
	Comparable bool
	// Sequential leaves out parallel nodes.
	Sequential bool
	// Partner is the base URL that http-request nodes call, at the paths of PartnerStatus; empty: there are none.
	Partner string
	// Abort, if set, gives some flows this as their timeout, and lets them wait for longer.
	Abort time.Duration
	// Key is the flow's key. Default: random-<seed>.
	Key string
	// MaxNodes, MaxDepth and MaxIterations bound the definition: its nodes (default 30), the depth of its branches (4),
	// the iterations of one loop (4).
	MaxNodes, MaxDepth, MaxIterations int
	// MaxSteps bounds the steps of a run, roughly (200); MaxEffects its effects and waits (12).
	MaxSteps, MaxEffects int
	// MaxDelay bounds one delay that is waited for. Default 20ms.
	MaxDelay time.Duration
}

// Flow is a random flow.
type Flow struct {
	// Seed made it.
	Seed       uint64
	Definition *everhook.Definition
	// Companions are the flows that it calls, directly or through others: each is to be there, as version 1, before the
	// flow runs.
	Companions []*everhook.Definition
	// Waits are the nodes that wait for calls, of the flow and of its companions.
	Waits []Wait
	// Body is what the trigger is to be given as body.
	Body map[string]any
	// Calls are the paths below the partner that the flow may call.
	Calls []string
	// Aborts is set when the run ends aborted, unless it ends before.
	Aborts bool
}

// String is the seed and the definition, to reproduce a failure with: a flow file, in JSON.
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

// Generate makes the flow of a seed. The same seed and options make the same flow.
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
	// called is how many flows call each other down to this one.
	called int
	// nodesLeft, stepsLeft and effectsLeft are what may still be added.
	nodesLeft, stepsLeft, effectsLeft int
}

// place is where a node is to stand, and what it sees there. Its slices are shared: they are only appended to after
// clipping.
type place struct {
	// reads are expressions of any value that is there, variables the keys of the variables that are declared, loops
	// those of the loops around.
	reads, variables, loops []string
	depth                   int
	// weight is how often the place is reached, at most.
	weight int
	// safe: every node of the list must resolve or have its error caught.
	safe bool
	// beside: something runs at the same time that the place must not overtake: what is decided by who comes first is
	// left out.
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

// failing is the place of onFailure, behind what the nodes have left.
func (g *generator) failing(left place) place {
	p := g.top().with(left)
	p.reads = append(p.reads, "failure.status", "failure.node")
	if !g.options.Comparable {
		p.reads = append(p.reads, "failure", "failure.message")
	}
	return p
}

// with is the place behind, or below, what has left these things.
func (p place) with(left place) place {
	p.reads = append(p.reads[:len(p.reads):len(p.reads)], left.reads...)
	p.variables = append(p.variables[:len(p.variables):len(p.variables)], left.variables...)
	return p
}

// below is the place in a branch.
func (p place) below() place {
	p.depth++
	p.safe = false
	return p
}

func (g *generator) chance(percent int) bool { return g.random.IntN(100) < percent }

// pick takes one of several.
func pick[T any](g *generator, from ...T) T { return from[g.random.IntN(len(from))] }

func (g *generator) key() string {
	g.keys++
	return fmt.Sprintf("n%d", g.keys)
}

// list makes up to n nodes, at least one, and tells what they leave for those behind them.
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

// node makes one node and what is to be read behind it.
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

// onError decides what happens when the node does not resolve.
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
	// The list of an error branch stands for its node: what must resolve there must resolve here.
	inner := p.with(caught)
	inner.depth++
	nodes, added := g.branch(inner)
	node.Branches = append(node.Branches, everhook.Branch{Name: everhook.ErrorBranch, Nodes: nodes})
	*left = left.with(added)
}
