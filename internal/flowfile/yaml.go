package flowfile

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/strict"
)

// parseYAML reads YAML with JSON's types. If a value without quotes makes the text invalid, parseYAML continues as if
// it were quoted, so that one report has all such values.
func parseYAML(r *report) (*place, any) {
	root, intended := readTolerantly(r)
	if root == nil {
		return nil, nil
	}
	reader := yamlReader{report: r, intended: intended}
	return reader.value(root, false)
}

// yamlReader turns nodes into places and values.
type yamlReader struct {
	*report
	// intended has the texts of repaired values, by offset.
	intended map[int]string
	path     []string
	values   int
	tooMany  bool
	looks    int
	// taken is the end of a text that was taken as one value although YAML sees several: entries that start before it
	// are ignored.
	taken int
	// indent is the indentation of the innermost block mapping or list: the column of its keys or dashes, from 0.
	indent int
}

// value reads one node. Inside a flow collection, { } or [ ], flow is set.
func (y *yamlReader) value(n *yaml.Node, flow bool) (*place, any) {
	at := &place{offset: y.source.offset(n.Line-1, n.Column)}
	at.key, at.keyEnd, at.end = at.offset, at.offset, at.offset
	if !y.within(at.offset, n.Kind) {
		return at, nil
	}
	if text, ok := y.intended[at.offset]; ok {
		y.locate(at.offset)
		return y.text(at, text)
	}
	switch mark := y.markOf(n, at.offset); {
	case mark != "" && (n.Kind == yaml.ScalarNode || n.Kind == yaml.AliasNode):
		text := y.meant(at.offset, flow)
		y.add(at.offset, y.path, markMessages[mark], quoteFix(text))
		y.text(at, text)
		if mark == "tag" {
			at.scalar.Tag = firstWord(text)
		}
		return at, at.scalar.Text
	case mark != "":
		y.add(at.offset, y.path, markMessages[mark], "remove it")
	}
	switch n.Kind {
	case yaml.MappingNode:
		if y.asText(n, at, flow) {
			return at, at.scalar.Text
		}
		return y.mapping(n, at, flow || n.Style&yaml.FlowStyle != 0)
	case yaml.SequenceNode:
		return y.list(n, at, flow || n.Style&yaml.FlowStyle != 0)
	default:
		return y.scalar(n, at, flow)
	}
}

// within counts a value against the limits and reports the first limit that is exceeded.
func (y *yamlReader) within(offset int, kind yaml.Kind) bool {
	y.values++
	switch {
	case y.values > MaxValues:
		if !y.tooMany {
			y.add(offset, y.path, fmt.Sprintf("more than %d values", MaxValues), "move large data out of the flow")
			y.tooMany = true
		}
		return false
	case len(y.path) >= everhook.MaxDepth && kind != yaml.ScalarNode:
		y.add(offset, y.path, fmt.Sprintf("nested deeper than %d", everhook.MaxDepth), "")
		return false
	}
	return true
}

// maxLooks bounds the number of values whose meaning is guessed.
const maxLooks = 2000

// meant guesses the meaning of an unquoted value, for the first maxLooks ones.
func (y *yamlReader) meant(offset int, flow bool) string {
	if y.looks++; y.looks > maxLooks {
		return ""
	}
	return y.source.raw(offset, flow)
}

// locate adds the position of a repaired value to its problem.
func (y *yamlReader) locate(offset int) {
	position := y.source.position(offset)
	for i, problem := range y.problems {
		if problem.Position == position {
			y.problems[i].Pointer = strict.Pointer("", y.path...)
		}
	}
}

// text returns the place and value of something that is meant as text.
func (y *yamlReader) text(at *place, text string) (*place, any) {
	at.scalar = &Scalar{Text: text}
	y.taken = at.offset + len(text)
	return at, text
}

// asText reports a mapping that was not meant as one: an unquoted template, or a conditional whose colon looks like
// that of a key.
func (y *yamlReader) asText(n *yaml.Node, at *place, flow bool) bool {
	if strings.HasPrefix(y.source.text[at.offset:], "{{") {
		text := y.meant(at.offset, flow)
		y.add(at.offset, y.path, templateMessage, quoteFix(text))
		y.text(at, text)
		return true
	}
	if len(n.Content) == 2 && isPlain(n.Content[0]) && strings.Contains(n.Content[0].Value, " ? ") {
		text := y.meant(at.offset, flow)
		y.add(at.offset, y.path, conditionalMessage, quoteFix(text))
		y.text(at, text)
		return true
	}
	return false
}

func (y *yamlReader) mapping(n *yaml.Node, at *place, flow bool) (*place, any) {
	at.fields = map[string]*place{}
	mapping := map[string]any{}
	defer y.inside(n, at)()
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		offset := y.source.offset(key.Line-1, key.Column)
		if offset < y.taken {
			continue
		}
		name, ok := y.key(key, offset)
		if !ok {
			continue
		}
		if first, duplicate := at.fields[name]; duplicate {
			y.add(offset, append(y.path, name), fmt.Sprintf("the key %q stands twice in one mapping, first on line %d",
				shown(name), y.source.position(first.key).Line),
				"remove one of the two, or rename it")
			continue
		}
		y.path = append(y.path, name)
		field, v := y.value(n.Content[i+1], flow)
		y.path = y.path[:len(y.path)-1]
		field.key, field.keyEnd = offset, y.source.scalarEnd(offset, key, y.indent)
		if field.end <= field.keyEnd { // the value is left out
			field.offset = y.source.valueStart(field.keyEnd)
			field.end = field.offset
		}
		at.end = max(at.end, field.end)
		at.names = append(at.names, name)
		at.fields[name] = field
		mapping[name] = v
	}
	return at, mapping
}

