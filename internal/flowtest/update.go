package flowtest

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
)

// Update returns the text of the suite's file with the observed values in place of the expected ones: in fields that
// differ and, in a test without expectations, in the most informative fields. The rest of the text is kept, comments
// included. Changed counts the updated tests. A test that failed for another reason is not updated.
func (s *Suite) Update(results []Result) (text []byte, changed int, err error) {
	var file yaml.Node
	if err := yaml.Unmarshal(s.text, &file); err != nil {
		return nil, 0, fmt.Errorf("%s cannot be updated: %w", s.File, err)
	}
	root := file.Content[0]
	spellNulls(root)
	editor := &editor{lines: strings.SplitAfter(string(s.text), "\n"), exact: true}
	tests := field(root, "tests")
	// From the last to the first, so that the line numbers of earlier tests stay valid.
	for i := len(results) - 1; i >= 0; i-- {
		result := results[i]
		if result.observed == nil || tests == nil || result.index >= len(tests.Content) {
			continue
		}
		if s.updateTest(editor, tests.Content[result.index], result) {
			changed++
		}
	}
	if changed == 0 {
		return s.text, 0, nil
	}
	whole, err := encoded(&file)
	if err != nil {
		return nil, 0, err
	}
	if spliced := []byte(strings.Join(editor.lines, "")); editor.exact && s.sameValue(spliced, whole) {
		return spliced, changed, nil
	}
	return whole, changed, nil
}

// sameValue reports whether two texts have the same value.
func (s *Suite) sameValue(a, b []byte) bool {
	first, problems := flowfile.ParseDocument(s.File, a)
	second, others := flowfile.ParseDocument(s.File, b)
	return len(problems.Errors())+len(others.Errors()) == 0 && everhook.Equal(first.Value, second.Value)
}

// updateTest edits one test, as a node and in the lines of the file. It returns false if nothing changed.
func (s *Suite) updateTest(e *editor, test *yaml.Node, result Result) bool {
	want := field(test, "want")
	if want == nil || want.Kind != yaml.MappingNode || len(want.Content) == 0 {
		want = &yaml.Node{Kind: yaml.MappingNode}
		for _, name := range []string{"skipped", "answer", "status", "steps", "output", "error", "calls"} {
			if told := result.observed.tell(name); told != nil {
				setField(want, name, told)
			}
		}
		if len(want.Content) == 0 {
			return false
		}
		stood := fieldIndex(test, "want") >= 0
		setField(test, "want", want)
		switch {
		case test.Style&yaml.FlowStyle != 0:
			e.element(test)
		case stood:
			e.replace(test, "want")
		default:
			e.add(test, "want")
		}
		return true
	}
	var places []place
	for _, failure := range result.Failures {
		if failure.Field != "" {
			path := strings.Split(failure.Field, "/")[1:]
			places = append(places, placeOf(test, path, failure.Got == nil))
			set(want, path, failure.Got)
		}
	}
	switch {
	case len(places) == 0:
	case test.Style&yaml.FlowStyle != 0:
		e.element(test)
	default:
		e.replaceAll(places)
	}
	return len(places) > 0
}

// spellNulls writes empty values inside { } and [ ] as null: the YAML library would write them as empty texts.
func spellNulls(node *yaml.Node) {
	for _, below := range node.Content {
		if node.Style&yaml.FlowStyle != 0 && below.ShortTag() == "!!null" && below.Value == "" {
			below.Value = "null"
		}
		spellNulls(below)
	}
}

// tell returns the expectation for a run that has none yet; nil if there is none.
func (o *observed) tell(name string) *yaml.Node {
	switch {
	case name == "skipped" && o.skipped:
		return nodeOf(true)
	case name == "answer" && o.answer != nil:
		answer := map[string]any{"status": o.answer.status}
		if o.answer.body != nil {
			answer["body"] = o.answer.body
		}
		return nodeOf(answer, "status")
	case name == "status" && o.ran:
		return textNode(string(o.outcome.Status))
	case name == "steps" && o.ran && o.total == len(o.steps):
		return nodeOf(stepNames(o.steps, nil))
	case name == "output" && o.outcome.Output != nil:
		return nodeOf(o.outcome.Output.V)
	case name == "error" && o.outcome.Error != nil:
		e := o.outcome.Error
		return nodeOf(map[string]any{"node": e.Node, "type": e.Type, "message": e.Message}, "node", "type")
	case name == "calls" && len(o.calls) > 0:
		calls := &yaml.Node{Kind: yaml.MappingNode}
		for _, node := range everhook.SortedKeys(o.calls) {
			list := &yaml.Node{Kind: yaml.SequenceNode}
			for _, sent := range o.calls[node] {
				list.Content = append(list.Content, nodeOf(partOf(sent, nil), usualFields...))
			}
			setField(calls, node, list)
		}
		return calls
	default:
		return nil
	}
}

