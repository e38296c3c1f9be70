package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Flow is a compiled definition: every config decoded, every expression compiled for its place. It is shared by runs
// and never changed.
type Flow struct {
	Definition *everhook.Definition
	Trigger    kind.Trigger
	// Nodes run one after the other.
	Nodes []*Node
	// OnFailure run when the others did not resolve.
	OnFailure []*Node
	// Env and Secrets are the names of settings and secrets that the flow refers to, sorted.
	Env, Secrets []string
	// Fields are all expressions and templates, by their JSON pointer in the definition.
	Fields map[string]expression.Field

	byKey map[string]*Node
	// waits are the nodes that wait for calls, with the number of loops around each.
	waits map[string]int
}

// Node is one node with its kind.
type Node struct {
	*everhook.Node
	Kind kind.Kind
	Spec kind.Spec
	// OnLine is set when the node runs at most once in a run, so that a run can be continued at it, see Flow.Way.
	OnLine bool
	// Below are the keys of all nodes in the branches, at any depth.
	Below []string
	// Uses is what further iterations of the node and all nodes below it refer to, variables that they assign to
	// included. It is set for Iterating kinds.
	Uses *expression.References

	fields expression.References
	// shape is what can exist below the result; nil if the config cannot be decoded.
	shape *expression.Shape

	branches map[string][]*Node
	below    map[string][]string
}

// Branch gives the compiled nodes of a branch.
func (c *Node) Branch(name string) []*Node { return c.branches[name] }

// KeysBelow gives the keys of all nodes in one branch, at any depth.
func (c *Node) KeysBelow(branch string) []string { return c.below[branch] }

// Node gives the compiled node of that key, or nil.
func (f *Flow) Node(key string) *Node { return f.byKey[key] }

// CallsFlows reports whether a node of the flow calls another flow.
func (f *Flow) CallsFlows() bool {
	for _, key := range everhook.SortedKeys(f.byKey) {
		if _, ok := f.byKey[key].Kind.(kind.Calling); ok {
			return true
		}
	}
	return false
}

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

// Definition compiles a definition with the kinds of a registry and reports every problem. The flow can be run if no
// problem is an error; else it is nil.
func Definition(d *everhook.Definition, registry *kind.Registry) (*Flow, []kind.Problem) {
	return compile(d, registry, true)
}

// ForRun compiles a definition that a run was started with: it decodes configs and compiles expressions, and checks
// nothing else. A flow is checked when it is applied. A check that a later release adds must not stop runs under way.
// The error is the first problem.
func ForRun(d *everhook.Definition, registry *kind.Registry) (*Flow, error) {
	flow, problems := compile(d, registry, false)
	return flow, FirstError(problems)
}

// FirstError gives the first problem that is an error, or nil.
func FirstError(problems []kind.Problem) error {
	for _, problem := range problems {
		if !problem.Warning {
			return problem
		}
	}
	return nil
}

func compile(d *everhook.Definition, registry *kind.Registry, checking bool) (*Flow, []kind.Problem) {
	c := newCompiler(d, registry, checking)
	c.compile()
	if c.errors > 0 {
		return nil, c.problems
	}
	return c.flow, c.problems
}

func newCompiler(d *everhook.Definition, registry *kind.Registry, checking bool) *compiler {
	return &compiler{
		registry: registry, checking: checking,
		flow: &Flow{Definition: d, Fields: map[string]expression.Field{}, byKey: map[string]*Node{},
			waits: map[string]int{}},
		places: map[string]place{}, defaulted: map[string]*kindDefaults{}, givenBy: map[string]string{},
		env: map[string]bool{}, secrets: map[string]bool{}, reported: map[string]bool{}, names: map[string]string{},
	}
}

// compile fills the flow, and reports what is wrong.
func (c *compiler) compile() {
	d := c.flow.Definition
	if c.checking {
		c.size()
		c.header()
	}
	c.trigger()
	c.defaults()
	nodes, onFailure := c.filled(d.Nodes, "/nodes", 0), c.filled(d.OnFailure, "/onFailure", 0)
	c.place(nodes, "/nodes", nil)
	c.place(onFailure, "/onFailure", nil)
	var reached scope
	c.flow.Nodes, reached = c.list(nodes, "/nodes", scope{})
	reached.failing = true
	c.flow.OnFailure, _ = c.list(onFailure, "/onFailure", reached)
	markLine(c.flow.Nodes)
	if c.checking {
		c.checkResumes()
		c.warnings()
		c.unusedDefaults()
	}
	c.flow.Env, c.flow.Secrets = everhook.SortedKeys(c.env), everhook.SortedKeys(c.secrets)
}

