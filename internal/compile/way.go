package compile

import (
	"slices"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/nodes/kind"
)

// Waypoint is a node on the way from the top of a flow to another, and the branch that the way goes on through; empty
// for the last one.
type Waypoint struct {
	Node   *Node
	Branch string
}

// Way leads to where a run can be continued for the node of that key: to the node itself at the top level or in
// branches of an Choosing, else to the container in which it stands there. Nil: there is no such node, or it stands in
// onFailure, which runs because a run has failed.
func (f *Flow) Way(key string) []Waypoint {
	var way []Waypoint
	for list := f.Nodes; ; {
		at := slices.IndexFunc(list, func(node *Node) bool {
			return node.Key == key ||
				slices.Contains(node.Below, key)
		})
		if at < 0 {
			return nil
		}
		node := list[at]
		branch := node.enteredFor(key)
		way = append(way, Waypoint{node, branch})
		if branch == "" {
			return way
		}
		list = node.Branch(branch)
	}
}

// enteredFor is the branch with the node of that key if a run can be continued in it.
func (c *Node) enteredFor(key string) string {
	if _, ok := c.Kind.(kind.Choosing); !ok || c.Key == key {
		return ""
	}
	for _, branch := range c.Branches {
		if branch.Name != everhook.ErrorBranch && slices.Contains(c.below[branch.Name], key) {
			return branch.Name
		}
	}
	return ""
}

// markLine marks the nodes to which a way leads.
func markLine(list []*Node) {
	for _, node := range list {
		node.OnLine = true
		if _, ok := node.Kind.(kind.Choosing); !ok {
			continue
		}
		for _, branch := range node.Branches {
			if branch.Name != everhook.ErrorBranch {
				markLine(node.branches[branch.Name])
			}
		}
	}
}

// Unannounced are the nodes that wait for calls in a run that goes on at the node of that key (empty: at the
// beginning), and whose URLs no node gives away that runs there: nobody has them, as they are of the one run.
func (f *Flow) Unannounced(key string) []string {
	again := f.Nodes
	if key != "" {
		again = nil
		list := f.Nodes
		for _, stop := range f.Way(key) {
			at := slices.Index(list, stop.Node)
			if again = append(again, list[at+1:]...); stop.Branch == "" {
				again = append(again, stop.Node)
			}
			list = stop.Node.Branch(stop.Branch)
		}
	}
	announced := map[string]bool{}
	waits := announce(again, announced, nil)
	return slices.DeleteFunc(waits, func(wait string) bool { return announced[wait] })
}

// announce notes whose URLs the nodes and those below them give away, and appends those that wait.
func announce(list []*Node, announced map[string]bool, waits []string) []string {
	for _, node := range list {
		for _, wait := range node.fields.Resume {
			announced[wait] = true
		}
		if waitsForCall(node.Kind) {
			waits = append(waits, node.Key)
		}
		for _, branch := range node.Branches {
			waits = announce(node.branches[branch.Name], announced, waits)
		}
	}
	return waits
}
