package flowfile

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// scalarEnd returns the end of the scalar that starts at offset. Indent is the indentation of the block mapping or list
// around it.
func (s *source) scalarEnd(offset int, n *yaml.Node, indent int) int {
	switch styleOf(n) {
	case SingleQuoted, DoubleQuoted:
		return s.quotedEnd(offset)
	case Literal, Folded:
		return s.blockEnd(offset, indent)
	default:
		return s.plainEnd(offset, n.Value)
	}
}

// quotedEnd returns the end of the text in quotes that starts at offset.
func (s *source) quotedEnd(offset int) int {
	if offset == len(s.text) {
		return offset
	}
	quote := s.text[offset]
	for i := offset + 1; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '\\' && quote == '"':
			i++
		case c == quote && quote == '\'' && strings.HasPrefix(s.text[i+1:], "'"):
			i++
		case c == quote:
			return i + 1
		}
	}
	return len(s.text)
}

// blockEnd returns the end of the literal or folded text whose header (| or >) is at offset, without the end of its
// last line. Empty lines at its end belong to it only if the header keeps them (+).
func (s *source) blockEnd(offset, indent int) int {
	_, headerEnd := s.lineAt(offset)
	header, _, _ := strings.Cut(s.text[offset:headerEnd], "#")
	least := -1
	if i := strings.IndexAny(header, "123456789"); i >= 0 {
		least = indent + int(header[i]-'0')
	}
	end := headerEnd
	for at := s.lineAfter(headerEnd); at >= 0; {
		_, lineEnd := s.lineAt(at)
		line := s.text[at:lineEnd]
		width := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case width == len(line) && (least < 0 || width <= least):
			if strings.Contains(header, "+") {
				end = lineEnd
			}
			at = s.lineAfter(lineEnd)
			continue
		case least < 0:
			least = max(width, indent+1)
		}
		if width < least {
			break
		}
		end, at = lineEnd, s.lineAfter(lineEnd)
	}
	return end
}

// lineAfter returns the start of the line after the one that ends at an offset, or -1.
func (s *source) lineAfter(end int) int {
	next := strings.IndexByte(s.text[end:], '\n')
	if next < 0 || end+next+1 == len(s.text) {
		return -1
	}
	return end + next + 1
}

// flowEnd returns the end of the collection in flow style whose last entry ends at offset: that of its bracket.
func (s *source) flowEnd(offset int) int {
	for i := offset; i < len(s.text); i++ {
		switch s.text[i] {
		case ']', '}':
			return i + 1
		case '#':
			_, end := s.lineAt(i)
			i = end - 1
		case ' ', '\t', '\r', '\n', ',', ':':
		default:
			return offset
		}
	}
	return len(s.text)
}

// valueStart returns the place of a value that is left out: after the colon of its key, or after the key if it has
// none.
func (s *source) valueStart(keyEnd int) int {
	rest := s.text[keyEnd:]
	if blank := strings.TrimLeft(rest, " \t"); strings.HasPrefix(blank, ":") {
		return keyEnd + len(rest) - len(blank) + 1
	}
	return keyEnd
}