type compiler struct {
	registry *kind.Registry
	// checking is set to check everything; else configs are decoded and expressions compiled.
	checking bool
	flow     *Flow
	places   map[string]place
	env      map[string]bool
	secrets  map[string]bool
	resumes  []resumeUse
	problems []kind.Problem
	// errors counts the problems that are no warnings.
	errors int
	// defaulted are the flow's defaults by kind, filledBytes what they added to nodes. givenBy leads from the pointer
	// of a field that they gave to a node to that in the defaults.
	defaulted   map[string]*kindDefaults
	filledBytes int
	tooLarge    bool
	givenBy     map[string]string
	// reported are the problems of defaults, which are told once and not for each node.
	reported map[string]bool
	// names are the keys of nodes in literal fields, by pointer.
	names map[string]string
	// looking, if set, takes the names at one place.
	looking *looking
}

// place is the position of a node in the tree: the branches that lead to it, outermost first.
type place struct {
	path []branchOf
	node *everhook.Node
}

type branchOf struct {
	node   *everhook.Node
	branch string
}

func (c *compiler) report(p kind.Problem) {
	if p.Pointer = c.source(p.Pointer); strings.HasPrefix(p.Pointer, "/defaults/") {
		told := p.Pointer + "\x00" + p.Message
		if p.Node = ""; c.reported[told] {
			return
		}
		c.reported[told] = true
	}
	c.problems = append(c.problems, p)
	if !p.Warning {
		c.errors++
	}
}

func (c *compiler) error(pointer, node, message, fix string) {
	c.report(kind.Problem{Pointer: pointer, Node: node, Message: message, Fix: fix})
}

// check reports an error of a definition that is checked.
func (c *compiler) check(pointer, node, message, fix string) {
	if c.checking {
		c.error(pointer, node, message, fix)
	}
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
		c.error("/options/wait", "", "an async flow has no caller that waits", "remove it, or set `mode: sync`")
	}
	if d.Options.OnWait != 0 && d.Options.OnWait != 202 && d.Options.OnWait != 504 {
		c.error("/options/onWait", "", fmt.Sprintf("%d is no status that ends a wait", d.Options.OnWait),
			"write 202 or 504")
	}
	c.deleteOn()
	if d.Mode == everhook.Async && d.Options.OnWait != 0 {
		c.error("/options/onWait", "", "an async flow has no caller that waits", "remove it, or set `mode: sync`")
	}
}

// deleteOn checks the statuses of runs that are deleted early.
func (c *compiler) deleteOn() {
	for i, status := range c.flow.Definition.Options.DeleteOn {
		if !status.Ended() || !slices.Contains(everhook.Statuses, status) {
			c.error(fmt.Sprintf("/options/deleteOn/%d", i), "", fmt.Sprintf("%q is not a status with which runs end",
				everhook.Shorten(string(status), 80)), "write resolved, failed, error, aborted, cancelled or rejected")
		}
	}
}

func (c *compiler) trigger() {
	d := c.flow.Definition
	trigger, ok := c.registry.Trigger(d.Trigger.Type)
	if !ok {
		fix := strict.Suggest(d.Trigger.Type, c.registry.TriggerNames())
		if d.Trigger.Type == "" {
			c.error("/trigger", "", "the trigger has no type", fix)
		} else {
			c.error("/trigger/type", "", fmt.Sprintf("there is no trigger of kind %q", d.Trigger.Type), fix)
		}
		return
	}
	c.flow.Trigger = trigger
	c.renamed("/trigger/type", "", d.Trigger.Type, trigger.Spec().Kind)
	before := len(c.problems)
	strict.Decode(written(d.Trigger.Config), trigger, "/trigger",
		func(pointer, message, fix string) { c.error(pointer, "", message, fix) })
	if len(c.problems) > before {
		return
	}
	c.fields(trigger, "/trigger", "", func(pointer string) (*expression.Environment, scope) {
		return &expression.Environment{Roots: trigger.FieldRoots(pointer)}, scope{}
	})
	if !c.checking {
		return
	}
	validation := kind.NewValidation("/trigger", c.report)
	validation.Definition = d
	trigger.Validate(validation)
	c.caller(trigger)
}

