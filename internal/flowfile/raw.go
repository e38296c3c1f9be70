package flowfile

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// raw guesses which value the author of an unquoted text meant: the rest of its line without a comment; inside a flow
// collection, up to the comma or bracket that ends it. Brackets and quotes that are closed on the line hide such ends.
func (s *source) raw(offset int, flow bool) string {
	_, end := s.lineAt(offset)
	line := s.text[offset:max(offset, min(end, offset+maxRaw))]
	closing := closingBrackets(line)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case closing[i] > 0:
			i = closing[i]
		case c == '"' || c == '\'':
			if length := strings.IndexByte(line[i+1:], c); length >= 0 {
				i += length + 1
			}
		case flow && (c == ',' || c == ']' || c == '}'), c == '#' && i > 0 && isBlank(line[i-1]):
			return strings.TrimRight(line[:i], " \t")
		}
	}
	return strings.TrimRight(line, " \t")
}

// maxRaw bounds the bytes of a line that raw looks at.
const maxRaw = 4096

// closingBrackets maps the index of each opening bracket outside quotes to that of the bracket which closes it, if
// there is one.
func closingBrackets(text string) map[int]int {
	closing := map[int]int{}
	var open []int
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '"', '\'':
			if length := strings.IndexByte(text[i+1:], c); length >= 0 {
				i += length + 1
			}
		case '(', '[', '{':
			open = append(open, i)
		case ')', ']', '}':
			if len(open) > 0 {
				closing[open[len(open)-1]] = i
				open = open[:len(open)-1]
			}
		}
	}
	return closing
}

// hasOpenBracket reports whether a text has a bracket that it does not close.
func hasOpenBracket(text string) bool {
	open := 0
	for _, c := range text {
		switch c {
		case '(', '[', '{':
			open++
		case ')', ']', '}':
			open = max(0, open-1)
		}
	}
	return open > 0
}

// plainEnd returns the end of the plain scalar that starts at offset and has the given value, in which line breaks were
// folded.
func (s *source) plainEnd(offset int, value string) int {
	for _, r := range value {
		if unicode.IsSpace(r) {
			for offset < len(s.text) {
				next, size := utf8.DecodeRuneInString(s.text[offset:])
				if !unicode.IsSpace(next) {
					break
				}
				offset += size
			}
			continue
		}
		offset += utf8.RuneLen(r)
	}
	return min(offset, len(s.text))
}

// commentAt returns the comment that follows on the line, or "".
func (s *source) commentAt(offset int) string {
	_, end := s.lineAt(offset)
	rest := s.text[min(offset, end):end]
	comment := strings.TrimLeft(rest, " \t")
	if strings.HasPrefix(comment, "#") && len(comment) < len(rest) {
		return strings.TrimRight(comment, " \t")
	}
	return ""
}

func firstWord(text string) string {
	if end := strings.IndexFunc(text, unicode.IsSpace); end >= 0 {
		return text[:end]
	}
	return text
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
