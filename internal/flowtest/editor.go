package flowtest

import (
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// editor replaces single fields of a YAML file, line by line. Writing the whole file would lose empty lines and the
// alignment of comments.
type editor struct {
	// lines end with their line break.
	lines []string
	// exact is false if a field could not be located; then the lines must not be used.
	exact bool
}

// place is a field of a mapping.
type place struct {
	mapping *yaml.Node
	name    string
}

// placeOf returns the smallest field of a test that has lines of its own and contains the target of a path below want.
// For a removal it searches from the top, because the lines of the target itself are removed.
func placeOf(test *yaml.Node, path []string, removed bool) place {
	found := place{test, "want"}
	at := field(test, "want")
	if removed {
		path = path[:len(path)-1]
	}
	for _, token := range path {
		name := pointerUnescape.Replace(token)
		if at.Style&yaml.FlowStyle != 0 {
			break
		}
		if at.Kind == yaml.SequenceNode {
			i, err := strconv.Atoi(name)
			if err != nil || i >= len(at.Content) {
				break
			}
			at = at.Content[i]
			continue
		}
		below := field(at, name)
		if below == nil {
			break
		}
		found, at = place{at, name}, below
	}
	return found
}

// replaceAll replaces fields from the last to the first, so that the line numbers of earlier fields stay valid. A field
// inside another one is written with it.
func (e *editor) replaceAll(places []place) {
	slices.SortStableFunc(places, func(a, b place) int { return b.line() - a.line() })
	for i, p := range places {
		if i > 0 && p == places[i-1] {
			continue
		}
		e.replace(p.mapping, p.name)
	}
}

func (p place) line() int { return p.mapping.Content[fieldIndex(p.mapping, p.name)].Line }

// replace rewrites a field of a mapping in its lines.
func (e *editor) replace(mapping *yaml.Node, name string) {
	key := mapping.Content[fieldIndex(mapping, name)]
	first, indent := key.Line-1, key.Column-1
	if !e.isBlock(mapping, first, indent) {
		return
	}
	last := e.lastLine(first, indent)
	e.put(mapping, name, e.lines[first][:indent], first, last+1)
}

// add appends a new field to a mapping.
func (e *editor) add(mapping *yaml.Node, name string) {
	first, indent := mapping.Line-1, mapping.Column-1
	if !e.isBlock(mapping, first, indent) {
		return
	}
	last := e.lastLine(first, indent-1)
	if !strings.HasSuffix(e.lines[last], "\n") {
		e.lines[last] += "\n"
	}
	e.put(mapping, name, strings.Repeat(" ", indent), last+1, last+1)
}

// element rewrites an element of a list that is written in { }, with a line for each field.
func (e *editor) element(mapping *yaml.Node) {
	first, indent := mapping.Line-1, mapping.Column-1
	prefix := e.lines[first][:indent]
	dash := strings.LastIndexByte(prefix, '-')
	if dash < 0 || strings.Trim(prefix, " -") != "" {
		e.exact = false
		return
	}
	mapping.Style &^= yaml.FlowStyle
	if value := mapping.Content[1]; value.Kind == yaml.ScalarNode && value.LineComment == "" {
		value.LineComment, mapping.LineComment = mapping.LineComment, "" // a block mapping cannot have a line comment
	}
	last := e.lastLine(first, dash)
	e.write(within(mapping, e.lines[first:last+1]), prefix, first, last+1)
}

// isBlock reports whether the field at a position is alone on its lines; if not, it unsets exact.
func (e *editor) isBlock(mapping *yaml.Node, line, indent int) bool {
	block := mapping.Style&yaml.FlowStyle == 0 && strings.Trim(e.lines[line][:indent], " -") == ""
	e.exact = e.exact && block
	return block
}

// put replaces lines by a field of a mapping.
func (e *editor) put(mapping *yaml.Node, name, prefix string, from, to int) {
	i := fieldIndex(mapping, name)
	e.write(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
		within(mapping.Content[i], e.lines[from:to]), within(mapping.Content[i+1], e.lines[from:to]),
	}}, prefix, from, to)
}

// write replaces lines by a mapping.
func (e *editor) write(mapping *yaml.Node, prefix string, from, to int) {
	text, err := encoded(mapping)
	if err != nil {
		e.exact = false
		return
	}
	fresh := strings.SplitAfter(string(text), "\n")
	fresh = fresh[:len(fresh)-1]
	for n := range fresh {
		switch {
		case n == 0:
			fresh[n] = prefix + fresh[n]
		case strings.TrimSpace(fresh[n]) != "":
			fresh[n] = strings.Repeat(" ", len(prefix)) + fresh[n]
		}
	}
	e.lines = slices.Concat(e.lines[:from], fresh, e.lines[to:])
}

// lastLine returns the last line of a field that begins on a line: the last non-empty line that is indented more than
// its key.
func (e *editor) lastLine(first, indent int) int {
	last := first
	for n := first + 1; n < len(e.lines); n++ {
		line := strings.TrimRight(e.lines[n], " \t\r\n")
		if line == "" {
			continue
		}
		if len(line)-len(strings.TrimLeft(line, " ")) <= indent {
			break
		}
		last = n
	}
	return last
}

// within copies a node without comments that are outside of the lines: the YAML library also attaches surrounding
// comments to a node.
func within(node *yaml.Node, lines []string) *yaml.Node {
	text := strings.Join(lines, "")
	inside := func(comment string) string {
		if strings.Contains(text, firstLine(comment)) {
			return comment
		}
		return ""
	}
	kept := *node
	kept.HeadComment, kept.LineComment, kept.FootComment = inside(node.HeadComment), inside(node.LineComment),
		inside(node.FootComment)
	kept.Content = make([]*yaml.Node, len(node.Content))
	for i, below := range node.Content {
		kept.Content[i] = within(below, lines)
	}
	return &kept
}
