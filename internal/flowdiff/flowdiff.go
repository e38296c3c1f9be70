// Package flowdiff compares two definitions of a flow by their structure: nodes that were added, removed or moved, and
// fields that have another value.
package flowdiff

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/everhook/everhook"
)

// Kind says what a Change is.
type Kind string

// The kinds of changes.
const (
	Added   Kind = "added"
	Removed Kind = "removed"
	Moved   Kind = "moved"
	Changed Kind = "changed"
)

// Change is one difference of two definitions.
type Change struct {
	Kind Kind `json:"kind"`
	// Node is the key of the node; empty for the flow itself.
	Node string `json:"node,omitempty"`
	// Pointer leads to the changed value within the node or the flow; only for changed.
	Pointer string `json:"pointer,omitempty"`
	// From and To are the lists of nodes before and after, for example "nodes" or "paid/yes".
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Before and After are the values; missing if there is none.
	Before *everhook.Value `json:"before,omitempty"`
	After  *everhook.Value `json:"after,omitempty"`
	// Text says it for people, in one line.
	Text string `json:"text"`
}

// Compare returns the changes from one definition to another, in the order of the flow; none if they are equal. A nil
// definition is a flow without nodes and fields.
func Compare(before, after *everhook.Definition) ([]Change, error) {
	old, err := read(before)
	if err != nil {
		return nil, err
	}
	now, err := read(after)
	if err != nil {
		return nil, err
	}
	changes := fields("", "", old.fields, now.fields)
	for _, key := range now.order {
		was, is := old.nodes[key], now.nodes[key]
		if was == nil {
			changes = append(changes, Change{Kind: Added, Node: key, To: is.list,
				Text: fmt.Sprintf("node %s (%s) added to %s", key, is.kind, is.list)})
			continue
		}
		if was.list != is.list || slices.Contains(reordered(old.lists[is.list], now.lists[is.list]), key) {
			changes = append(changes, Change{Kind: Moved, Node: key, From: was.list, To: is.list,
				Text: moved(key, was.list, is.list)})
		}
		changes = append(changes, fields(key, "", was.fields, is.fields)...)
	}
	for _, key := range old.order {
		if now.nodes[key] == nil {
			was := old.nodes[key]
			changes = append(changes, Change{Kind: Removed, Node: key, From: was.list,
				Text: fmt.Sprintf("node %s (%s) removed from %s", key, was.kind, was.list)})
		}
	}
	return changes, nil
}

func moved(key, from, to string) string {
	if from == to {
		return fmt.Sprintf("node %s moved within %s", key, to)
	}
	return fmt.Sprintf("node %s moved from %s to %s", key, from, to)
}

// flow is a definition by its nodes.
type flow struct {
	fields map[string]any
	nodes  map[string]*node
	// order are the keys of the nodes as they are written; lists are those of each list of nodes.
	order []string
	lists map[string][]string
}

type node struct {
	kind, list string
	fields     map[string]any
}

func read(definition *everhook.Definition) (*flow, error) {
	f := &flow{nodes: map[string]*node{}, lists: map[string][]string{}, fields: map[string]any{}}
	if definition == nil {
		return f, nil
	}
	head := *definition
	head.Nodes, head.OnFailure = nil, nil
	var err error
	if f.fields, err = mapping(head); err != nil {
		return nil, err
	}
	if err := f.add("nodes", definition.Nodes); err != nil {
		return nil, err
	}
	return f, f.add("onFailure", definition.OnFailure)
}

func (f *flow) add(list string, nodes []everhook.Node) error {
	for _, n := range nodes {
		head := n
		head.Branches = nil
		values, err := mapping(head)
		if err != nil {
			return err
		}
		f.nodes[n.Key] = &node{n.Type, list, values}
		f.order, f.lists[list] = append(f.order, n.Key), append(f.lists[list], n.Key)
		for _, branch := range n.Branches {
			if err := f.add(n.Key+"/"+branch.Name, branch.Nodes); err != nil {
				return err
			}
		}
	}
	return nil
}

// mapping is the canonical form of a struct.
func mapping(v any) (map[string]any, error) {
	data, err := everhook.EncodeJSON(v)
	if err != nil {
		return nil, err
	}
	parsed, err := everhook.ParseJSON(data)
	if err != nil {
		return nil, err
	}
	values, _ := parsed.(map[string]any)
	return values, nil
}

// fields compares two mappings.
func fields(key, pointer string, before, after map[string]any) (changes []Change) {
	names := everhook.SortedKeys(before)
	for _, name := range everhook.SortedKeys(after) {
		if _, ok := before[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		was, had := before[name]
		is, has := after[name]
		below := pointer + "/" + escape.Replace(name)
		inner, isMapping := is.(map[string]any)
		outer, wasMapping := was.(map[string]any)
		switch {
		case had && has && isMapping && wasMapping:
			changes = append(changes, fields(key, below, outer, inner)...)
		case had != has || !reflect.DeepEqual(was, is):
			changes = append(changes, changed(key, below, was, had, is, has))
		}
	}
	return changes
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

func changed(key, pointer string, was any, had bool, is any, has bool) Change {
	c := Change{Kind: Changed, Node: key, Pointer: pointer}
	what := "flow"
	if key != "" {
		what = "node " + key
	}
	name := strings.ReplaceAll(strings.TrimPrefix(pointer, "/"), "/", ".")
	switch {
	case !had:
		c.After = everhook.Of(is)
		c.Text = fmt.Sprintf("%s: %s set to %s", what, name, shown(is))
	case !has:
		c.Before = everhook.Of(was)
		c.Text = fmt.Sprintf("%s: %s %s removed", what, name, shown(was))
	default:
		c.Before, c.After = everhook.Of(was), everhook.Of(is)
		c.Text = fmt.Sprintf("%s: %s %s → %s", what, name, shown(was), shown(is))
	}
	return c
}

// maxShown bounds a value in a line, in characters.
const maxShown = 60

func shown(v any) string {
	data, err := everhook.EncodeJSON(v)
	if err != nil {
		return err.Error()
	}
	return everhook.Shorten(string(data), maxShown)
}

// reordered returns the keys of a list that have another place among those that were in it before: all that are not in
// the longest common order.
func reordered(before, after []string) []string {
	before = slices.DeleteFunc(slices.Clone(before), func(key string) bool { return !slices.Contains(after, key) })
	after = slices.DeleteFunc(slices.Clone(after), func(key string) bool { return !slices.Contains(before, key) })
	if slices.Equal(before, after) {
		return nil
	}
	// longest[i][j] is the length of the longest common order of before[i:] and after[j:].
	longest := make([][]int, len(before)+1)
	for i := range longest {
		longest[i] = make([]int, len(after)+1)
	}
	for i := len(before) - 1; i >= 0; i-- {
		for j := len(after) - 1; j >= 0; j-- {
			longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			if before[i] == after[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			}
		}
	}
	var out []string
	for i, j := 0, 0; j < len(after); {
		switch {
		case i < len(before) && before[i] == after[j]:
			i, j = i+1, j+1
		case i < len(before) && longest[i+1][j] >= longest[i][j+1]:
			i++
		default:
			out, j = append(out, after[j]), j+1
		}
	}
	return out
}
