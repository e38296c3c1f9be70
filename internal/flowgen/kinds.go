package flowgen

import (
	"github.com/everhook/everhook"
)

// kindGenerator makes nodes of one kind.
type kindGenerator struct {
	// weight is the relative frequency of the kind.
	weight int
	// fits reports whether the kind is possible at a place; nil means everywhere.
	fits func(g *generator, p place) bool
	// make fills config and branches of a node whose key and type are set. It returns the names that the node leaves
	// for later nodes: expressions that read its result, nodes of its branches, variables. In a comparable flow, their
	// values must be equal in every execution.
	make func(g *generator, p place, node *everhook.Node) place
}

// generators has one generator for each kind.
var generators map[string]kindGenerator

// names are the kinds with generators, sorted: the result of a seed depends on their order.
var names []string

func init() { //nolint:gochecknoinits // the generators of containers refer to the table
	generators = map[string]kindGenerator{
		"condition":        {weight: 14, make: condition},
		"multi-conditions": {weight: 8, make: multiConditions},
		"loop":             {weight: 12, fits: repeats, make: loop},
		"parallel": {weight: 10, fits: func(g *generator, p place) bool {
			return !g.options.Sequential &&
				nests(g, p)
		}, make: parallel},
		"variable":         {weight: 14, make: variable},
		"output":           {weight: 6, fits: alone, make: output},
		"json-mapping":     {weight: 6, make: jsonMapping},
		"delay":            {weight: 6, fits: leaves, make: delay},
		"end":              {weight: 2, fits: ends, make: end},
		"calculation":      {weight: 20, make: calculation},
		"date-calculation": {weight: 6, make: dateCalculation},
		"json-query":       {weight: 6, fits: leaves, make: jsonQuery},
		"http-request": {weight: 8, fits: func(g *generator, p place) bool {
			return g.options.Partner != "" &&
				leaves(g, p)
		}, make: httpRequest},
		"subflow":       {weight: 8, fits: calls, make: subflow},
		"wait-for-call": {weight: 7, fits: leaves, make: waitForCall},
		"response": {weight: 5, fits: func(g *generator, p place) bool {
			return g.mode == everhook.Sync &&
				g.called == 0 && alone(g, p)
		}, make: response},
	}
	names = everhook.SortedKeys(generators)
}

// nests reports whether the node may have branches.
func nests(g *generator, p place) bool { return p.depth < g.options.MaxDepth && g.nodesLeft > 1 }

// repeats reports whether a loop may stand here.
func repeats(g *generator, p place) bool {
	return nests(g, p) && g.stepsLeft > p.weight*g.options.MaxIterations
}

// leaves reports whether the node may wait or call an effect.
func leaves(g *generator, p place) bool { return !g.options.Pure && g.effectsLeft >= p.weight }

// alone reports whether no parallel branch is running, so that the order of assignments is known.
func alone(_ *generator, p place) bool { return !p.beside }

// ends reports whether the run may end here. A list that must resolve may not end the run.
func ends(_ *generator, p place) bool { return !p.beside && !p.safe && p.weight < 4 }

// kind chooses a kind that fits.
func (g *generator) kind(p place) string {
	total := 0
	var fitting []string
	for _, name := range names {
		if kind := generators[name]; kind.fits == nil || kind.fits(g, p) {
			fitting = append(fitting, name)
			total += kind.weight
		}
	}
	n := g.random.IntN(total)
	for _, name := range fitting {
		if n -= generators[name].weight; n < 0 {
			return name
		}
	}
	return fitting[len(fitting)-1]
}

// read returns a place that leaves expressions.
func read(expressions ...string) place { return place{reads: expressions} }

