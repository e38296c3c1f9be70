package flowgen

import (
	"github.com/everhook/everhook"
)

// Positions returns the positions that a node can have, by their names in Walk.
func Positions() []string {
	return []string{
		"top", "then", "else", "case", "otherwise", "loop", "parallel all", "parallel any", "parallel race",
		"parallel allSettled", "error branch", "after a caught error", "onFailure",
	}
}

// Walk visits every node of a definition with its position: that of its list and, if the node before it catches errors,
// also "after a caught error".
func Walk(d *everhook.Definition, visit func(position string, node *everhook.Node)) {
	walk("top", d.Nodes, visit)
	walk("onFailure", d.OnFailure, visit)
}

func walk(position string, nodes []everhook.Node, visit func(string, *everhook.Node)) {
	for i := range nodes {
		node := &nodes[i]
		visit(position, node)
		if i > 0 && (nodes[i-1].OnError == everhook.OnErrorContinue || nodes[i-1].OnError == everhook.OnErrorBranch) {
			visit("after a caught error", node)
		}
		for _, branch := range node.Branches {
			walk(below(node, branch.Name), branch.Nodes, visit)
		}
	}
}

func below(node *everhook.Node, branch string) string {
	if branch == everhook.ErrorBranch {
		return "error branch"
	}
	switch node.Type {
	case "loop":
		return "loop"
	case "parallel":
		if mode, ok := node.Config["mode"].(string); ok {
			return "parallel " + mode
		}
		return "parallel all"
	case "multi-conditions":
		if branch != "otherwise" {
			return "case"
		}
	}
	return branch
}
