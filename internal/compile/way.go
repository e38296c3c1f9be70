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

// Way is the path to the point at which a run can be continued for a node: the node itself if it is at the top level or
// in branches of a Choosing kind, else the node at that level that contains it. It is nil if there is no such node, or
// if the node is in onFailure.
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

// WaitsWithoutURL returns the nodes that wait for calls in a run that begins at the given node (empty: at the
// beginning), but whose URLs are not used by any node that runs again. No caller can know the URLs of these nodes,
// because each run has its own.
func (f *Flow) WaitsWithoutURL(key string) []string {
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
	used := map[string]bool{}
	waits := usedURLs(again, used, nil)
	return slices.DeleteFunc(waits, func(wait string) bool { return used[wait] })
}

// usedURLs records the nodes whose URLs are used, and appends the nodes that wait.
func usedURLs(list []*Node, used map[string]bool, waits []string) []string {
	for _, node := range list {
		for _, wait := range node.fields.Resume {
			used[wait] = true
		}
		if waitsForCall(node.Kind) {
			waits = append(waits, node.Key)
		}
		for _, branch := range node.Branches {
			waits = usedURLs(node.branches[branch.Name], used, waits)
		}
	}
	return waits
}