// renamed warns of an earlier name of a kind.
func (c *compiler) renamed(pointer, node, name, current string) {
	if name != current {
		c.report(kind.Problem{Pointer: pointer, Node: node, Warning: true,
			Message: fmt.Sprintf("%s is an earlier name of the kind %s", name, current),
			Fix:     fmt.Sprintf("write `type: %s`", current)})
	}
}

// written is the config as the flow has it.
func written(m everhook.Mapping) any {
	if m == nil {
		return map[string]any{}
	}
	return map[string]any(m)
}

// place records the position of each node and checks keys. It runs before the nodes are compiled, because expressions
// may refer to any node.
func (c *compiler) place(nodes []everhook.Node, pointer string, path []branchOf) {
	for i := range nodes {
		node := &nodes[i]
		at := fmt.Sprintf("%s/%d", pointer, i)
		earlier, duplicate := c.places[node.Key]
		switch {
		case node.Key == "":
			c.check(at, "", "the node has no key", "add `key: a_name`; it is the node's name in expressions")
		case !everhook.IsNodeKey(node.Key):
			c.check(at+"/key", node.Key, fmt.Sprintf("%q is not a node key", node.Key),
				"use letters, digits and _, not starting with a digit, at most 64; it is a name in expressions")
		case duplicate:
			c.check(at+"/key", node.Key, fmt.Sprintf("two nodes have the key %q; the other is of kind %s", node.Key,
				earlier.node.Type), "give each node its own key")
		default:
			c.places[node.Key] = place{path: path, node: node}
		}
		if len(c.places) == MaxNodes+1 {
			c.check(at, node.Key, fmt.Sprintf("the flow has more than %d nodes", MaxNodes),
				"split it into several flows")
		}
		if len(path) >= MaxNodeDepth {
			c.check(at, node.Key, fmt.Sprintf("branches are nested deeper than %d", MaxNodeDepth), "split the flow")
			continue
		}
		for _, branch := range node.Branches {
			c.place(branch.Nodes, at+"/branches/"+branch.Name,
				append(path[:len(path):len(path)], branchOf{node, branch.Name}))
		}
	}
}

// list compiles nodes that run one after the other. It returns the scope after them.
func (c *compiler) list(nodes []everhook.Node, pointer string, s scope) ([]*Node, scope) {
	compiled := make([]*Node, 0, len(nodes))
	for i := range nodes {
		var node *Node
		node, s = c.node(&nodes[i], fmt.Sprintf("%s/%d", pointer, i), s)
		compiled = append(compiled, node)
	}
	return compiled, s
}

