package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/expression"
	"github.com/everhook/everhook/nodes/kind"
)

// Place is what can be named at one place of a definition.
type Place struct {
	// Environment has the names. It is nil where nothing is evaluated.
	Environment *expression.Environment
	// Node is the node that the place belongs to; nil for the trigger.
	Node *everhook.Node
	// Nodes are all nodes of the flow in the order of the file.
	Nodes []NamedNode
	// Env and Secrets are the names of settings and secrets that the flow refers to, sorted.
	Env, Secrets []string
}

// NamedNode is a node as seen from a place.
type NamedNode struct {
	*everhook.Node
	// Pointer leads to the node in the definition.
	Pointer string
	// Shape is what can exist below its result; nil if the result is hidden there.
	Shape *expression.Shape
	// Hidden is why its result cannot be read there; empty if it can.
	Hidden string
}

// NamesAt finds what can be named in the value at a JSON pointer. The definition may have errors, and the value may be
// missing: then it is what a value there could name.
func NamesAt(d *everhook.Definition, registry *kind.Registry, pointer string) Place {
	c := newCompiler(d, registry, true)
	c.looking = &looking{pointer: pointer}
	c.compile()
	place := Place{Environment: c.looking.environment, Node: c.looking.node, Env: c.flow.Env, Secrets: c.flow.Secrets}
	if place.Environment == nil {
		return place
	}
	var index expression.Index
	if nodes := place.Environment.Roots["nodes"]; nodes != nil {
		index = nodes.Index
	}
	walk(d, func(node *everhook.Node, pointer string) {
		if node.Key == "" {
			return
		}
		named := NamedNode{Node: node, Pointer: pointer}
		if index != nil {
			named.Shape, named.Hidden = index.Look(node.Key)
		}
		if named.Shape == nil && named.Hidden == "" {
			named.Hidden = "results of steps cannot be read here"
		}
		place.Nodes = append(place.Nodes, named)
	})
	return place
}

// walk calls back for every node in the order of the file, as deep as nodes may be nested.
func walk(d *everhook.Definition, visit func(node *everhook.Node, pointer string)) {
	var list func(nodes []everhook.Node, pointer string, depth int)
	list = func(nodes []everhook.Node, pointer string, depth int) {
		if depth > MaxNodeDepth {
			return
		}
		for i := range nodes {
			at := fmt.Sprintf("%s/%d", pointer, i)
			visit(&nodes[i], at)
			for _, branch := range nodes[i].Branches {
				list(branch.Nodes, at+"/branches/"+branch.Name, depth+1)
			}
		}
	}
	list(d.Nodes, "/nodes", 0)
	list(d.OnFailure, "/onFailure", 0)
}

// looking finds the names at a pointer while a definition is compiled. The deepest place that contains the pointer
// counts.
type looking struct {
	pointer     string
	found       string
	environment *expression.Environment
	node        *everhook.Node
}

// at is told of a place. The node is that of the place, or nil for a field.
func (l *looking) at(pointer string, environment func() *expression.Environment, node *everhook.Node) {
	if l.pointer != pointer && !strings.HasPrefix(l.pointer, pointer+"/") || len(pointer) < len(l.found) {
		return
	}
	if node != nil {
		l.node = node
	}
	l.found, l.environment = pointer, environment()
}

// SortedNames are the names that can stand after a shape.
func SortedNames(shape *expression.Shape) []string {
	if shape == nil {
		return nil
	}
	if shape.Index != nil {
		names := slices.Clone(shape.Index.Names())
		slices.Sort(names)
		return slices.Compact(names)
	}
	return everhook.SortedKeys(shape.Fields)
}