func condition(g *generator, p place, node *everhook.Node) place {
	node.Config = everhook.Mapping{"expression": g.condition(p)}
	left := read("nodes." + node.Key)
	if g.chance(15) {
		node.Config["rejectOnFalse"] = true
		return left
	}
	if !nests(g, p) {
		return left
	}
	for _, name := range []string{"then", "else"} {
		if g.chance(75) {
			nodes, added := g.branch(p.below())
			node.Branches = append(node.Branches, everhook.Branch{Name: name, Nodes: nodes})
			left = left.with(added)
		}
	}
	return left
}

func multiConditions(g *generator, p place, node *everhook.Node) place {
	left := read("nodes."+node.Key+".matched", "nodes."+node.Key)
	var cases []any
	compares := false
	for i := range 1 + g.random.IntN(3) {
		name := "case" + string(rune('A'+i))
		if g.chance(25) {
			compares = true
			cases = append(cases, map[string]any{"name": name, "is": []any{10 * i, "text " + string(rune('0'+i)),
				template(g.small(p))}})
		} else {
			cases = append(cases, map[string]any{"name": name, "when": g.condition(p)})
		}
		if nests(g, p) && g.chance(80) {
			nodes, added := g.branch(p.below())
			node.Branches = append(node.Branches, everhook.Branch{Name: name, Nodes: nodes})
			left = left.with(added)
		}
	}
	node.Config = everhook.Mapping{"cases": cases}
	if compares {
		node.Config["on"] = g.expression(p)
	}
	switch {
	case nests(g, p) && g.chance(50):
		nodes, added := g.branch(p.below())
		node.Branches = append(node.Branches, everhook.Branch{Name: "otherwise", Nodes: nodes})
		left = left.with(added)
	case g.chance(60):
		node.Config["continueOnNoMatch"] = true
	}
	return left
}

func loop(g *generator, p place, node *everhook.Node) place {
	iterations := 1 + g.random.IntN(g.options.MaxIterations)
	body := p.below()
	body.weight *= iterations
	body.loops = append(body.loops[:len(body.loops):len(body.loops)], node.Key)
	node.Config = everhook.Mapping{}
	before := body
	open := g.chance(25)
	if open {
		// With check: after, when is not evaluated for an iteration that did not resolve.
		node.Config["maxIterations"] = iterations + 2
		body.weight += 2 * p.weight
	} else {
		node.Config["over"] = g.over(p, iterations)
		if g.chance(30) {
			node.Config["onFalse"] = pick(g, "break", "skip")
		}
	}
	together := !open && g.chance(15)
	if together {
		node.Config["concurrency"] = 2 + g.random.IntN(2)
		// Parallel iterations must not assign to variables outside the loop.
		body.variables, body.beside = nil, g.options.Comparable
	}
	nodes, _ := g.branch(body)
	// The variables and nodes of the body are out of scope after the loop, but fields that are evaluated after the body
	// see them.
	after := body
	for i := range nodes {
		if timeless(&nodes[i]) {
			after.reads = append(after.reads[:len(after.reads):len(after.reads)], "nodes."+nodes[i].Key)
		}
	}
	if together && g.options.Comparable {
		// The end of the loop would cut off iterations that are still running.
		delete(node.Config, "onFalse")
		node.Config["onFail"], node.Config["collect"] = "continue", g.sound(after)
		node.Branches = everhook.Branches{{Name: "do", Nodes: nodes}}
		return loopReads(node.Key)
	}
	switch {
	case open:
		node.Config["when"] = "loop.index < " + itoa(iterations-1)
		node.Config["check"] = pick(g, "before", "after")
	case node.Config["onFalse"] != nil || g.chance(20):
		if node.Config["check"] = pick(g, "before", "after"); node.Config["check"] == "after" {
			before = after
		}
		node.Config["when"] = g.condition(before)
	}
	node.Branches = everhook.Branches{{Name: "do", Nodes: nodes}}
	if g.chance(70) {
		node.Config["onFail"] = pick(g, "fail", "break", "continue", "continue")
	}
	if g.chance(70) {
		node.Config["collect"] = g.small(after)
	}
	if g.chance(5) {
		node.Config["maxIterations"] = 1
	}
	return loopReads(node.Key)
}

