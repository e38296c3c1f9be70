package nodes

import (
	"fmt"
	"slices"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
)

// Problem is something wrong with a definition, or with Warning set something that works and is likely a mistake.
type Problem struct {
	// Pointer leads to the place in the definition: a JSON pointer (RFC 6901).
	Pointer string
	// Node is the key of the node, empty outside nodes.
	Node string
	// Message says what is wrong, Fix what to do about it.
	Message, Fix string
	Warning      bool
}

func (p Problem) Error() string {
	text := p.Pointer + ": " + p.Message
	if p.Node != "" {
		text = "node " + p.Node + ": " + p.Message
	}
	if p.Fix != "" {
		text += " (" + p.Fix + ")"
	}
	return text
}

// Validation is what a kind's Validate sees and reports to.
type Validation struct {
	// Definition is the whole flow.
	Definition *everhook.Definition
	// Node is the node that is validated; nil for a trigger.
	Node *everhook.Node

	pointer string
	scope   scope
	report  func(Problem)
}

// Error reports a problem. The pointer is relative to the node ("/config/expression", "/branches/then") or to the
// trigger block ("/token").
func (v *Validation) Error(pointer, message, fix string) {
	v.report(Problem{Pointer: v.pointer + pointer, Node: v.key(), Message: message, Fix: fix})
}

// Warn reports something that works and is likely a mistake.
func (v *Validation) Warn(pointer, message, fix string) {
	v.report(Problem{Pointer: v.pointer + pointer, Node: v.key(), Message: message, Fix: fix, Warning: true})
}

// HasBranch reports whether the node has that branch.
func (v *Validation) HasBranch(name string) bool {
	_, ok := v.Node.Branches.Get(name)
	return ok
}

// OnlyBranches reports branches of other names.
func (v *Validation) OnlyBranches(names []string) {
	for _, name := range v.branchNames() {
		if !slices.Contains(names, name) {
			v.Error("/branches/"+name, fmt.Sprintf("the node has no branch %q", name), v.didYouMean(name, names))
		}
	}
}

// Visible gives the node of that key if it runs before this one, where its result can be read.
func (v *Validation) Visible(key string) (*everhook.Node, bool) {
	return v.scope.node(key)
}

func (v *Validation) key() string {
	if v.Node == nil {
		return ""
	}
	return v.Node.Key
}

// branchNames are the branches without the reserved one.
func (v *Validation) branchNames() []string {
	var names []string
	for _, branch := range v.Node.Branches {
		if branch.Name != everhook.ErrorBranch {
			names = append(names, branch.Name)
		}
	}
	return names
}

func (v *Validation) variables() []string {
	var keys []string
	for _, key := range v.scope.keys() {
		if node, _ := v.scope.node(key); node.Type == "variable" && node.Config["target"] == nil {
			keys = append(keys, key)
		}
	}
	return keys
}

func (v *Validation) didYouMean(name string, candidates []string) string {
	if nearest := strict.Nearest(name, candidates); nearest != "" {
		return fmt.Sprintf("did you mean %q?", nearest)
	}
	if len(candidates) == 0 {
		return ""
	}
	return "there is " + list(candidates)
}

func list(names []string) string {
	text := ""
	for i, name := range names {
		switch {
		case i > 0 && i == len(names)-1:
			text += " and "
		case i > 0:
			text += ", "
		}
		text += name
	}
	return text
}
