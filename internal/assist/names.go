package assist

import (
	"regexp"
	"strconv"

	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/nodes/expression"
)

// NameGroup are values that come from one place.
type NameGroup struct {
	// Name is call, results, loop, system, settings, secrets or failure.
	Name  string `json:"name"`
	Names []Name `json:"names"`
}

// Name is one value that can be named.
type Name struct {
	// Text names it in an expression.
	Text string `json:"text"`
	// Title is what people call it.
	Title string `json:"title"`
	// Node is the key of the node whose result it is, or is part of.
	Node string `json:"node,omitempty"`
	Type string `json:"type,omitempty"`
	Help string `json:"help,omitempty"`
	// Hidden is why it cannot be named here; empty if it can.
	Hidden string `json:"hidden,omitempty"`
}

// Bounds of a list of names.
const (
	maxNames     = 2000
	maxNameDepth = 8
)

// groupRoots are the roots of the groups, in the order in which people need them.
var groupRoots = []struct{ group, root string }{
	{"call", "trigger"}, {"call", "body"}, {"call", "query"}, {"call", "headers"}, {"call", "input"},
	{"loop", "loop"}, {"failure", "failure"}, {"system", "system"},
}

// Names lists what can be named at a place, by groups. Groups without names are left out.
func Names(place compile.Place) []NameGroup {
	groups := []NameGroup{}
	if place.Environment == nil {
		return groups
	}
	add := func(name string, values []Name) {
		switch last := len(groups) - 1; {
		case len(values) == 0:
		case last >= 0 && groups[last].Name == name:
			groups[last].Names = append(groups[last].Names, values...)
		default:
			groups = append(groups, NameGroup{name, values})
		}
	}
	for _, g := range groupRoots {
		if g.root == "loop" {
			add("results", results(place))
		}
		if shape, ok := place.Environment.Roots[g.root]; ok {
			add(g.group, leaves(g.root, shape, 0))
		}
	}
	add("settings", simple(place.Env, "env."))
	if place.Environment.Secrets {
		add("secrets", simple(place.Secrets, "secret."))
	}
	return groups
}

func simple(names []string, prefix string) []Name {
	var values []Name
	for _, name := range names {
		values = append(values, Name{Text: prefix + name, Title: name})
	}
	return values
}

func results(place compile.Place) []Name {
	var values []Name
	for _, node := range place.Nodes {
		if place.Node != nil && node.Key == place.Node.Key {
			continue
		}
		v := Name{Text: "nodes." + node.Key, Title: node.Name(), Node: node.Key, Hidden: node.Hidden}
		if node.Shape == nil {
			values = append(values, v)
			continue
		}
		v.Type = string(node.Shape.Type)
		values = append(values, v)
		for _, name := range compile.SortedNames(node.Shape) {
			below := look(node.Shape, name)
			member := Name{Text: v.Text + access(name), Title: node.Name() + " › " + name, Node: node.Key}
			if below != nil {
				member.Type, member.Help = string(below.Type), below.Help
			}
			values = append(values, member)
		}
		if len(values) > maxNames {
			break
		}
	}
	return values
}

// leaves are the values below a name that have nothing known below them.
func leaves(text string, shape *expression.Shape, depth int) []Name {
	names := compile.SortedNames(shape)
	if len(names) == 0 || depth == maxNameDepth {
		if depth == 0 || shape == nil || shape.Fields != nil {
			return nil
		}
		title := shape.Title
		if title == "" {
			title = text
		}
		return []Name{{Text: text, Title: title, Type: string(shape.Type), Help: shape.Help}}
	}
	var values []Name
	for _, name := range names {
		values = append(values, leaves(text+access(name), look(shape, name), depth+1)...)
		if len(values) > maxNames {
			break
		}
	}
	return values
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// access is how a member is named after a value.
func access(name string) string {
	if plainName.MatchString(name) {
		return "." + name
	}
	return "[" + strconv.Quote(name) + "]"
}