func loopReads(key string) place {
	of := "nodes." + key
	return read(of+".items", of+".done", "["+of+".looped, "+of+".failed, "+of+".skipped, "+of+".broken]")
}

// over returns an expression that yields at most that many items; a few yield a value that is not a list.
func (g *generator) over(p place, iterations int) string {
	if g.chance(6) {
		return "trigger.body.flag"
	}
	switch g.random.IntN(7) {
	case 0:
		return itoa(iterations)
	case 1:
		return "repeat(" + quote("é") + ", " + itoa(iterations) + ")"
	case 2:
		return "take(trigger.body.items, " + itoa(iterations) + ")"
	case 3:
		return "fromPairs(map(0.." + itoa(iterations-1) + `, ["k" + string(#), ` + g.number(p, 1) + "]))"
	case 4:
		return "trigger.body.nothing"
	case 5:
		return "take(trigger.body.tags, " + itoa(iterations) + ")"
	default:
		return "take(" + g.listOf(p, 1) + ", " + itoa(iterations) + ")"
	}
}

// parallel keeps flows comparable: parallel branches must not affect each other's course. With all and allSettled, each
// branch resolves or is waited for. With any and race, one branch ends long before the others, which wait for ten
// hours.
func parallel(g *generator, p place, node *everhook.Node) place {
	mode := pick(g, "", "all", "any", "race", "allSettled", "allSettled")
	node.Config = everhook.Mapping{}
	if mode != "" {
		node.Config["mode"] = mode
	}
	left := place{}
	count := 2 + g.random.IntN(2)
	decided := g.options.Comparable && (mode == "any" || mode == "race")
	if decided && g.options.Pure {
		// Nothing can wait here.
		decided, mode = false, "allSettled"
		node.Config["mode"] = mode
	}
	winner := g.random.IntN(count)
	for i := range count {
		name := "branch" + string(rune('A'+i))
		inner := p.below()
		if g.options.Comparable {
			inner.beside = !decided || p.beside
			inner.safe = !decided && mode != "allSettled" || decided && mode == "any"
		}
		var nodes []everhook.Node
		if decided && i != winner {
			nodes, inner = g.waitsLong(inner)
		} else {
			var added place
			nodes, added = g.branch(inner)
			if g.options.Comparable {
				nodes, added = g.settled(inner, nodes, added)
			}
			inner = added
		}
		node.Branches = append(node.Branches, everhook.Branch{Name: name, Nodes: nodes})
		left = left.with(inner)
		left.reads = append(left.reads, "nodes."+node.Key+"."+name+".status")
	}
	if !g.options.Comparable {
		left.reads = append(left.reads, "nodes."+node.Key)
	}
	return left
}

// waitsLong returns a branch that loses the race.
func (g *generator) waitsLong(p place) ([]everhook.Node, place) {
	g.nodesLeft--
	g.effectsLeft -= p.weight
	nodes := []everhook.Node{{Key: g.key(), Type: "delay", Config: everhook.Mapping{"duration": "10h"}}}
	p.beside, p.safe = true, false
	if g.chance(30) {
		more, _ := g.branch(p)
		nodes = append(nodes, more...)
	}
	return nodes, place{}
}

// settled ends a branch with a value that is equal in every execution, because the last result of a branch is part of
// the parallel node's result.
func (g *generator) settled(p place, nodes []everhook.Node, left place) ([]everhook.Node, place) {
	if timeless(&nodes[len(nodes)-1]) {
		return nodes, left
	}
	g.nodesLeft--
	node := everhook.Node{Key: g.key(), Type: "calculation",
		Config: everhook.Mapping{"expression": itoa(g.random.IntN(100))}}
	return append(nodes, node), left.with(read("nodes." + node.Key))
}
