package flowedit

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
)

// fragment is an element on its way into a list.
type fragment struct {
	value any
	// comments are the lines above it, without indentation.
	comments []string
	// lines are its text, with its dash; empty if it is written anew. Column is that of the dash.
	lines  []string
	column int
}

// take returns element i of a list as it is written.
func (e *editor) take(b box, i int) fragment {
	value, _ := at(e.document.Value, below(b.pointer, i))
	f := fragment{value: value}
	head := b.heads[i]
	if e.hasLine(head) {
		for line := range strings.Lines(e.text[e.top(head):e.lineStart(head)]) {
			f.comments = append(f.comments, strings.TrimSpace(line))
		}
	}
	if e.json {
		return f
	}
	if !b.Flow {
		f.column = e.column(head)
		f.lines = splitLines(e.text[head:e.lineEnd(b.end(i))])
		return f
	}
	f.lines = splitLines("- " + e.text[head:b.end(i)])
	rest := strings.TrimLeft(e.text[b.end(i):e.lineEnd(b.end(i))], ", \t]")
	if strings.HasPrefix(rest, "#") && (i+1 < len(b.heads) || e.lineStart(b.Value.End) > b.end(i)) {
		f.lines[len(f.lines)-1] += " " + rest // the comment after the comma
	}
	least := len(e.text)
	for _, line := range f.lines[1:] {
		if text := strings.TrimLeft(line, " "); text != "" {
			least = min(least, len(line)-len(text))
		}
	}
	f.column = least - step // further lines are indented deeper than the dash
	return f
}

// needsLines reports whether a fragment does not fit between the brackets of a list.
func (f fragment) needsLines() bool {
	return len(f.comments) > 0 || len(f.lines) > 1 || len(f.lines) == 1 && strings.Contains(f.lines[0], " #")
}

func splitLines(text string) []string {
	return strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
}

// block writes a fragment as an element of a list in block style.
func (f fragment) block(w writer, column int) string {
	indent := strings.Repeat(" ", column)
	var lines []string
	for _, comment := range f.comments {
		lines = append(lines, indent+comment)
	}
	if len(f.lines) == 0 {
		return strings.Join(append(lines, indent+"-"+w.entry(f.value, column, "", true)), w.newline)
	}
	lines = append(lines, indent+f.lines[0])
	for _, line := range f.lines[1:] {
		lines = append(lines, shifted(line, column-f.column))
	}
	return strings.Join(lines, w.newline)
}

// shifted moves a line to the right, or to the left as far as it is indented. Empty lines stay.
func shifted(line string, by int) string {
	text := strings.TrimLeft(line, " ")
	indent := len(line) - len(text)
	if text == "" && indent+by <= 0 || line == "" {
		return ""
	}
	return strings.Repeat(" ", max(0, indent+by)) + text
}

// place puts fragments into a list that exists.
func (e *editor) place(list string, i int, fragments []fragment) error {
	b, err := e.box(list)
	if err != nil {
		return err
	}
	var values []any
	for _, f := range fragments {
		values = append(values, f.value)
	}
	want, w := inserted(e.document.Value, list, i, values), e.writer()
	container, token := splitPointer(list)
	around, err := e.box(container)
	if err != nil {
		return err
	}
	if len(b.heads) == 0 {
		return e.fill(want, b, around, token, fragments)
	}
	if !e.json && b.Flow && !around.Flow && slices.ContainsFunc(fragments, fragment.needsLines) {
		// Comments and several lines need dashes, so the whole list gets them.
		var all []fragment
		for k := range b.heads {
			all = append(all, e.take(b, k))
		}
		return e.fill(want, b, around, token, slices.Insert(all, i, fragments...))
	}
	if e.json || b.Flow {
		return e.change(want, e.amongFlow(b, i, fragments)...)
	}
	column := e.column(b.heads[0])
	var texts []string
	for _, f := range fragments {
		texts = append(texts, f.block(w, column))
	}
	text := strings.Join(texts, w.newline)
	switch last := len(b.heads) - 1; {
	case i > last:
		if last > 0 && e.isApart(b.heads[last]) {
			text = w.newline + text
		}
		return e.change(want, e.lineBelow(b.end(last), text))
	case e.hasLine(b.heads[i]):
		if i > 0 && e.isApart(b.heads[i]) {
			text += w.newline
		}
		top := e.top(b.heads[i])
		return e.change(want, splice{top, top, text + w.newline})
	default: // on the line of a dash
		head := b.heads[i]
		return e.change(want, splice{head, head, strings.TrimLeft(text, " ") + w.newline + strings.Repeat(" ", column)})
	}
}

