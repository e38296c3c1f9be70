package flowedit

import (
	"strings"

	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/strict"
)

// lineStart and lineEnd bound the line of an offset, without its end; lineAfter is the start of the next one.
func (e *editor) lineStart(offset int) int { return strings.LastIndexByte(e.text[:offset], '\n') + 1 }

func (e *editor) lineEnd(offset int) int {
	end := strings.IndexByte(e.text[offset:], '\n')
	if end < 0 {
		return len(e.text)
	}
	if end += offset; end > offset && e.text[end-1] == '\r' {
		end--
	}
	return end
}

func (e *editor) lineAfter(offset int) int {
	end := strings.IndexByte(e.text[offset:], '\n')
	if end < 0 {
		return len(e.text)
	}
	return offset + end + 1
}

func (e *editor) column(offset int) int { return offset - e.lineStart(offset) }

// newline is how the text ends its lines.
func (e *editor) newline() string {
	if i := strings.IndexByte(e.text, '\n'); i > 0 && e.text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// writer writes values as the text does.
func (e *editor) writer() writer {
	w := writer{json: e.json, newline: e.newline(), listIndent: step}
	for _, name := range []string{"nodes", "onFailure"} {
		list, ok := e.document.Part("/" + name)
		if ok && list.Kind == flowfile.ListPart && !list.Flow {
			w.listIndent = min(e.column(list.Value.Start), step)
			break
		}
	}
	return w
}

// box is a mapping or list with its entries.
type box struct {
	flowfile.Part
	pointer string
	// heads are where the entries begin: at their keys, at the dashes of a list in block style, else at the values.
	heads   []int
	entries []flowfile.Part
}

// box returns the mapping or list at a pointer.
func (e *editor) box(pointer string) (box, error) {
	part, err := e.part(pointer)
	if err != nil {
		return box{}, err
	}
	b := box{Part: part, pointer: pointer}
	for _, name := range part.Names {
		entry, _ := e.document.Part(strict.Pointer(pointer, name))
		b.entries, b.heads = append(b.entries, entry), append(b.heads, entry.Key.Start)
	}
	for i := range part.Items {
		entry, _ := e.document.Part(below(pointer, i))
		head := entry.Value.Start
		if !part.Flow {
			head = part.Value.Start
			if i > 0 {
				head = e.nextDash(max(b.heads[i-1]+1, b.entries[i-1].Value.End))
			}
		}
		b.entries, b.heads = append(b.entries, entry), append(b.heads, head)
	}
	return b, nil
}

// nextDash is the dash of the element after the one that ends at an offset.
func (e *editor) nextDash(end int) int {
	for at := e.lineAfter(end); at < len(e.text); at = e.lineAfter(at) {
		line := strings.TrimLeft(e.text[at:e.lineEnd(at)], " ")
		if line != "" && line[0] != '#' {
			return e.lineEnd(at) - len(line)
		}
	}
	return len(e.text)
}

// end is where entry i ends, without a comment after it.
func (b box) end(i int) int {
	return max(b.heads[i], b.entries[i].Key.End, b.entries[i].Value.End)
}

// hasLine reports whether an entry begins on a line of its own.
func (e *editor) hasLine(head int) bool {
	return strings.Trim(e.text[e.lineStart(head):head], " ") == ""
}

// top is the start of an entry that has a line of its own, with the comments directly above it.
func (e *editor) top(head int) int {
	top, column := e.lineStart(head), e.column(head)
	for top > 0 {
		above := e.lineStart(top - 1)
		line := e.text[above:e.lineEnd(above)]
		comment := strings.TrimLeft(line, " ")
		if !strings.HasPrefix(comment, "#") || len(line)-len(comment) != column {
			break
		}
		top = above
	}
	return top
}

// isApart reports whether an empty line stands above an entry and its comments.
func (e *editor) isApart(head int) bool {
	top := e.top(head)
	return top > 0 && e.isEmpty(e.lineStart(top-1))
}

// isEmpty reports whether the line at an offset is empty.
func (e *editor) isEmpty(offset int) bool {
	return offset < len(e.text) && strings.TrimSpace(e.text[offset:e.lineEnd(offset)]) == ""
}

// set sets the value at a pointer.
func (e *editor) set(pointer string, v any) error {
	if pointer == "" {
		return errorf(pointer, "the whole flow cannot be set; change its text")
	}
	if _, ok := e.document.Part(pointer); ok {
		return e.replace(pointer, v)
	}
	container, token := splitPointer(pointer)
	part, ok := e.document.Part(container)
	switch {
	case !ok:
		return e.set(container, map[string]any{token: v})
	case part.Kind == flowfile.MappingPart:
		return e.addEntry(container, token, v)
	case part.Kind == flowfile.ListPart && token == "-":
		return e.set(below(container, part.Items), v)
	case part.Kind == flowfile.ListPart:
		if i, ok := indexIn(token, part.Items+1); ok && i == part.Items {
			return e.place(container, part.Items, []fragment{{value: v}})
		}
		return errorf(pointer, "the list has %d elements", part.Items)
	case part.Scalar != nil && isNull(part):
		return e.replace(container, map[string]any{token: v})
	default:
		return errorf(container, "a scalar has nothing below it")
	}
}

// isNull reports whether a part is null, written or left out.
func isNull(part flowfile.Part) bool {
	return part.Scalar != nil && part.Scalar.Style == flowfile.Plain &&
		(part.Scalar.Text == "" || part.Scalar.Text == "null")
}

// replace sets the value of a part that exists.
func (e *editor) replace(pointer string, v any) error {
	container, token := splitPointer(pointer)
	around, err := e.box(container)
	if err != nil {
		return err
	}
	old, _ := e.document.Part(pointer)
	want := with(e.document.Value, tokens(pointer), v)
	w := e.writer()
	if e.json || around.Flow {
		text := w.inline(v, true)
		if old.Value.Start == old.Value.End { // after the colon
			text = " " + text
			if !strings.HasSuffix(e.text[:old.Value.Start], ":") {
				text = ":" + text
			}
		}
		return e.change(want, splice{old.Value.Start, old.Value.End, text})
	}
	column, after := e.column(old.Key.Start), e.afterColon(old.Key.End)
	if around.Kind == flowfile.ListPart {
		i, _ := indexIn(token, around.Items)
		column, after = e.column(around.heads[i]), around.heads[i]+1
	}
	if list, isList := v.([]any); isList && len(list) > 0 && old.Kind == flowfile.ListPart && !old.Flow &&
		around.Kind == flowfile.MappingPart {
		w.listIndent = max(0, e.column(old.Value.Start)-column)
	}
	isBlock := old.Kind != flowfile.ScalarPart && !old.Flow
	isBlockScalar := old.Scalar != nil && old.Scalar.Style >= flowfile.Literal
	if w.fits(v) && !isBlock && !isBlockScalar && old.Value.Start > after {
		return e.change(want, splice{old.Value.Start, old.Value.End, w.inline(v, false)})
	}
	comment, end := "", e.lineEnd(old.Value.End)
	switch {
	case isBlock && strings.Contains(e.text[after:old.Value.Start], "\n"):
		comment = strings.TrimSpace(e.text[after:e.lineEnd(after)])
	case isBlock:
	case isBlockScalar:
		header := e.text[old.Value.Start:e.lineEnd(old.Value.Start)]
		if i := strings.Index(header, " #"); i >= 0 {
			comment = header[i+1:]
		}
		end = old.Value.End
	default:
		comment = strings.TrimSpace(e.text[old.Value.End:end])
	}
	text := w.entry(v, column, comment, around.Kind == flowfile.ListPart)
	return e.change(want, splice{after, end, e.ended(text, end)})
}

// afterColon is the offset after the colon of a key.
func (e *editor) afterColon(keyEnd int) int {
	return keyEnd + strings.IndexByte(e.text[keyEnd:], ':') + 1
}

// addEntry adds an entry to a mapping, at its usual place.
func (e *editor) addEntry(container, name string, v any) error {
	b, err := e.box(container)
	if err != nil {
		return err
	}
	if len(b.entries) == 0 {
		if container == "" {
			return errorf(container, "the flow is empty")
		}
		return e.replace(container, map[string]any{name: v})
	}
	pointer := strict.Pointer(container, name)
	want, w := with(e.document.Value, tokens(pointer), v), e.writer()
	if e.json || b.Flow {
		return e.change(want, e.afterLast(b, w.scalar(name, true)+": "+w.inline(v, true))...)
	}
	column := e.column(b.heads[0])
	line := strings.Repeat(" ", column) + w.scalar(name, false) + ":" + w.entry(v, column, "", false)
	for i := 1; i < len(b.heads); i++ {
		if rank(b.Names[i]) > rank(name) {
			at := e.top(b.heads[i])
			return e.change(want, splice{at, at, line + w.newline})
		}
	}
	return e.change(want, e.lineBelow(b.end(len(b.heads)-1), line))
}

// lineBelow inserts lines below the one at an offset.
func (e *editor) lineBelow(offset int, lines string) splice {
	end := e.lineEnd(offset)
	if at := e.lineAfter(offset); at < len(e.text) || strings.HasSuffix(e.text, "\n") {
		return splice{at, at, lines + e.newline()}
	}
	return splice{end, end, e.newline() + e.ended(lines, end)}
}

// ended ends lines that come last in the text: a literal text at their end needs it.
func (e *editor) ended(lines string, end int) string {
	if end == len(e.text) && strings.Contains(lines, "\n") {
		return lines + e.newline()
	}
	return lines
}

// afterLast adds an entry after the last one of a collection in flow style.
func (e *editor) afterLast(b box, text string) []splice {
	last := len(b.heads) - 1
	end := b.end(last)
	if !e.hasLine(b.heads[last]) || last == 0 && e.lineStart(b.heads[0]) == e.lineStart(b.Value.Start) {
		return []splice{{end, end, ", " + text}}
	}
	lineEnd := e.lineEnd(end)
	rest := strings.TrimLeft(e.text[end:lineEnd], " \t")
	line := e.newline() + strings.Repeat(" ", e.column(b.heads[last])) + text
	switch {
	case rest == "" || strings.HasPrefix(rest, "#"):
		return []splice{{end, end, ","}, {lineEnd, lineEnd, line}}
	case rest[0] == ',' && (strings.TrimSpace(rest[1:]) == "" || strings.HasPrefix(strings.TrimSpace(rest[1:]), "#")):
		return []splice{{lineEnd, lineEnd, line + ","}}
	default: // the bracket is on the same line
		return []splice{{end, end, "," + line}}
	}
}

// remove removes an entry or element.
func (e *editor) remove(pointer string) error {
	if _, err := e.part(pointer); err != nil {
		return err
	}
	if pointer == "" {
		return errorf(pointer, "the whole flow cannot be removed")
	}
	container, token := splitPointer(pointer)
	b, err := e.box(container)
	if err != nil {
		return err
	}
	i, isElement := indexIn(token, b.Items)
	if !isElement {
		for i = range b.Names {
			if b.Names[i] == token {
				break
			}
		}
	}
	if len(b.heads) == 1 {
		switch {
		case container == "":
			return errorf(pointer, "the flow would be empty")
		case isElement:
			return e.replace(container, []any{})
		default:
			return e.replace(container, map[string]any{})
		}
	}
	want := without(e.document.Value, tokens(pointer))
	if e.json || b.Flow {
		return e.change(want, e.withoutFlow(b, i))
	}
	return e.change(want, e.withoutBlock(b, i)...)
}

// withoutBlock removes entry i of a mapping or list in block style, which has others.
func (e *editor) withoutBlock(b box, i int) []splice {
	head := b.heads[i]
	if e.hasLine(head) {
		end := e.lineAfter(b.end(i))
		if e.isApart(head) && e.isEmpty(end) {
			end = e.lineAfter(end) // of two empty lines, one stays
		}
		return []splice{{e.top(head), end, ""}}
	}
	// The entry begins on the line of a dash, which stays with the next entry. Comments of that go above the dash.
	next := b.heads[1]
	comments := e.text[e.top(next):e.lineStart(next)]
	if comments == "" {
		return []splice{{head, next, ""}}
	}
	start := e.lineStart(head)
	outer := strings.Repeat(" ", len(e.text[start:])-len(strings.TrimLeft(e.text[start:], " ")))
	var above strings.Builder
	for line := range strings.Lines(comments) {
		above.WriteString(outer + strings.TrimLeft(line, " "))
	}
	return []splice{{start, start, above.String()}, {head, next, ""}}
}

// withoutFlow removes entry i of a mapping or list in flow style, which has others.
func (e *editor) withoutFlow(b box, i int) splice {
	head, end := b.heads[i], b.end(i)
	own := e.hasLine(head)
	if i+1 < len(b.heads) {
		next := b.heads[i+1]
		if own && e.hasLine(next) {
			return splice{e.top(head), e.top(next), ""}
		}
		return splice{head, next, ""}
	}
	before := b.end(i - 1)
	if rest := strings.TrimLeft(strings.TrimPrefix(strings.TrimLeft(e.text[end:e.lineEnd(end)], " "), ","), " "); own &&
		!e.json && (rest == "" || rest[0] == '#') {
		return splice{e.top(head), e.lineAfter(end), ""} // the comma before it may stay
	}
	return splice{before, end, ""}
}
