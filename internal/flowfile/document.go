// Package flowfile reads flow files. It turns YAML or JSON into one canonical value with the position of each part, and
// reports every problem at once, with its position and its fix.
package flowfile

import (
	"strconv"
	"strings"

	"github.com/everhook/everhook"
)

// Document is the content of one file: its value, and the position of each part.
type Document struct {
	// File is the name of the file in messages.
	File string
	// Value is the canonical value.
	Value any

	source *source
	root   *place
}

// Style is how a scalar is written.
type Style int

// The styles of YAML. JSON's strings are double quoted, its other scalars plain.
const (
	Plain Style = iota
	SingleQuoted
	DoubleQuoted
	Literal
	Folded
)

// Scalar is a scalar as it is written in the file.
type Scalar struct {
	// Style is how it is written.
	Style Style
	// Text is its text; for a number, true, false and null, the characters of the file.
	Text string
	// Comment is the rest of the line after a plain scalar, with the "#": perhaps a part of an expression that should
	// have been quoted.
	Comment string
	// Tag is the YAML tag before it, with its "!". A tag is a problem of the document, and Text then contains it too.
	Tag string
}

// place is the position of one value. Its fields mirror those of the value.
type place struct {
	// offset and end bound the value, key and keyEnd the key of its entry with its quotes. An element of a list has no
	// key: both are its offset.
	offset, end, key, keyEnd int
	// flow is set if the value is a mapping or a list in flow style: { } or [ ].
	flow   bool
	scalar *Scalar
	names  []string
	fields map[string]*place
	items  []*place
}

// Position returns the position of the value at a JSON pointer (RFC 6901), or of its nearest existing parent.
func (d *Document) Position(pointer string) Position {
	at, _ := d.find(pointer)
	return d.source.position(at.offset)
}

// KeyPosition returns the position of the key of the mapping's entry at a JSON pointer. Without such an entry it is
// Position.
func (d *Document) KeyPosition(pointer string) Position {
	at, exact := d.find(pointer)
	if !exact {
		return d.source.position(at.offset)
	}
	return d.source.position(at.key)
}

// Span is a part of the text of a document, without its byte order mark: from Start up to, but not including, End, in
// bytes.
type Span struct{ Start, End int }

// Part is one value of a document: where and how it is written.
type Part struct {
	// Value is the span of the value, from its first character to the end of its last one. A value that is left out
	// (null) has an empty span.
	Value Span
	// Key is the span of the key of its entry, with its quotes; empty for elements of lists and for the root.
	Key Span
	// Kind says what it is.
	Kind PartKind
	// Flow is set for a mapping or a list in flow style: { } or [ ].
	Flow bool
	// Names are the keys of a mapping, in their order; Items counts the elements of a list.
	Names []string
	Items int
	// Scalar is how a scalar is written; nil for mappings and lists.
	Scalar *Scalar
}

// PartKind is what a part of a document is.
type PartKind int

// The kinds of parts.
const (
	ScalarPart PartKind = iota
	MappingPart
	ListPart
)

// Part returns the part at a JSON pointer; false if there is none. The spans are right if the document has no problems.
func (d *Document) Part(pointer string) (Part, bool) {
	at, exact := d.find(pointer)
	if !exact {
		return Part{}, false
	}
	part := Part{Value: Span{at.offset, at.end}, Key: Span{at.key, at.keyEnd}, Flow: at.flow, Names: at.names,
		Items: len(at.items), Scalar: at.scalar}
	switch {
	case at.fields != nil:
		part.Kind = MappingPart
	case at.scalar == nil:
		part.Kind = ListPart
	}
	return part, true
}

// Scalar returns how the scalar at a JSON pointer is written; false if there is no scalar.
func (d *Document) Scalar(pointer string) (Scalar, bool) {
	at, exact := d.find(pointer)
	if !exact || at.scalar == nil {
		return Scalar{}, false
	}
	return *at.scalar, true
}

// OrderedKeys returns the keys of the mapping at a JSON pointer, in the order of the file; nil if there is no mapping.
func (d *Document) OrderedKeys(pointer string) []string {
	at, exact := d.find(pointer)
	if !exact {
		return nil
	}
	return at.names
}

// NodeKey returns the key of the innermost node that contains the value at a JSON pointer, or empty.
func (d *Document) NodeKey(pointer string) string {
	tokens := pointerTokens(pointer)
	if len(tokens) < 2 || tokens[0] != "nodes" && tokens[0] != "onFailure" {
		return ""
	}
	key, at := "", d.root.below(tokens[0])
	for i := 1; i < len(tokens) && at != nil; {
		node := at.below(tokens[i])
		if node == nil {
			break
		}
		if named := node.below("key"); named != nil && named.scalar != nil {
			key = everhook.Shorten(named.scalar.Text, 64)
		}
		if i+3 >= len(tokens) || tokens[i+1] != "branches" {
			break
		}
		if at = node.below("branches"); at != nil {
			at = at.below(tokens[i+2])
		}
		i += 3
	}
	return key
}

// Problem returns a problem with the value at a JSON pointer.
func (d *Document) Problem(pointer, message, fix string) Problem {
	return Problem{
		File: d.File, Position: d.Position(pointer), Node: d.NodeKey(pointer), Pointer: pointer, Message: message,
		Fix: fix,
	}
}

// find returns the place at a pointer and true, or the place of its nearest parent and false.
func (d *Document) find(pointer string) (at *place, exact bool) {
	at = d.root
	for _, token := range pointerTokens(pointer) {
		below := at.below(token)
		if below == nil {
			return at, false
		}
		at = below
	}
	return at, true
}

func (p *place) below(token string) *place {
	if field := p.fields[token]; field != nil {
		return field
	}
	if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(p.items) {
		return p.items[i]
	}
	return nil
}

var pointerUnescape = strings.NewReplacer("~1", "/", "~0", "~")

func pointerTokens(pointer string) []string {
	if pointer == "" {
		return nil
	}
	tokens := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, token := range tokens {
		tokens[i] = pointerUnescape.Replace(token)
	}
	return tokens
}
