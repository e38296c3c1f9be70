// Package kind is the contract that kinds of nodes and triggers are written to, inside this repository and outside.
//
// A kind is a config struct. Its fields are what a flow file writes, and their comments are the manual: the reference
// page, the JSON Schema and the console are made from them.
//
// The life of a kind, in order:
//
//  1. The program adds it to a Registry, once, when it starts.
//  2. A flow is compiled. For each node, a new config is decoded strictly from the file, its expressions and templates
//     are compiled for their place, and Validate reports what else is wrong. From then on, many runs read the config at
//     once, and nothing writes to it.
//  3. A run reaches the node and calls Execute, in workflow code. It may evaluate fields, run branches, wait, and call
//     activities, all through Run. A replay calls it again, and it must then do the same: no clock, no randomness, no
//     I/O, no ranging over maps.
//
// Small interfaces (Iterating, Choosing, FieldScoper, …) tell the compiler and the interpreter what they must know
// about a kind. A kind from outside that implements them is treated in the same way as a built-in one.
package kind

import (
	"time"

	"github.com/everhook/everhook/nodes/expression"
)

// Kind is a type of node. Its implementation is the config struct of one node, through a pointer. It is also either
// Pure or Waiting, which have the method that does the work.
type Kind interface {
	// Spec describes the kind; it is the same for every config.
	Spec() Spec
	// Validate reports every problem that the types of the config and its expressions leave open. It does no I/O.
	Validate(v *Validation)
}

// Result is the result of a step that resolved.
type Result struct {
	// Value is seen by later nodes as nodes.<key>. The engine makes it canonical unless Spec.Canonical says that it is.
	Value any
}

// Group is a chapter of the reference page.
type Group string

// The groups, in the order of the reference page.
const (
	Control     Group = "Control"
	Calculating Group = "Calculation"
	Callbacks   Group = "Callbacks"
	Effects     Group = "Effects"
	Answers     Group = "Answers"
)

// Spec describes a kind for the reference page, the JSON Schema and the engine.
type Spec struct {
	// Kind is the name in flow files. It is stored in definitions and step logs: it is never edited. To rename a kind,
	// give it the new name and list the old one in Aliases.
	Kind string
	// Aliases are earlier names. A flow that has one still compiles and runs, with a warning that says the new name.
	Aliases []string
	// Group is the chapter of the kind on the reference page.
	Group Group
	// Summary is one sentence about the purpose of the kind.
	Summary string
	// Result says what nodes.<key> holds afterwards.
	Result string
	// Members are the members of the result, if it is always the same mapping of them; nil: anything. Expressions are
	// checked against them, and the reference page shows them. A kind whose result depends on the config is Shaping.
	Members []Member
	// Type is the type of a result that is no mapping, if it is always the same; empty: any.
	Type expression.Type
	// Failures says when it ends failed, and when in error.
	Failures string
	// Branches are the branches it can have.
	Branches []BranchSpec
	// NamedBranches is set when the config gives further branches their names; Validate then checks them.
	NamedBranches bool
	// Canonical is set if every result is a canonical value already (see everhook.Canonical): numbers are int or
	// float64, lists []any, mappings map[string]any. The engine converts the results of other kinds.
	Canonical bool
	// Effect describes kinds that act on other systems through an activity; nil for the others.
	Effect *EffectSpec
	// Example is one node as YAML; the tests run it.
	Example string
}

// Member is one member of the result of a kind, or of a member that is a mapping or a list of mappings.
type Member struct {
	Name string
	// Summary says what it holds.
	Summary string
	// Type is its type; empty: any. With Members it is a mapping unless it is a list.
	Type expression.Type
	// Members are those of the mapping, or of each element of the list.
	Members []Member
	// Content is set for the member in which a name that does not exist was probably meant: for nodes.x.id, the fix
	// names nodes.x.body.id.
	Content bool
}

// Shape is what expressions can find below a result of the kind.
func (s Spec) Shape() *expression.Shape { return shapeOf(s.Type, s.Members) }

// shapeOf is the shape of a value of a type with members.
func shapeOf(of expression.Type, members []Member) *expression.Shape {
	shape := &expression.Shape{Type: of}
	if members == nil {
		return shape
	}
	if shape.Type == "" {
		shape.Type = expression.Mapping
	}
	shape.Fields = map[string]*expression.Shape{}
	for _, member := range members {
		below := shapeOf(member.Type, member.Members)
		below.Help = member.Summary
		shape.Fields[member.Name] = below
		if member.Content {
			shape.Content = member.Name
		}
	}
	return shape
}

// BranchSpec describes one branch of a kind.
type BranchSpec struct {
	Name     string
	Required bool
	// Summary says when it runs.
	Summary string
}

// EffectSpec gives the defaults of a kind with effects. Such kinds take timeout and retry on the node, and secrets in
// templates.
type EffectSpec struct {
	// Timeout bounds one attempt.
	Timeout time.Duration
	// MaxAttempts counts all attempts.
	MaxAttempts int
}
