// Package assist helps people to write expressions: which names can come next at a position, and what a name is. It
// knows what the compiler knows, so it needs no run.
package assist

import (
	"slices"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/expression"
)

// Sort is what a proposal is.
type Sort string

// The sorts of proposals.
const (
	Root     Sort = "root"
	Node     Sort = "node"
	Member   Sort = "member"
	Setting  Sort = "setting"
	Secret   Sort = "secret"
	Function Sort = "function"
)

// Proposal is one name that can come next.
type Proposal struct {
	// Name is what is written, Sort what it is.
	Name string `json:"name"`
	Sort Sort   `json:"sort"`
	// Title is the name for people, if it has one.
	Title string `json:"title,omitempty"`
	// Type is the type of the value, as far as it is known.
	Type string `json:"type,omitempty"`
	// Help is one line about it.
	Help string `json:"help,omitempty"`
	// Hidden is why it cannot be named here; empty if it can.
	Hidden string `json:"hidden,omitempty"`
}

// Completion are the proposals at a position of a text.
type Completion struct {
	// From and To are the part of the text that a proposal replaces, in bytes.
	From int `json:"from"`
	To   int `json:"to"`
	// Proposals begin with what is written before the position, the best first.
	Proposals []Proposal `json:"proposals"`
}

// maxProposals bounds a completion.
const maxProposals = 100

// Complete proposes names for the position in a text, in bytes. Whole says that all of the text is an expression;
// otherwise only what is between {{ and }}.
func Complete(text string, whole bool, offset int, place compile.Place) Completion {
	offset = min(max(offset, 0), len(text))
	result := Completion{From: offset, To: offset, Proposals: []Proposal{}}
	start := 0
	if !whole {
		if start = inside(text, offset); start < 0 {
			return result
		}
	}
	at, ok := read(text[start:offset])
	if !ok || place.Environment == nil {
		return result
	}
	result.From -= len(at.prefix)
	for result.To < len(text) && isName(text[result.To]) {
		result.To++
	}
	for _, p := range proposals(at, place, !whole) {
		if strings.HasPrefix(strings.ToLower(p.Name), strings.ToLower(at.prefix)) ||
			at.prefix != "" && strings.Contains(strings.ToLower(p.Title), strings.ToLower(at.prefix)) {
			result.Proposals = append(result.Proposals, p)
		}
	}
	slices.SortStableFunc(result.Proposals, func(a, b Proposal) int { return rank(a) - rank(b) })
	result.Proposals = result.Proposals[:min(len(result.Proposals), maxProposals)]
	return result
}

// rank puts what can be named before functions, and these before what is hidden.
func rank(p Proposal) int {
	switch {
	case p.Hidden != "":
		return 2
	case p.Sort == Function:
		return 1
	default:
		return 0
	}
}

// proposals are all names that can follow.
func proposals(at position, place compile.Place, template bool) []Proposal {
	if len(at.path) == 0 && !at.member {
		return slices.Concat(roots(place, template), functions())
	}
	if len(at.path) == 1 {
		switch at.path[0].name {
		case "nodes", "errors":
			return nodes(place)
		case "env":
			return names(place.Env, Setting)
		case "secret":
			return names(place.Secrets, Secret)
		}
	}
	return members(shapeAt(at, place.Environment))
}

func names(all []string, sort Sort) []Proposal {
	list := make([]Proposal, len(all))
	for i, name := range all {
		list[i] = Proposal{Name: name, Sort: sort}
	}
	return list
}

// rootHelp says what the names are that an expression begins with.
var rootHelp = map[string]string{
	"trigger": "The call that started the run.", "nodes": "Results of earlier steps.",
	"errors": "Why earlier steps failed.", "loop": "The iteration of the innermost loop.",
	"loops": "The iterations of the loops around.", "system": "The run itself.", "env": "Settings of the server.",
	"failure": "Why the run failed.", "input": "What the flow is called with.", "body": "The body of the call.",
	"query": "The query of the call.", "headers": "The headers of the call.",
	"secret": "Secrets of the server, alone between the braces.",
}

func roots(place compile.Place, template bool) []Proposal {
	var list []Proposal
	for _, name := range everhook.SortedKeys(place.Environment.Roots) {
		shape := place.Environment.Roots[name]
		list = append(list, Proposal{Name: name, Sort: Root, Type: string(shape.Type), Help: rootHelp[name]})
	}
	if place.Environment.Secrets && template {
		list = append(list, Proposal{Name: "secret", Sort: Root, Help: rootHelp["secret"]})
	}
	for _, name := range everhook.SortedKeys(place.Environment.Hidden) {
		list = append(list, Proposal{Name: name, Sort: Root, Help: rootHelp[name],
			Hidden: place.Environment.Hidden[name]})
	}
	return list
}

func functions() []Proposal {
	var list []Proposal
	for _, f := range expression.Functions() {
		list = append(list, Proposal{Name: f.Name, Sort: Function, Title: f.Signature, Help: f.Doc})
	}
	slices.SortStableFunc(list, func(a, b Proposal) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func nodes(place compile.Place) []Proposal {
	var list []Proposal
	for _, node := range place.Nodes {
		p := Proposal{Name: node.Key, Sort: Node, Title: node.Title, Hidden: node.Hidden}
		if node.Shape != nil {
			p.Type = string(node.Shape.Type)
		}
		list = append(list, p)
	}
	return list
}

func members(shape *expression.Shape) []Proposal {
	var list []Proposal
	for _, name := range compile.SortedNames(shape) {
		below := look(shape, name)
		p := Proposal{Name: name, Sort: Member}
		if below != nil {
			p.Title, p.Type, p.Help = below.Title, string(below.Type), below.Help
		}
		list = append(list, p)
	}
	if shape != nil {
		for _, name := range everhook.SortedKeys(shape.Hidden) {
			list = append(list, Proposal{Name: name, Sort: Member, Hidden: shape.Hidden[name]})
		}
	}
	return list
}

// look is the shape below a name; nil if it is not known.
func look(shape *expression.Shape, name string) *expression.Shape {
	switch {
	case shape == nil:
		return nil
	case shape.Index != nil:
		below, _ := shape.Index.Look(name)
		return below
	default:
		return shape.Fields[name]
	}
}

// shapeAt follows the path of a position; nil if it leads to nothing that is known.
func shapeAt(at position, environment *expression.Environment) *expression.Shape {
	var shape *expression.Shape
	for i, step := range at.path {
		if i == 0 {
			shape = environment.Roots[step.name]
			continue
		}
		// An element of a list has the members of the list.
		if !step.element {
			shape = look(shape, step.name)
		}
	}
	return shape
}