// inside begins the entries of a collection and returns what ends them.
func (y *yamlReader) inside(n *yaml.Node, at *place) (leave func()) {
	around := y.indent
	at.flow = n.Style&yaml.FlowStyle != 0
	if !at.flow {
		y.indent = n.Column - 1
		return func() { y.indent = around }
	}
	if strings.IndexAny(y.source.text[at.offset:min(at.offset+1, len(y.source.text))], "{[") == 0 {
		at.end++
		return func() { at.end = y.source.flowEnd(at.end) }
	}
	return func() {} // the one entry of [ a: b ]
}

// key reads the key of an entry. Keys are texts; other YAML keys are reported.
func (y *yamlReader) key(n *yaml.Node, offset int) (name string, ok bool) {
	switch mark := y.markOf(n, offset); {
	case mark != "":
		y.add(offset, y.path, markMessages[mark], "remove it, or put the key in quotes")
	case n.Kind != yaml.ScalarNode && strings.HasPrefix(y.source.text[offset:], "{{"):
		y.add(offset, y.path, "a key starts with an unquoted {{, which YAML reads as a mapping",
			"put it in quotes, but mind that keys are never evaluated")
	case n.Kind != yaml.ScalarNode:
		y.add(offset, y.path, "a key that is a list or a mapping; keys are text", "write a name")
	case isPlain(n) && n.Value == "<<":
		y.add(offset, y.path, "merge keys (<<) are not part of the format", "write the fields out")
	case isPlain(n) && n.Value == "":
		y.add(offset, y.path, "a key is missing before the colon", `write a name, or "" for an empty one`)
	default:
		return n.Value, true
	}
	return "", false
}

func (y *yamlReader) list(n *yaml.Node, at *place, flow bool) (*place, any) {
	list := []any{}
	defer y.inside(n, at)()
	for _, element := range n.Content {
		if y.source.offset(element.Line-1, element.Column) < y.taken {
			continue
		}
		y.path = append(y.path, strconv.Itoa(len(list)))
		item, v := y.value(element, flow)
		y.path = y.path[:len(y.path)-1]
		at.end = max(at.end, item.end)
		at.items = append(at.items, item)
		list = append(list, v)
	}
	return at, list
}

// jsonNumber is the number of RFC 8259.
var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func (y *yamlReader) scalar(n *yaml.Node, at *place, flow bool) (*place, any) {
	at.scalar = &Scalar{Style: styleOf(n), Text: n.Value}
	at.end = y.source.scalarEnd(at.offset, n, y.indent)
	if at.scalar.Style != Plain {
		return at, n.Value
	}
	end := y.source.plainEnd(at.offset, n.Value)
	at.scalar.Comment = y.source.commentAt(end)
	if text, cause := y.cutOff(at, end, flow); cause != "" {
		y.add(at.offset, y.path, cause, quoteFix(text))
		return y.text(at, text)
	}
	switch {
	case n.Value == "" || n.Value == "null":
		return at, nil
	case n.Value == "true" || n.Value == "false":
		return at, n.Value == "true"
	case jsonNumber.MatchString(n.Value):
		number, err := everhook.ParseNumber(n.Value)
		if err != nil {
			y.add(at.offset, y.path, err.Error(), "put it in quotes: "+inQuotes(n.Value))
		}
		return at, number
	default:
		return at, n.Value
	}
}

// cutOff reports whether a plain scalar with an open bracket ends at a comment or, in a flow collection, at a comma
// although the bracket is closed later on the line. It returns the text that was meant.
func (y *yamlReader) cutOff(at *place, end int, flow bool) (text, cause string) {
	if !hasOpenBracket(at.scalar.Text) {
		return "", ""
	}
	text = y.meant(at.offset, flow)
	switch {
	case len(text) <= end-at.offset || hasOpenBracket(text):
		return "", ""
	case at.scalar.Comment != "":
		return text, fmt.Sprintf("an unquoted value ends at %q, and the rest of the line is a comment", " #")
	case flow && strings.HasPrefix(y.source.text[end:], ","):
		return text, "an unquoted value inside { } or [ ] ends at the comma"
	default:
		return "", ""
	}
}

// markOf reports whether a node has a mark that the format does not allow: a tag, an anchor or an alias.
func (y *yamlReader) markOf(n *yaml.Node, offset int) string {
	switch {
	case n.Kind == yaml.AliasNode:
		return "alias"
	case n.Anchor != "":
		return "anchor"
	case n.Style&yaml.TaggedStyle != 0, n.Value != "" && isPlain(n) && strings.HasPrefix(y.source.text[offset:], "!"):
		return "tag"
	default:
		return ""
	}
}

var markMessages = map[string]string{
	"tag":    "an unquoted ! makes a YAML tag; tags are not part of the format",
	"anchor": "an unquoted & makes a YAML anchor; anchors are not part of the format",
	"alias":  "an unquoted * makes a YAML alias; aliases are not part of the format",
}

func isPlain(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && styleOf(n) == Plain }

func styleOf(n *yaml.Node) Style {
	switch {
	case n.Style&yaml.SingleQuotedStyle != 0:
		return SingleQuoted
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return DoubleQuoted
	case n.Style&yaml.LiteralStyle != 0:
		return Literal
	case n.Style&yaml.FoldedStyle != 0:
		return Folded
	default:
		return Plain
	}
}
