package kind

import (
	"fmt"
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
)

// Problem is something wrong with a definition, or with Warning set something that works and is likely a mistake.
type Problem struct {
	// Pointer leads to the place in the definition: a JSON pointer (RFC 6901).
	Pointer string
	// Node is the key of the node, empty outside nodes.
	Node string
	// Message says what is wrong, Fix how to correct it.
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

// Validation is what Validate of a kind or a trigger sees of the flow, and where it reports problems.
type Validation struct {
	// Definition is the whole flow.
	Definition *everhook.Definition
	// Trigger is the config of the flow's trigger; nil if it cannot be decoded, or if it is the one that is validated.
	Trigger Trigger
	// Node is the node that is validated; nil for a trigger.
	Node *everhook.Node
	// Nodes are the nodes that run before, and those below; nil for a trigger.
	Nodes Nodes

	pointer string
	report  func(Problem)
}

// Nodes finds other nodes of a flow for the node that is validated.
type Nodes interface {
	// Visible gives the node of that key if it runs before, where its result can be read.
	Visible(key string) (*everhook.Node, bool)
	// VisibleKeys are the keys of all nodes that run before, sorted.
	VisibleKeys() []string
	// Kind gives the decoded config of a node that runs before or stands in a branch; nil if there is none.
	Kind(key string) Kind
}

// NewValidation makes a Validation that reports to places below a JSON pointer of the definition. The compiler calls
// it, and so do tests of kinds.
func NewValidation(pointer string, report func(Problem)) *Validation {
	return &Validation{pointer: pointer, report: report}
}

// Below reports to places below a pointer, such as "/config".
func (v *Validation) Below(pointer string) *Validation {
	below := *v
	below.pointer += pointer
	return &below
}

// Flow reports to places of the whole flow, such as "/options/wait".
func (v *Validation) Flow() *Validation {
	flow := *v
	flow.Node, flow.pointer = nil, ""
	return &flow
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
	for _, name := range v.Branches() {
		if !slices.Contains(names, name) {
			v.Error("/branches/"+name, fmt.Sprintf("the node has no branch %q", name), strict.Suggest(name, names))
		}
	}
}

// Branches are the names of the node's branches, without the branch for errors.
func (v *Validation) Branches() []string {
	var names []string
	for _, branch := range v.Node.Branches {
		if branch.Name != everhook.ErrorBranch {
			names = append(names, branch.Name)
		}
	}
	return names
}

// Headers reports names of headers that the check refuses, and names that differ in their case only. The pointer leads
// to the mapping.
func (v *Validation) Headers(pointer string, names []string, check func(name string) error) {
	seen := map[string]string{}
	for _, name := range names {
		at, lower := strict.Pointer(pointer, name), strings.ToLower(name)
		if err := check(name); err != nil {
			v.Error(at, err.Error(), "correct or remove this header")
		} else if seen[lower] != "" {
			v.Error(at, fmt.Sprintf("%s and %s are the same header", seen[lower], name), "keep one of them")
		}
		seen[lower] = name
	}
}

func (v *Validation) key() string {
	if v.Node == nil {
		return ""
	}
	return v.Node.Key
}