// node compiles one node and its branches. It returns the scope of the next node.
func (c *compiler) node(node *everhook.Node, pointer string, s scope) (*Node, scope) {
	compiled := &Node{Node: node, branches: map[string][]*Node{}, below: map[string][]string{}}
	validation := kind.NewValidation(pointer, c.report)
	validation.Definition, validation.Trigger = c.flow.Definition, c.flow.Trigger
	validation.Node, validation.Nodes = node, others{c.flow, s}
	decoded := c.kind(compiled, pointer)
	if c.looking != nil {
		c.looking.at(pointer, func() *expression.Environment {
			return c.environment(node, s, compiled.Spec.Effect != nil)
		}, node)
	}
	if c.checking {
		c.common(compiled, validation)
	}

	_, iterates := compiled.Kind.(kind.Iterating)
	after := s
	bodies := map[string]scope{}
	for _, branch := range node.Branches {
		inner := s
		if branch.Name == everhook.ErrorBranch {
			inner = s.with(node)
		} else if iterates {
			inner = s.inside(node)
		}
		nodes, end := c.list(branch.Nodes, pointer+"/branches/"+branch.Name, inner)
		compiled.branches[branch.Name] = nodes
		compiled.below[branch.Name] = keysBelow(nodes)
		compiled.Below = append(compiled.Below, compiled.below[branch.Name]...)
		bodies[branch.Name] = end
		if !iterates || branch.Name == everhook.ErrorBranch {
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
		if c.checking {
			compiled.Kind.Validate(validation)
		}
		c.callers(compiled.Kind)
		compiled.shape = compiled.Spec.Shape()
		if shaping, ok := compiled.Kind.(kind.Shaping); ok {
			compiled.shape = shaping.ResultShape(node)
		}
	}
	if node.Key != "" {
		c.flow.byKey[node.Key] = compiled
		if waitsForCall(compiled.Kind) {
			c.flow.waits[node.Key] = len(s.loops)
		}
	}
	if iterates && c.errors == 0 {
		compiled.Uses = &expression.References{}
		compiled.addUsesAgain(compiled.Uses)
		compiled.Uses.Sort()
	}
	return compiled, after
}

// addUsesAgain adds what further iterations of the node refer to.
func (c *Node) addUsesAgain(uses *expression.References) {
	scoper, ok := c.Kind.(kind.FieldScoper)
	expression.Walk(c.Kind, func(at string, field expression.Field) {
		if once := ok && scoper.FieldScope(at).Once; field.IsSet() && !once {
			uses.Add(field.References())
		}
	})
	c.addUsesBelow(uses)
}

// addUses adds the references of the node and of all nodes below it.
func (c *Node) addUses(uses *expression.References) {
	uses.Add(c.fields)
	c.addUsesBelow(uses)
}

func (c *Node) addUsesBelow(uses *expression.References) {
	if assigning, ok := c.Kind.(kind.Assigning); ok && assigning.AssignsTo() != "" {
		uses.Nodes = append(uses.Nodes, assigning.AssignsTo())
	}
	for _, branch := range c.Branches {
		for _, node := range c.branches[branch.Name] {
			node.addUses(uses)
		}
	}
}

func keysBelow(nodes []*Node) []string {
	var keys []string
	for _, node := range nodes {
		keys = append(append(keys, node.Key), node.Below...)
	}
	return keys
}

// kind finds the node's kind and decodes its config.
func (c *compiler) kind(compiled *Node, pointer string) bool {
	node := compiled.Node
	config, ok := c.registry.Kind(node.Type)
	if !ok {
		fix := strict.Suggest(node.Type, slices.Sorted(slices.Values(c.registry.Names())))
		if node.Type == "" {
			c.error(pointer, node.Key, "the node has no type", fix)
		} else {
			c.error(pointer+"/type", node.Key, fmt.Sprintf("there is no node kind %q", node.Type), fix)
		}
		return false
	}
	compiled.Kind = config
	compiled.Spec = compiled.Kind.Spec()
	c.renamed(pointer+"/type", node.Key, node.Type, compiled.Spec.Kind)
	before := len(c.problems)
	strict.Decode(written(node.Config), compiled.Kind, pointer+"/config",
		func(at, message, fix string) { c.error(at, node.Key, message, fix) })
	if naming, ok := compiled.Kind.(kind.Naming); ok {
		for at, name := range naming.NodeNames() {
			c.names[c.source(pointer+"/config"+at)] = name
		}
	}
	return len(c.problems) == before
}

// others are the nodes that a kind can ask for while it is validated.
type others struct {
	flow  *Flow
	scope scope
}

func (o others) Visible(key string) (*everhook.Node, bool) { return o.scope.node(key) }
func (o others) VisibleKeys() []string                     { return o.scope.keys() }

func (o others) Kind(key string) kind.Kind {
	if node := o.flow.byKey[key]; node != nil {
		return node.Kind
	}
	return nil
}

// fields compiles the expressions and templates of a config, each in its environment, and returns their references.
func (c *compiler) fields(config any, pointer, node string, environment func(field string) (*expression.Environment,
	scope)) (uses expression.References) {
	expression.Walk(config, func(at string, field expression.Field) {
		c.flow.Fields[c.source(pointer+at)] = field
		if c.looking != nil {
			c.looking.at(pointer+at, func() *expression.Environment {
				place, _ := environment(at)
				return place
			}, nil)
		}
		if !field.IsSet() || c.errors >= maxErrors {
			return
		}
		place, s := environment(at)
		for _, p := range field.Compile(at, place) {
			c.report(kind.Problem{Pointer: pointer + p.Pointer, Node: node, Message: p.Message, Fix: p.Fix,
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

func (c *compiler) fieldScope(k kind.Kind, field string, node *everhook.Node, own scope,
	bodies map[string]scope) scope {
	scoper, ok := k.(kind.FieldScoper)
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
