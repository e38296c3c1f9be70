package flowedit

import (
	"regexp"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/compile"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/expression"
)

// rename gives a node another key, in its own field and wherever expressions and literal fields name it.
func (e *editor) rename(pointer, key string) error {
	node, err := e.part(pointer)
	if err != nil {
		return err
	}
	old, ok := at(e.document.Value, pointer+"/key")
	name, isText := old.(string)
	switch {
	case node.Kind != flowfile.MappingPart || !ok || !isText:
		return errorf(pointer, "it is not a node with a key")
	case !everhook.IsNodeKey(key):
		return errorf(pointer+"/key", "%q is not a node key; use letters, digits and _, not starting with a digit, at "+
			"most 64", everhook.Shorten(key, 80))
	case key == name:
		return nil
	}
	same := 0
	for _, other := range nodeKeys(e.document.Value) {
		if other.key == key {
			return errorf(pointer+"/key", "another node has the key %q", key)
		}
		if other.key == name {
			same++
		}
	}
	r := renaming{editor: e, old: name, key: key, want: e.document.Value, done: map[string]bool{}}
	r.whole(pointer + "/key")
	if definition := e.document.Definition(); definition != nil && same == 1 {
		texts := compile.TextsOf(definition, e.registry)
		for _, at := range everhook.SortedKeys(texts.Fields) {
			r.below(at, texts.Fields[at].Class())
		}
		for _, at := range everhook.SortedKeys(texts.Names) {
			if texts.Names[at] == name {
				r.whole(at)
			}
		}
	}
	sortSplices(r.splices)
	return e.change(r.want, r.splices...)
}

// renaming collects the splices of a rename.
type renaming struct {
	*editor
	old, key string
	want     any
	splices  []splice
	done     map[string]bool
}

// below renames in all texts of a field.
func (r *renaming) below(pointer string, class expression.Class) {
	v, _ := at(r.document.Value, pointer)
	switch v := v.(type) {
	case string:
		r.text(pointer, v, class)
	case []any:
		for i := range v {
			r.below(below(pointer, i), class)
		}
	case map[string]any:
		for name := range v {
			r.below(strict.Pointer(pointer, name), class)
		}
	}
}

// whole replaces a scalar that is the key.
func (r *renaming) whole(pointer string) {
	part, ok := r.document.Part(pointer)
	if !ok || r.done[pointer] || part.Scalar == nil {
		return
	}
	r.done[pointer] = true
	r.want = with(r.want, tokens(pointer), r.key)
	raw, text := r.editor.text[part.Value.Start:part.Value.End], r.writer().scalar(r.key, true)
	if strings.Count(raw, r.old) == 1 && part.Scalar.Style <= flowfile.DoubleQuoted {
		text = strings.Replace(raw, r.old, r.key, 1)
	}
	r.splices = append(r.splices, splice{part.Value.Start, part.Value.End, text})
}

// text renames in one text.
func (r *renaming) text(pointer, text string, class expression.Class) {
	part, ok := r.document.Part(pointer)
	if !ok || r.done[pointer] {
		return
	}
	if found := expression.NodeReferences(text, class, r.old); len(found) > 0 {
		r.add(pointer, part, found, text)
	}
}

// add replaces the key at offsets of a text.
func (r *renaming) add(pointer string, part flowfile.Part, offsets []int, text string) {
	r.done[pointer] = true
	renamed := text
	for i := len(offsets) - 1; i >= 0; i-- {
		renamed = renamed[:offsets[i]] + r.key + renamed[offsets[i]+len(r.old):]
	}
	r.want = with(r.want, tokens(pointer), renamed)
	word := regexp.MustCompile(`\b` + regexp.QuoteMeta(r.old) + `\b`)
	raw := r.editor.text[part.Value.Start:part.Value.End]
	written, meant := word.FindAllStringIndex(raw, -1), word.FindAllStringIndex(text, -1)
	if len(written) != len(meant) { // one of them is written with an escape
		r.splices = append(r.splices, splice{part.Value.Start, part.Value.End, doubleQuoted(renamed)})
		return
	}
	wanted := map[int]bool{}
	for _, offset := range offsets {
		wanted[offset] = true
	}
	for i, at := range meant {
		if wanted[at[0]] {
			start := part.Value.Start + written[i][0]
			r.splices = append(r.splices, splice{start, start + len(r.old), r.key})
		}
	}
}
