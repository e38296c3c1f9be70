package compile

import (
	"fmt"
	"slices"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// scope is the part of the flow that is visible from a node: the nodes that may have run before it, and the loops
// around it. Scopes share common parts and are immutable.
type scope struct {
	latest *earlier
	loops  []string
	// failing is set in onFailure.
	failing bool
}

// earlier is a node that may have run, and through before all others that may have.
type earlier struct {
	node   *everhook.Node
	before *earlier
}

func (s scope) with(node *everhook.Node) scope {
	if node.Key != "" {
		s.latest = &earlier{node, s.latest}
	}
	return s
}

func (s scope) inside(loop *everhook.Node) scope {
	s.loops = append(slices.Clip(s.loops), loop.Key)
	return s
}

// after adds what came to be visible in a branch that began in start.
func (s scope) after(start, end scope) scope {
	for e := end.latest; e != start.latest; e = e.before {
		s = s.with(e.node)
	}
	return s
}

func (s scope) node(key string) (*everhook.Node, bool) {
	for e := s.latest; e != nil; e = e.before {
		if e.node.Key == key {
			return e.node, true
		}
	}
	return nil, false
}

// keys are the keys of the nodes, sorted.
func (s scope) keys() []string {
	var keys []string
	for e := s.latest; e != nil; e = e.before {
		keys = append(keys, e.node.Key)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// environment holds the names that expressions at a place may use, and for hidden names the reasons.
func (c *compiler) environment(node *everhook.Node, s scope, secrets bool) *expression.Environment {
	e := &expression.Environment{
		Roots: map[string]*expression.Shape{
			"nodes":  {Index: results{c, node, s, c.resultShape}},
			"errors": {Index: results{c, node, s, func(string) *expression.Shape { return errorShape }}},
			"system": systemShape, "env": anything, "trigger": anything,
		},
		Hidden:  map[string]string{},
		Secrets: secrets,
	}
	if c.flow.Trigger != nil {
		e.Roots["trigger"] = c.flow.Trigger.Shape()
	}
	if s.failing {
		e.Roots["failure"] = failureShape
	} else {
		e.Hidden["failure"] = "it exists only in onFailure"
	}
	if len(s.loops) == 0 {
		e.Hidden["loop"] = "it exists only inside a loop"
		e.Hidden["loops"] = "it exists only inside a loop"
		return e
	}
	e.Roots["loop"] = loopShape
	e.Roots["loops"] = &expression.Shape{Index: loops{c, s}}
	return e
}

// results resolves names after "nodes." or "errors." at the position of a node.
type results struct {
	c     *compiler
	node  *everhook.Node
	scope scope
	shape func(key string) *expression.Shape
}

func (r results) Names() []string { return r.scope.keys() }

func (r results) Look(key string) (*expression.Shape, string) {
	if _, ok := r.scope.node(key); ok {
		return r.shape(key), ""
	}
	if _, ok := r.c.places[key]; ok {
		return nil, r.c.whyHidden(r.node, key)
	}
	return nil, ""
}

// resultShape is what can exist below the result of a node that runs before. Runs are not checked, so for them it is
// anything.
func (c *compiler) resultShape(key string) *expression.Shape {
	node := c.flow.byKey[key]
	if !c.checking || node == nil || node.shape == nil {
		return anything
	}
	return node.shape
}

// loops resolves names after "loops.".
type loops struct {
	c     *compiler
	scope scope
}

func (l loops) Names() []string { return l.scope.loops }

func (l loops) Look(key string) (*expression.Shape, string) {
	if slices.Contains(l.scope.loops, key) {
		return loopShape, ""
	}
	if place, ok := l.c.places[key]; ok && l.c.iterates(place.node) {
		return nil, "the node does not stand inside that loop"
	}
	return nil, ""
}

var (
	anything  = &expression.Shape{}
	loopShape = &expression.Shape{Fields: map[string]*expression.Shape{"item": said("The element."),
		"index": said("Its place, counted from 0."), "sequence": said("Its place, counted from 1."),
		"length": said("How many there are.")}, Content: "item"}
	errorShape = &expression.Shape{Fields: map[string]*expression.Shape{"status": said("How the step ended."),
		"type": said("The kind of error."), "message": said("What went wrong."),
		"attempts": said("How often it was tried."), "response": {Fields: map[string]*expression.Shape{
			"status": anything, "headers": anything, "body": anything}, Open: true,
			Help: "The answer of the other system."}}, Content: "response"}

	failureShape = &expression.Shape{Fields: map[string]*expression.Shape{"status": said("How the run ended."),
		"node": said("The key of the step that failed."), "message": said("What went wrong.")}}

	systemShape = &expression.Shape{Fields: map[string]*expression.Shape{
		"now": said("The time of the run, the same on every replay."), "runId": said("The ID of the run."),
		"flow": {Fields: map[string]*expression.Shape{"key": anything, "version": anything, "title": anything}},
	}}
)

// said is anything, with what it is for people.
func said(help string) *expression.Shape { return &expression.Shape{Help: help} }

// iterates reports whether the node's kind is Iterating. Other than in Node, it is known before the node is compiled.
func (c *compiler) iterates(node *everhook.Node) bool {
	k, _ := c.registry.Kind(node.Type)
	_, ok := k.(kind.Iterating)
	return ok
}

// whyHidden says why node cannot see the result of the node called key.
func (c *compiler) whyHidden(node *everhook.Node, key string) string {
	if node.Key == key {
		return "it is this node itself, which has no result yet"
	}
	here, there := c.places[node.Key], c.places[key]
	for _, step := range here.path {
		if step.node.Key == key {
			return "this node stands inside it, and it has no result before it ends"
		}
	}
	shared := 0
	for shared < len(here.path) && shared < len(there.path) && here.path[shared] == there.path[shared] {
		shared++
	}
	if shared < len(here.path) && shared < len(there.path) && here.path[shared].node == there.path[shared].node {
		return fmt.Sprintf("it stands in branch %q of %q, and this node in branch %q", there.path[shared].branch,
			here.path[shared].node.Key, here.path[shared].branch)
	}
	for _, step := range there.path[shared:] {
		if step.node == node {
			return "it stands inside this node, and runs after this is evaluated"
		}
		if c.iterates(step.node) && step.branch != everhook.ErrorBranch {
			return fmt.Sprintf("it runs inside the loop %q; carry values out of it with the loop's `collect` or a "+
				"variable declared before it", step.node.Key)
		}
	}
	return "it runs later"
}
