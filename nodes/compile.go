package nodes

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/expression"
)

// Flow is a compiled definition: every config decoded, every expression compiled for its place. It is shared by runs
// and never changed.
type Flow struct {
	Definition *everhook.Definition
	Trigger    Trigger
	// Nodes run one after the other.
	Nodes []*Compiled
	// OnFailure run when the others did not resolve.
	OnFailure []*Compiled
	// Env and Secrets are the names of settings and secrets that the flow refers to, sorted.
	Env, Secrets []string
	// Fields are all expressions and templates, by their JSON pointer in the definition.
	Fields map[string]expression.Field

	byKey map[string]*Compiled
	// waits are the nodes that wait for calls, with the number of loops around each.
	waits map[string]int
}

// Compiled is one node with its kind.
type Compiled struct {
	*everhook.Node
	Kind Kind
	Spec Spec
	// Foreign is set for kinds from outside this package: their results are made canonical.
	Foreign bool
	// OnLine is set when the node runs at most once in a run, so that a run can be continued at it, see Flow.Way.
	OnLine bool
	// Below are the keys of all nodes in the branches, at any depth.
	Below []string
	// Uses is what further iterations of the node and all nodes below it refer to, variables that they assign to
	// included. It is set for Iterating kinds.
	Uses *expression.References

	fields expression.References

	branches map[string][]*Compiled
	below    map[string][]string
}

// Branch gives the compiled nodes of a branch.
func (c *Compiled) Branch(name string) []*Compiled { return c.branches[name] }

// KeysBelow gives the keys of all nodes in one branch, at any depth.
func (c *Compiled) KeysBelow(branch string) []string { return c.below[branch] }

// Node gives the compiled node of that key, or nil.
func (f *Flow) Node(key string) *Compiled { return f.byKey[key] }

// Nearest gives the key that was probably meant by one that no node has; empty if none is near.
func (f *Flow) Nearest(key string) string { return strict.Nearest(key, everhook.SortedKeys(f.byKey)) }

// Limits of a definition.
const (
	MaxNodes     = 2000
	MaxNodeDepth = 50
	// maxErrors is how many errors a report has before expressions are looked at no more: each looks for the nearest of
	// all names.
	maxErrors = 200
)

// FieldScope says on what a field is evaluated if not on the scope of its own node.
type FieldScope struct {
	// Branch is the branch whose scope it is; empty: the node's own.
	Branch string
	// Loop: the field sees the loop that the node is.
	Loop bool
	// After: the field also sees the results of the branch.
	After bool
	// Once: the field is evaluated before the first iteration, and never again. An execution that goes on with the step
	// needs nothing that it refers to.
	Once bool
}

// FieldScoper is implemented by kinds with fields that are not evaluated on the node's own scope.
type FieldScoper interface {
	// FieldScope is asked for each field, by its JSON pointer in the config.
	FieldScope(pointer string) FieldScope
}

// FieldRooter is implemented by kinds with fields that are not evaluated in the run.
type FieldRooter interface {
	// FieldRoots are the names that a field sees, by its JSON pointer in the config; nil for a field that is evaluated
	// in the run.
	FieldRoots(pointer string) map[string]*expression.Shape
}

// Compile makes a Flow of a definition and reports every problem. The flow can be run if no problem is an error; else
// it is nil.
func (r *Registry) Compile(d *everhook.Definition) (*Flow, []Problem) { return r.compile(d, true) }

// Recompile is Compile for a definition that a run was started with: how large one may be counted then, and is not
// asked again.
func (r *Registry) Recompile(d *everhook.Definition) (*Flow, []Problem) { return r.compile(d, false) }

