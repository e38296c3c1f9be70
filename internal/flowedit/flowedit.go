// Package flowedit changes the text of a flow file by operations: set a field, remove, insert, move and copy nodes,
// rename one. It splices the text at the places of its parts, so all other bytes stay as they are. Comments on the
// lines directly above a node, without an empty line between, belong to the node. Between the brackets of a mapping in
// flow style there is no place for them: a node that moves there loses its comments.
//
// Each operation is also carried out on the value of the file. A text that does not have the expected value is never
// returned.
package flowedit

import (
	"context"
	"fmt"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/everhook/everhook"
	"github.com/everhook/everhook/internal/flowfile"
	"github.com/everhook/everhook/internal/strict"
	"github.com/everhook/everhook/nodes/kind"
)

// Op says what an operation does.
type Op string

// The operations.
const (
	// Set sets the value at Pointer. Mappings that are missing on the way are made. An index one after the last element
	// of a list adds one.
	Set Op = "set"
	// Remove removes the entry or element at Pointer. A list or mapping that becomes empty stays as [] or {}.
	Remove Op = "remove"
	// Insert puts nodes, written as YAML or JSON, into the list at Pointer.
	Insert Op = "insert"
	// Move moves the node at Pointer into the list at To.
	Move Op = "move"
	// Copy copies the node at Pointer into the list at To. Nodes of the copy get keys of their own.
	Copy Op = "copy"
	// Rename gives the node at Pointer another key, and rewrites what names it.
	Rename Op = "rename"
)

// Operation is one change of a flow file. Pointers are JSON pointers (RFC 6901) in the file as it is before the
// operation.
type Operation struct {
	Op      Op     `json:"op"`
	Pointer string `json:"pointer"`
	// Value is that of Set.
	Value any `json:"value,omitempty"`
	// Text are the nodes of Insert: one, or a list. If the file has nodes with their keys, they get other ones.
	Text string `json:"text,omitempty"`
	// To is the list of Move and Copy; it is made if it is missing.
	To string `json:"to,omitempty"`
	// Index is the place in the list, counted before the operation; nil stands for the end.
	Index *int `json:"index,omitempty"`
	// Key is the new key of Rename.
	Key string `json:"key,omitempty"`
}

// Error says why an operation is not possible.
type Error struct {
	// Pointer is the part that it is about.
	Pointer string
	Message string
}

func (e *Error) Error() string { return e.Pointer + ": " + e.Message }

func errorf(pointer, format string, a ...any) error {
	return &Error{pointer, fmt.Sprintf(format, a...)}
}

// Apply carries out operations one after the other, and returns the new text. After an error nothing is changed; it is
// an *Error, a flowfile.Problems if the text cannot be read or becomes too large, or that of ctx, which is looked at
// before each operation. The name of the file decides whether it is JSON.
func Apply(ctx context.Context, file string, text []byte, registry *kind.Registry,
	operations ...Operation) ([]byte, error) {
	e := &editor{registry: registry, file: file, json: strings.EqualFold(filepath.Ext(file), ".json")}
	var mark string
	if rest, found := strings.CutPrefix(string(text), byteOrderMark); found {
		mark, text = byteOrderMark, []byte(rest)
	}
	if err := e.read(string(text)); err != nil {
		return nil, err
	}
	for _, o := range operations {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := e.apply(o); err != nil {
			return nil, err
		}
	}
	return []byte(mark + e.text), nil
}

const byteOrderMark = "\ufeff"

// editor is a text while it is edited.
type editor struct {
	registry *kind.Registry
	file     string
	json     bool
	text     string
	document *flowfile.Document
}

func (e *editor) read(text string) error {
	document, problems := flowfile.ParseDocument(e.file, []byte(text))
	if err := problems.Err(); err != nil {
		return err
	}
	e.text, e.document = text, document
	return nil
}

func (e *editor) apply(o Operation) error {
	switch o.Op {
	case Set:
		v, err := everhook.Canonical(o.Value)
		if err != nil {
			return errorf(o.Pointer, "%v", err)
		}
		return e.set(o.Pointer, v)
	case Remove:
		return e.remove(o.Pointer)
	case Insert:
		return e.insert(o.Pointer, o.Text, o.Index)
	case Move:
		return e.move(o.Pointer, o.To, o.Index)
	case Copy:
		return e.copy(o.Pointer, o.To, o.Index)
	case Rename:
		return e.rename(o.Pointer, o.Key)
	default:
		return errorf(o.Pointer, "%q is no operation; use set, remove, insert, move, copy or rename",
			everhook.Shorten(string(o.Op), 40))
	}
}

// splice is a change of the text: a part is replaced.
type splice struct {
	start, end int
	text       string
}

// change makes splices, which do not overlap and are sorted, and reads the text again. It must have the value then.
func (e *editor) change(want any, splices ...splice) error {
	var text strings.Builder
	at := 0
	for _, s := range splices {
		text.WriteString(e.text[at:s.start])
		text.WriteString(s.text)
		at = s.end
	}
	text.WriteString(e.text[at:])
	before := *e
	err := e.read(text.String())
	if err == nil && reflect.DeepEqual(e.document.Value, want) {
		return nil
	}
	*e = before
	if err == nil {
		err = fmt.Errorf("it has another value")
	}
	return errorf("", "the text cannot be changed there by an operation; change it by hand (%v)", err)
}

// part is a part that must exist.
func (e *editor) part(pointer string) (flowfile.Part, error) {
	if pointer != "" && !strings.HasPrefix(pointer, "/") {
		return flowfile.Part{}, errorf(pointer, "a JSON pointer begins with /")
	}
	part, ok := e.document.Part(pointer)
	if !ok {
		return part, errorf(pointer, "the flow has nothing there")
	}
	return part, nil
}

// splitPointer returns the pointer of the container and the last token, unescaped.
func splitPointer(pointer string) (container, token string) {
	i := strings.LastIndexByte(pointer, '/')
	if i < 0 {
		return "", ""
	}
	return pointer[:i], unescape.Replace(pointer[i+1:])
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// below is the pointer of an element.
func below(pointer string, i int) string { return strict.Pointer(pointer, strconv.Itoa(i)) }

// indexIn reads the token of a list's element.
func indexIn(token string, length int) (int, bool) {
	i, err := strconv.Atoi(token)
	return i, err == nil && i >= 0 && i < length && strconv.Itoa(i) == token
}