// fill puts fragments in place of a list in flow style.
func (e *editor) fill(want any, b, around box, token string, fragments []fragment) error {
	w := e.writer()
	if e.json || around.Flow {
		var texts []string
		for _, f := range fragments {
			texts = append(texts, w.inline(f.value, true))
		}
		return e.change(want, splice{b.Value.Start, b.Value.End, "[" + strings.Join(texts, ", ") + "]"})
	}
	column, after := e.column(b.Key.Start)+w.listIndent, e.afterColon(b.Key.End)
	if around.Kind == flowfile.ListPart {
		i, _ := indexIn(token, around.Items)
		column, after = e.column(around.heads[i])+step, around.heads[i]+1
	}
	comment, end := strings.TrimSpace(e.text[b.Value.End:e.lineEnd(b.Value.End)]), e.lineEnd(b.Value.End)
	var text strings.Builder
	if comment != "" {
		text.WriteString(" " + comment)
	}
	for _, f := range fragments {
		text.WriteString(w.newline + f.block(w, column))
	}
	return e.change(want, splice{after, end, e.ended(text.String(), end)})
}

// amongFlow puts fragments into a list in flow style that has elements.
func (e *editor) amongFlow(b box, i int, fragments []fragment) []splice {
	w := e.writer()
	var texts []string
	separator := ", "
	if e.hasLine(b.heads[len(b.heads)-1]) {
		separator = "," + w.newline + strings.Repeat(" ", e.column(b.heads[len(b.heads)-1]))
	}
	for _, f := range fragments {
		texts = append(texts, w.inline(f.value, true))
	}
	if i == len(b.heads) {
		return e.afterLast(b, strings.Join(texts, separator))
	}
	head := b.heads[i]
	return []splice{{head, head, strings.Join(texts, separator) + separator}}
}

// target makes sure that a list exists, and returns the index in it that is meant.
func (e *editor) target(list string, index *int) (int, error) {
	part, ok := e.document.Part(list)
	if !ok || isNull(part) {
		if err := e.set(list, []any{}); err != nil {
			return 0, err
		}
		part, _ = e.document.Part(list)
	}
	if part.Kind != flowfile.ListPart {
		return 0, errorf(list, "it is not a list of nodes")
	}
	if index == nil {
		return part.Items, nil
	}
	if *index < 0 || *index > part.Items {
		return 0, errorf(list, "the list has %d elements; an index is 0 to %d", part.Items, part.Items)
	}
	return *index, nil
}

// insert puts nodes that are written as text into a list.
func (e *editor) insert(list, text string, index *int) error {
	scratch, err := e.scratch(text)
	if err != nil {
		return err
	}
	return e.transfer(scratch, list, index)
}

// scratch is a flow of its own that has the nodes of a text.
func (e *editor) scratch(text string) (*editor, error) {
	read := func(text string) (*editor, error) {
		s := &editor{registry: e.registry, file: "nodes.yaml"}
		return s, s.read(strings.ReplaceAll(text, "\r\n", "\n"))
	}
	s, err := read(strings.TrimPrefix(text, byteOrderMark))
	if err != nil {
		return nil, err
	}
	root, _ := s.document.Part("")
	list, _ := s.document.Value.([]any)
	if root.Kind == flowfile.MappingPart {
		list = []any{s.document.Value}
		start := root.Value.Start
		lines := splitLines(s.text)
		first := strings.Count(s.text[:start], "\n")
		for i, line := range lines {
			switch {
			case i == first:
				lines[i] = line[:s.column(start)] + "- " + line[s.column(start):]
			case i > first && line != "":
				lines[i] = "  " + line
			}
		}
		s.text = strings.Join(lines, "\n")
	}
	for i, node := range list {
		mapping, _ := node.(map[string]any)
		if kind, ok := mapping["type"].(string); !ok || kind == "" {
			return nil, errorf(below("", i), "this is not a node: it has no type")
		}
	}
	if len(list) == 0 {
		return nil, errorf("", "the text has no nodes")
	}
	if root.Flow && root.Kind == flowfile.ListPart {
		return read(scratchHead + " " + strings.ReplaceAll(strings.TrimSpace(s.text), "\n", "\n  "))
	}
	return read(scratchHead + "\n" + strings.TrimRight(s.text, "\n") + "\n")
}

// scratchHead begins a flow that is not run.
const scratchHead = "key: scratch\nmode: async\ntrigger: { type: call }\nnodes:"

// copy copies an element.
func (e *editor) copy(pointer, list string, index *int) error {
	from, i, err := e.element(pointer)
	if err != nil {
		return err
	}
	f := e.take(from, i)
	scratch := &editor{registry: e.registry, file: "nodes.yaml"}
	if err := scratch.read(scratchHead + "\n" + f.block(writer{newline: "\n"}, 0) + "\n"); err != nil {
		return errorf(pointer, "it cannot be copied by itself: %v", err)
	}
	return e.transfer(scratch, list, index)
}