func (r *Registry) compile(d *everhook.Definition, measured bool) (*Flow, []Problem) {
	c := compiler{
		registry: r,
		flow: &Flow{Definition: d, Fields: map[string]expression.Field{}, byKey: map[string]*Compiled{},
			waits: map[string]int{}},
		places: map[string]place{},
		env:    map[string]bool{}, secrets: map[string]bool{},
	}
	if measured {
		c.size()
	}
	c.header()
	c.trigger()
	c.place(d.Nodes, "/nodes", nil)
	c.place(d.OnFailure, "/onFailure", nil)
	var reached scope
	c.flow.Nodes, reached = c.list(d.Nodes, "/nodes", scope{})
	reached.failing = true
	c.flow.OnFailure, _ = c.list(d.OnFailure, "/onFailure", reached)
	markLine(c.flow.Nodes)
	c.checkResumes()
	c.warnings()
	c.flow.Env, c.flow.Secrets = everhook.SortedKeys(c.env), everhook.SortedKeys(c.secrets)
	if c.errors > 0 {
		return nil, c.problems
	}
	return c.flow, c.problems
}

type compiler struct {
	registry *Registry
	flow     *Flow
	places   map[string]place
	env      map[string]bool
	secrets  map[string]bool
	resumes  []resumeUse
	problems []Problem
	// errors counts the problems that are no warnings.
	errors int
}

// place is where in the tree a node stands: the branches that lead to it, outermost first.
type place struct {
	path []branchOf
	node *everhook.Node
}

type branchOf struct {
	node   *everhook.Node
	branch string
}

func (c *compiler) report(p Problem) {
	c.problems = append(c.problems, p)
	if !p.Warning {
		c.errors++
	}
}

func (c *compiler) error(pointer, node, message, fix string) {
	c.report(Problem{Pointer: pointer, Node: node, Message: message, Fix: fix})
}

func (c *compiler) header() {
	d := c.flow.Definition
	if !everhook.IsFlowKey(d.Key) {
		c.error("/key", "", fmt.Sprintf("%q is not a flow key", d.Key),
			"use a-z, 0-9 and -, at most 63, not starting with -")
	}
	if d.Mode != everhook.Sync && d.Mode != everhook.Async {
		c.error("/mode", "", fmt.Sprintf("the mode is %q", d.Mode),
			"write `mode: sync` (the caller waits for the answer) or `mode: async` (it is answered at once)")
	}
	if d.Options.Wait > maxWait {
		c.error("/options/wait", "", "a caller is held for at most 5m",
			"write at most 5m; the answer can be fetched later")
	}
	if d.Mode == everhook.Async && d.Options.Wait != 0 {
		c.error("/options/wait", "", "nobody waits for an async flow", "remove it, or set `mode: sync`")
	}
	if d.Options.OnWait != 0 && d.Options.OnWait != 202 && d.Options.OnWait != 504 {
		c.error("/options/onWait", "", fmt.Sprintf("%d is no status that ends a wait", d.Options.OnWait),
			"write 202 or 504")
	}
	if d.Mode == everhook.Async && d.Options.OnWait != 0 {
		c.error("/options/onWait", "", "nobody waits for an async flow", "remove it, or set `mode: sync`")
	}
}

func (c *compiler) trigger() {
	d := c.flow.Definition
	make, ok := c.registry.triggers[d.Trigger.Type]
	if !ok {
		fix := "there is " + list(c.registry.triggerNames)
		if nearest := strict.Nearest(d.Trigger.Type, c.registry.triggerNames); nearest != "" {
			fix = fmt.Sprintf("did you mean %q?", nearest)
		}
		if d.Trigger.Type == "" {
			c.error("/trigger", "", "the trigger has no type", fix)
		} else {
			c.error("/trigger/type", "", fmt.Sprintf("there is no trigger of kind %q", d.Trigger.Type), fix)
		}
		return
	}
	trigger := make()
	c.flow.Trigger = trigger
	before := len(c.problems)
	strict.Decode(config(d.Trigger.Config), trigger, "/trigger",
		func(pointer, message, fix string) { c.error(pointer, "", message, fix) })
	if len(c.problems) > before {
		return
	}
	c.fields(trigger, "/trigger", "", func(pointer string) (*expression.Environment, scope) {
		return &expression.Environment{Roots: trigger.FieldRoots(pointer)}, scope{}
	})
	trigger.Validate(&Validation{Definition: d, pointer: "/trigger", report: c.report})
	c.source(trigger)
}

func config(m everhook.Mapping) any {
	if m == nil {
		return map[string]any{}
	}
	return map[string]any(m)
}

