package nodes

import (
	"fmt"
	"maps"
	"slices"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
)

// scope is what a node sees of the others: the nodes that may have run before it, and the loops around it.
type scope struct {
	visible map[string]*everhook.Node
	loops   []string
}

func (s scope) clone() scope {
	return scope{visible: maps.Clone(s.visible), loops: slices.Clone(s.loops)}
}

func (s scope) add(node *everhook.Node) {
	if node.Key != "" {
		s.visible[node.Key] = node
	}
}

func (s scope) merge(other scope) { maps.Copy(s.visible, other.visible) }

// environment is what expressions at a place may name, with the reasons for what they may not.
func (c *compiler) environment(node *everhook.Node, s scope, secrets bool) *expression.Environment {
	results := &expression.Shape{Fields: map[string]*expression.Shape{}, Hidden: map[string]string{}}
	failures := &expression.Shape{Fields: map[string]*expression.Shape{}, Hidden: results.Hidden}
	for key := range c.places {
		if _, ok := s.visible[key]; ok {
			results.Fields[key] = anything
			failures.Fields[key] = errorShape
		} else {
			results.Hidden[key] = c.whyHidden(node, key)
		}
	}
	e := &expression.Environment{
		Roots: map[string]*expression.Shape{
			"nodes": results, "errors": failures, "system": systemShape, "env": anything,
		},
		Hidden:  map[string]string{},
		Secrets: secrets,
	}
	if c.flow.Trigger != nil {
		e.Roots["trigger"] = c.flow.Trigger.Shape()
	} else {
		e.Roots["trigger"] = anything
	}
	if len(s.loops) == 0 {
		e.Hidden["loop"] = "it exists only inside a loop"
		e.Hidden["loops"] = "it exists only inside a loop"
		return e
	}
	e.Roots["loop"] = loopShape
	loops := &expression.Shape{Fields: map[string]*expression.Shape{}, Hidden: map[string]string{}}
	for key, place := range c.places {
		if slices.Contains(s.loops, key) {
			loops.Fields[key] = loopShape
		} else if place.node.Type == "loop" {
			loops.Hidden[key] = "the node does not stand inside that loop"
		}
	}
	e.Roots["loops"] = loops
	return e
}

var (
	anything   = &expression.Shape{}
	loopShape  = &expression.Shape{Fields: map[string]*expression.Shape{"item": anything, "index": anything, "sequence": anything, "length": anything}}
	errorShape = &expression.Shape{Fields: map[string]*expression.Shape{"status": anything, "type": anything, "message": anything, "attempts": anything, "response": anything}}

	systemShape = &expression.Shape{Fields: map[string]*expression.Shape{
		"now": anything, "runId": anything,
		"flow": {Fields: map[string]*expression.Shape{"key": anything, "version": anything, "title": anything}},
	}}
)

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
		return fmt.Sprintf("it stands in branch %q of %q, and this node in branch %q", there.path[shared].branch, here.path[shared].node.Key, here.path[shared].branch)
	}
	for _, step := range there.path[shared:] {
		if step.node == node {
			return "it stands inside this node, and runs after this is evaluated"
		}
		if step.node.Type == "loop" && step.branch != everhook.ErrorBranch {
			return fmt.Sprintf("it runs inside the loop %q; carry values out of it with the loop's `collect` or a variable declared before it", step.node.Key)
		}
	}
	return "it runs later"
}