// element returns the list of an element, and its index.
func (e *editor) element(pointer string) (box, int, error) {
	if _, err := e.part(pointer); err != nil {
		return box{}, 0, err
	}
	container, token := splitPointer(pointer)
	b, err := e.box(container)
	if err != nil {
		return box{}, 0, err
	}
	i, ok := indexIn(token, b.Items)
	if !ok || b.Kind != flowfile.ListPart {
		return box{}, 0, errorf(pointer, "it is not an element of a list")
	}
	return b, i, nil
}

// transfer puts the nodes of a scratch into a list, under keys that no other node has.
func (e *editor) transfer(scratch *editor, list string, index *int) error {
	before := *e
	i, err := e.target(list, index)
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	for _, key := range nodeKeys(e.document.Value) {
		taken[key.key] = true
	}
	for _, node := range nodeKeys(scratch.document.Value) {
		key := node.key
		if taken[key] {
			key = free(key, taken)
			if err := scratch.rename(node.pointer, key); err != nil {
				*e = before
				return err
			}
		}
		taken[key] = true
	}
	b, err := scratch.box("/nodes")
	if err != nil {
		return err
	}
	var fragments []fragment
	for k := range b.heads {
		fragments = append(fragments, scratch.take(b, k))
	}
	if err := e.place(list, i, fragments); err != nil {
		*e = before
		return err
	}
	return nil
}

var numbered = regexp.MustCompile(`^(.*?)_?([0-9]+)$`)

// free is a key like the one given that is not taken: charge_2 for charge.
func free(key string, taken map[string]bool) string {
	n := 2
	if match := numbered.FindStringSubmatch(key); match != nil && match[1] != "" {
		if last, err := strconv.Atoi(match[2]); err == nil && last < 1_000_000 {
			key, n = match[1], last+1
		}
	}
	for ; ; n++ {
		number := "_" + strconv.Itoa(n)
		if found := key[:min(len(key), maxKey-len(number))] + number; !taken[found] {
			return found
		}
	}
}

// maxKey is the longest key of a node.
const maxKey = 64

// keyed is a node with its key.
type keyed struct{ pointer, key string }

// nodeKeys returns the nodes of a flow, in their order in lists.
func nodeKeys(v any) []keyed {
	var all []keyed
	var walk func(list any, pointer string)
	walk = func(list any, pointer string) {
		nodes, _ := list.([]any)
		for i, v := range nodes {
			node, _ := v.(map[string]any)
			if key, ok := node["key"].(string); ok {
				all = append(all, keyed{below(pointer, i), key})
			}
			branches, _ := node["branches"].(map[string]any)
			for _, name := range everhook.SortedKeys(branches) {
				walk(branches[name], below(pointer, i)+"/branches/"+escape.Replace(name))
			}
		}
	}
	root, _ := v.(map[string]any)
	walk(root["nodes"], "/nodes")
	walk(root["onFailure"], "/onFailure")
	return all
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

// move moves an element to another place.
func (e *editor) move(pointer, list string, index *int) error {
	from, i, err := e.element(pointer)
	if err != nil {
		return err
	}
	if list == pointer || strings.HasPrefix(list, pointer+"/") {
		return errorf(list, "a node cannot be moved into itself")
	}
	if part, ok := e.document.Part(list); ok && part.Kind == flowfile.ListPart && list == from.pointer {
		to := part.Items
		if index != nil {
			to = *index
		}
		if to == i || to == i+1 {
			return nil // it stays
		}
	}
	before := *e
	to, err := e.target(list, index)
	if err == nil {
		if from, err = e.box(from.pointer); err == nil {
			err = e.place(list, to, []fragment{e.take(from, i)})
		}
	}
	if err == nil {
		err = e.remove(afterInsert(pointer, list, to))
	}
	if err != nil {
		*e = before
	}
	return err
}

// afterInsert is a pointer after an element was inserted into a list.
func afterInsert(pointer, list string, at int) string {
	rest, found := strings.CutPrefix(pointer, list+"/")
	if !found {
		return pointer
	}
	token, deeper, _ := strings.Cut(rest, "/")
	i, err := strconv.Atoi(token)
	if err != nil || i < at {
		return pointer
	}
	return strings.TrimSuffix(list+"/"+strconv.Itoa(i+1)+"/"+deeper, "/")
}

// sortSplices puts splices into the order of the text.
func sortSplices(all []splice) {
	slices.SortFunc(all, func(a, b splice) int { return a.start - b.start })
}