// place notes where each node stands and checks keys: before the nodes are compiled, because expressions may name any
// of them.
func (c *compiler) place(nodes []everhook.Node, pointer string, path []branchOf) {
	for i := range nodes {
		node := &nodes[i]
		at := fmt.Sprintf("%s/%d", pointer, i)
		earlier, duplicate := c.places[node.Key]
		switch {
		case node.Key == "":
			c.error(at, "", "the node has no key", "add `key: a_name`; it is the node's name in expressions")
		case !everhook.IsNodeKey(node.Key):
			c.error(at+"/key", node.Key, fmt.Sprintf("%q is not a node key", node.Key),
				"use letters, digits and _, not starting with a digit, at most 64; it is a name in expressions")
		case duplicate:
			c.error(at+"/key", node.Key, fmt.Sprintf("two nodes have the key %q; the other is of kind %s", node.Key,
				earlier.node.Type), "give each node its own key")
		default:
			c.places[node.Key] = place{path: path, node: node}
		}
		if len(c.places) == MaxNodes+1 {
			c.error(at, node.Key, fmt.Sprintf("the flow has more than %d nodes", MaxNodes),
				"split it into several flows")
		}
		if len(path) >= MaxNodeDepth {
			c.error(at, node.Key, fmt.Sprintf("branches are nested deeper than %d", MaxNodeDepth), "split the flow")
			continue
		}
		for _, branch := range node.Branches {
			c.place(branch.Nodes, at+"/branches/"+branch.Name,
				append(path[:len(path):len(path)], branchOf{node, branch.Name}))
		}
	}
}

// list compiles nodes that run one after the other. It gives the keys that are visible behind them.
func (c *compiler) list(nodes []everhook.Node, pointer string, s scope) ([]*Compiled, scope) {
	compiled := make([]*Compiled, 0, len(nodes))
	for i := range nodes {
		var node *Compiled
		node, s = c.node(&nodes[i], fmt.Sprintf("%s/%d", pointer, i), s)
		compiled = append(compiled, node)
	}
	return compiled, s
}

// node compiles one node and what stands below it. It gives the scope of the node that follows.
func (c *compiler) node(node *everhook.Node, pointer string, s scope) (*Compiled, scope) {
	compiled := &Compiled{Node: node, branches: map[string][]*Compiled{}, below: map[string][]string{}}
	validation := &Validation{Definition: c.flow.Definition, Node: node, pointer: pointer, scope: s, report: c.report}
	decoded := c.kind(compiled, pointer)
	c.common(compiled, validation)

	_, isLoop := compiled.Kind.(*Loop)
	after := s
	bodies := map[string]scope{}
	for _, branch := range node.Branches {
		inner := s
		if branch.Name == everhook.ErrorBranch {
			inner = s.with(node)
		} else if isLoop {
			inner = s.inside(node)
		}
		nodes, end := c.list(branch.Nodes, pointer+"/branches/"+branch.Name, inner)
		compiled.branches[branch.Name] = nodes
		compiled.below[branch.Name] = keysBelow(nodes)
		compiled.Below = append(compiled.Below, compiled.below[branch.Name]...)
		bodies[branch.Name] = end
		if !isLoop || branch.Name == everhook.ErrorBranch {
			after = after.after(s, end)
		}
	}
	after = after.with(node)
	if decoded {
		compiled.fields = c.fields(compiled.Kind, pointer+"/config", node.Key,
			func(field string) (*expression.Environment, scope) {
				if roots := rootsElsewhere(compiled.Kind, field); roots != nil {
					return &expression.Environment{Roots: roots, Hidden: notInTheRun}, s
				}
				at := c.fieldScope(compiled.Kind, field, node, s, bodies)
				return c.environment(node, at, compiled.Spec.Effect != nil), at
			})
		compiled.Kind.Validate(validation)
		c.callers(compiled.Kind)
	}
	if node.Key != "" {
		c.flow.byKey[node.Key] = compiled
		if _, ok := compiled.Kind.(*WaitForCall); ok {
			c.flow.waits[node.Key] = len(s.loops)
		}
	}
	if _, ok := compiled.Kind.(Iterating); ok && c.errors == 0 {
		compiled.Uses = &expression.References{}
		compiled.addUsesAgain(compiled.Uses)
		compiled.Uses.Sort()
	}
	return compiled, after
}