// set puts a value at a path below a node; nil removes the field.
func set(at *yaml.Node, path []string, v *everhook.Value) {
	name := pointerUnescape.Replace(path[0])
	if at.Kind == yaml.SequenceNode {
		i, err := strconv.Atoi(name)
		if err != nil || i >= len(at.Content) {
			return
		}
		set(at.Content[i], path[1:], v)
		return
	}
	if len(path) > 1 {
		if below := field(at, name); below != nil {
			set(below, path[1:], v)
		}
		return
	}
	if v == nil {
		removeField(at, name)
		return
	}
	fresh := nodeOf(v.V)
	if old := field(at, name); old != nil {
		fresh.LineComment = old.LineComment
		if fresh.Kind == old.Kind {
			fresh.Style = old.Style
		}
	}
	setField(at, name, fresh)
}

var pointerUnescape = strings.NewReplacer("~1", "/", "~0", "~")

// field returns the value of a mapping's field, or nil.
func field(mapping *yaml.Node, name string) *yaml.Node {
	if i := fieldIndex(mapping, name); i >= 0 {
		return mapping.Content[i+1]
	}
	return nil
}

func fieldIndex(mapping *yaml.Node, name string) int {
	if mapping.Kind == yaml.MappingNode {
		for i := 0; i < len(mapping.Content); i += 2 {
			if mapping.Content[i].Value == name {
				return i
			}
		}
	}
	return -1
}

func setField(mapping *yaml.Node, name string, value *yaml.Node) {
	if i := fieldIndex(mapping, name); i >= 0 {
		mapping.Content[i+1] = value
		return
	}
	mapping.Content = append(mapping.Content, textNode(name), value)
}

func removeField(mapping *yaml.Node, name string) {
	if i := fieldIndex(mapping, name); i >= 0 {
		mapping.Content = append(mapping.Content[:i:i], mapping.Content[i+2:]...)
	}
}

// maxInLine is the length of the longest value, as JSON, that is written in one line.
const maxInLine = 100

// nodeOf writes a value: short mappings and lists in one line, others with a line for each entry; numbers as in JSON.
// The keys in first come first.
func nodeOf(v any, first ...string) *yaml.Node {
	node := &yaml.Node{}
	switch v := v.(type) {
	case map[string]any:
		node.Kind = yaml.MappingNode
		for _, name := range slices.Concat(first, everhook.SortedKeys(v)) {
			if item, ok := v[name]; ok && field(node, name) == nil {
				node.Content = append(node.Content, textNode(name), nodeOf(item))
			}
		}
	case []any:
		node.Kind = yaml.SequenceNode
		for _, item := range v {
			node.Content = append(node.Content, nodeOf(item))
		}
	case string:
		return textNode(v)
	default:
		data, err := everhook.EncodeJSON(v)
		if err != nil {
			return textNode(err.Error())
		}
		node.Kind, node.Value = yaml.ScalarNode, string(data)
		return node
	}
	if everhook.EncodedSize(v, maxInLine) <= maxInLine {
		node.Style = yaml.FlowStyle
	}
	return node
}

// textNode writes a text: in single quotes if YAML would read another type, and as a block after | if it has several
// lines.
func textNode(text string) *yaml.Node {
	node := &yaml.Node{}
	node.SetString(text)
	if strings.Contains(text, "\n") {
		return node
	}
	document, problems := flowfile.ParseDocument("", []byte("- "+text))
	list, _ := valueOf(document).([]any)
	node.Style = 0
	if len(problems) > 0 || len(list) != 1 || list[0] != any(text) || strings.ContainsAny(text, "{}[],:#") {
		node.Style = yaml.SingleQuotedStyle
	}
	return node
}

func valueOf(document *flowfile.Document) any {
	if document == nil {
		return nil
	}
	return document.Value
}

func encoded(node *yaml.Node) ([]byte, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}
