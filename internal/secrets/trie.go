package secrets

import "strings"

// trie finds which of many texts begins at a position. The tail of a text that shares no further byte with another text
// is stored whole, so a long secret costs little more than its bytes.
type trie struct {
	// name is the name of the text that ends here, or empty.
	name     string
	children []edge
	// tail is the rest of the only text below, and tailName is its name. There are no children then.
	tail, tailName string
}

type edge struct {
	label byte
	below *trie
}

// add adds a text. Of equal texts, the first name by the alphabet counts.
func (t *trie) add(text, name string) {
	for {
		if text == "" {
			if t.name == "" || name < t.name {
				t.name = name
			}
			return
		}
		if t.tail == "" && len(t.children) == 0 {
			t.tail, t.tailName = text, name
			return
		}
		if t.tail != "" {
			tail, tailName := t.tail, t.tailName
			t.tail, t.tailName = "", ""
			t.child(tail[0]).add(tail[1:], tailName)
		}
		t, text = t.child(text[0]), text[1:]
	}
}

func (t *trie) child(label byte) *trie {
	if below := t.step(label); below != nil {
		return below
	}
	below := &trie{}
	t.children = append(t.children, edge{label, below})
	return below
}

func (t *trie) step(label byte) *trie {
	for i := range t.children {
		if t.children[i].label == label {
			return t.children[i].below
		}
	}
	return nil
}

// place is a position in a trie: a node, and how many bytes of its tail were read.
type place struct {
	node *trie
	read int
}

// next advances by one byte; false: no text continues so.
func (p place) next(b byte) (place, bool) {
	if p.node.tail != "" {
		return place{p.node, p.read + 1}, p.read < len(p.node.tail) && p.node.tail[p.read] == b
	}
	below := p.node.step(b)
	return place{node: below}, below != nil
}

// through advances by several bytes.
func (p place) through(text string) (_ place, ok bool) {
	for i := range len(text) {
		if p, ok = p.next(text[i]); !ok {
			return p, false
		}
	}
	return p, true
}

// ends returns the name of the text that ends at the place, or "".
func (p place) ends() string {
	switch {
	case p.read == 0:
		return p.node.name
	case p.read == len(p.node.tail):
		return p.node.tailName
	default:
		return ""
	}
}

// longest finds the longest text that begins at a position, byte by byte.
func (t *trie) longest(text string, at int) (end int, name string) {
	p := place{node: t}
	for i := at; i < len(text); i++ {
		var ok bool
		if p, ok = p.next(text[i]); !ok {
			break
		}
		if found := p.ends(); found != "" {
			end, name = i+1, found
		}
	}
	return end, name
}

// longestEscaped is longest for texts whose characters may be escaped.
func (t *trie) longestEscaped(text string, at int) (end int, name string) {
	s := search{text: text}
	s.from(place{node: t}, at)
	return s.end, s.name
}

// search follows all readings of a text that continue in a trie, and keeps the longest match.
type search struct {
	text string
	end  int
	name string
}

func (s *search) from(p place, at int) {
	for {
		if name := p.ends(); name != "" && at > s.end {
			s.end, s.name = at, name
		}
		if at >= len(s.text) {
			return
		}
		b := s.text[at]
		if strings.IndexByte(introducers, b) >= 0 {
			found := readingsOf(s.text, at)
			for _, c := range found.all[:found.count] {
				if next, ok := p.through(c.text); ok {
					s.from(next, c.end)
				}
			}
		}
		next, ok := p.next(b)
		if !ok {
			return
		}
		p, at = next, at+1
	}
}