// addUsesAgain adds what further iterations of the node refer to.
func (c *Compiled) addUsesAgain(uses *expression.References) {
	scoper, ok := c.Kind.(FieldScoper)
	expression.Walk(c.Kind, func(at string, field expression.Field) {
		if once := ok && scoper.FieldScope(at).Once; field.IsSet() && !once {
			uses.Add(field.References())
		}
	})
	c.addUsesBelow(uses)
}

// addUses adds what the node and all nodes below it refer to.
func (c *Compiled) addUses(uses *expression.References) {
	uses.Add(c.fields)
	c.addUsesBelow(uses)
}

func (c *Compiled) addUsesBelow(uses *expression.References) {
	if variable, ok := c.Kind.(*Variable); ok && variable.Target != "" {
		uses.Nodes = append(uses.Nodes, variable.Target)
	}
	for _, branch := range c.Branches {
		for _, node := range c.branches[branch.Name] {
			node.addUses(uses)
		}
	}
}

func keysBelow(nodes []*Compiled) []string {
	var keys []string
	for _, node := range nodes {
		keys = append(append(keys, node.Key), node.Below...)
	}
	return keys
}

// kind finds the node's kind and decodes its config.
func (c *compiler) kind(compiled *Compiled, pointer string) bool {
	node := compiled.Node
	make, ok := c.registry.kinds[node.Type]
	if !ok {
		names := slices.Sorted(slices.Values(c.registry.names))
		fix := "there is " + list(names)
		if nearest := strict.Nearest(node.Type, names); nearest != "" {
			fix = fmt.Sprintf("did you mean %q?", nearest)
		}
		if node.Type == "" {
			c.error(pointer, node.Key, "the node has no type", fix)
		} else {
			c.error(pointer+"/type", node.Key, fmt.Sprintf("there is no node kind %q", node.Type), fix)
		}
		return false
	}
	compiled.Kind = make()
	compiled.Spec = compiled.Kind.Spec()
	compiled.Foreign = reflect.TypeOf(compiled.Kind).Elem().PkgPath() != reflect.TypeFor[Compiled]().PkgPath()
	before := len(c.problems)
	strict.Decode(config(node.Config), compiled.Kind, pointer+"/config",
		func(at, message, fix string) { c.error(at, node.Key, message, fix) })
	return len(c.problems) == before
}

// fields compiles the expressions and templates of a config, each in the environment of its place, and gives what they
// refer to.
func (c *compiler) fields(config any, pointer, node string, environment func(field string) (*expression.Environment,
	scope)) (uses expression.References) {
	expression.Walk(config, func(at string, field expression.Field) {
		c.flow.Fields[pointer+at] = field
		if !field.IsSet() || c.errors >= maxErrors {
			return
		}
		place, s := environment(at)
		for _, p := range field.Compile(at, place) {
			c.report(Problem{Pointer: pointer + p.Pointer, Node: node, Message: p.Message, Fix: p.Fix,
				Warning: p.Warning})
		}
		references := field.References()
		uses.Add(references)
		for _, name := range references.Env {
			c.env[name] = true
		}
		for _, name := range references.Secrets {
			c.secrets[name] = true
		}
		for _, target := range references.Resume {
			c.resumes = append(c.resumes, resumeUse{pointer: pointer + at, node: node, target: target, scope: s,
				inRun: place.Roots["system"] != nil})
		}
	})
	uses.Sort()
	return uses
}

func (c *compiler) fieldScope(kind Kind, field string, node *everhook.Node, own scope, bodies map[string]scope) scope {
	scoper, ok := kind.(FieldScoper)
	if !ok {
		return own
	}
	at := scoper.FieldScope(field)
	if at.Branch == "" {
		return own
	}
	if body, ok := bodies[at.Branch]; ok && at.After {
		return body
	}
	if at.Loop {
		return own.inside(node)
	}
	return own
}
